"""The program in the written package computes what the reference computes."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from interpreter import Host, Interpreter
from lilims_convert import checkpoint, conversion, package
from lilims_convert.reference import Reference
from lilims_training import tiny


def reference(architecture, tensors, cache="fp32"):
    dense = {name: tensor.astype(np.float16).astype(np.float32) for name, tensor in tensors.items()}
    return Reference(architecture, dense, architecture.context, cache=cache)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"tied_embeddings": False, "rope_theta": 500.0}, id="own output layer, other rotation base"),
        pytest.param({"kv_heads": 4, "norm_epsilon": 1e-3}, id="a key-value head per query head, large epsilon"),
        pytest.param({"kv_heads": 1, "layers": 3}, id="one key-value head for all, three layers"),
    ],
)
def test_package_computes_what_the_reference_computes(tmp_path, convert_tiny, change):
    source = tiny.make(dataclasses.replace(tiny.ARCHITECTURE, **change))
    follow(source, convert_tiny(tmp_path / "model", source))


def test_shipped_shape_computes_what_the_reference_computes(tiny_folder):
    follow(tiny.make(), tiny_folder)


def follow(source, folder):
    """Feeds 40 tokens in several portions and compares the logits after each."""
    program = package.open_program(folder / "model.mlpackage")
    oracle = reference(source.architecture, source.tensors)
    ids = np.random.default_rng(2).integers(0, source.architecture.vocab, 40).tolist()
    expected = oracle.logits(ids)
    # Chunks of 8: 13 tokens are a full and a padded chunk; then follow single tokens and a chunk in the middle of the cache.
    host = Host(Interpreter(program), source.architecture.context, tiny.PREFILL_CHUNK)
    for upto, step in [(13, ids[:13]), (14, ids[13:14]), (15, ids[14:15]), (40, ids[15:40])]:
        np.testing.assert_allclose(host.feed(step), expected[upto - 1], atol=1e-4, err_msg=f"after {upto} tokens")


def test_cache_can_be_filled_to_the_last_slot(tiny_folder):
    source = tiny.make()
    program = package.open_program(tiny_folder / "model.mlpackage")
    context = source.architecture.context
    ids = np.random.default_rng(3).integers(0, source.architecture.vocab, context).tolist()
    host = Host(Interpreter(program), context, tiny.PREFILL_CHUNK)
    host.feed(ids[:61])  # 61 is not a multiple of the chunk: the rest is fed one by one
    np.testing.assert_allclose(host.feed(ids[61:]), reference(source.architecture, source.tensors).logits(ids)[-1], atol=1e-4)


@pytest.mark.parametrize("factor", [1e-4, 2000.0], ids=["near zero", "squares overflow fp16"])
def test_norm_is_safe_when_every_value_is_fp16(tmp_path, convert_tiny, factor):
    source = tiny.make()
    tensors = dict(source.tensors)
    tensors["token_embd.weight"] = tensors["token_embd.weight"] * np.float32(factor)
    own_head = dataclasses.replace(source.architecture, tied_embeddings=False)
    tensors["output.weight"] = source.tensors["token_embd.weight"]
    source = checkpoint.Checkpoint(own_head, tensors)
    program = package.open_program(convert_tiny(tmp_path / "model", source) / "model.mlpackage")
    logits = Host(Interpreter(program, exact=False), own_head.context, tiny.PREFILL_CHUNK).feed([5, 6, 7])
    expected = reference(own_head, tensors).logits([5, 6, 7])[-1]
    assert np.isfinite(logits).all()
    assert np.abs(logits - expected).max() < 0.02 * np.abs(expected).max()


def test_unknown_quantization_is_refused_by_name(tmp_path, convert_tiny):
    with pytest.raises(ValueError, match=r"unknown quantization 'int3'; known: .*fp16"):
        convert_tiny(tmp_path / "model", tiny.make(), quantization="int3")


def test_steps_have_a_name_and_a_reason():
    names = [step.name for step in conversion.STEPS]
    assert len(set(names)) == len(names)
    assert all(len(step.why_here) > 20 for step in conversion.STEPS)
