"""Every family with every result rounded to fp16, as on a phone: nothing overflows, and logits stay close."""

from __future__ import annotations

import numpy as np
import pytest

import references
import runtime_agent
from checkpoints import SAMPLES, VOCAB
from lilims_convert import opening
from safetensors_files import write_tensors

PROMPT = np.random.default_rng(21).integers(3, VOCAB, 20).tolist()


def logits(sample, tensors, folder, convert_tiny, layout: str) -> np.ndarray:
    source = sample.write_directory(folder / "source")
    write_tensors(source / "model.safetensors", {name: value.astype(np.float16) for name, value in tensors.items()})
    model = convert_tiny(folder / "model", opening.open_directory(source), layout=layout)
    return runtime_agent.logits(model, PROMPT, 0, "--storage16")[0][-1]


@pytest.mark.parametrize("layout", ["gpu", "ane"])
@pytest.mark.parametrize("name", SAMPLES)
def test_logits_in_half_precision_are_near(name, layout, tmp_path, convert_tiny):
    sample = SAMPLES[name]
    found = logits(sample, sample.tensors(), tmp_path, convert_tiny, layout)
    expected = references.logits(sample.config, sample.tensors(), PROMPT, references.stored)[-1]
    assert np.abs(found - expected).max() < 0.02 * np.ptp(expected)
    assert np.abs(found - expected).max() > 1e-5, "rounding every result cannot be exact"


@pytest.mark.parametrize("largest", [1e3, 6e4])
@pytest.mark.parametrize(
    ("name", "embedding"),
    [("llama", "model.embed_tokens.weight"), ("gpt2", "transformer.wpe.weight"), ("phi2", "model.embed_tokens.weight")],
)
def test_a_residual_stream_near_the_end_of_fp16(name, embedding, largest, tmp_path, convert_tiny):
    """Embeddings (of positions, if the token embedding is also the output layer) with the largest fp16 values."""
    sample, tensors = SAMPLES[name], SAMPLES[name].tensors()
    tensors[embedding] = (tensors[embedding] * (largest / np.abs(tensors[embedding]).max())).astype(np.float16).astype(np.float32)
    found = logits(sample, tensors, tmp_path, convert_tiny, "gpu")
    expected = references.logits(sample.config, tensors, PROMPT, references.stored)[-1]
    assert np.isfinite(found).all()
    assert np.abs(found - expected).max() < 0.02 * np.ptp(expected)
