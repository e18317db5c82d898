"""Every tensor type of ggml, from the file through the package to the logits of the runtime."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from coremltools.converters.mil.mil import types

import quantised
import references
import runtime_agent
from lilims_convert import exact, opening, package

PROMPT = np.random.default_rng(12).integers(3, 288, 19).tolist()
GREEDY = 6
# What quantisation to four bits keeps from the file: element type, elements per scale, whether every number of the package
# is a number of the file or a product of such numbers.
KEPT = {"Q4_0": ("int4", 32, True), "Q4_1": ("uint4", 32, False), "Q5_0": ("int8", 32, True), "Q5_1": ("int8", 32, False),
        "Q8_0": ("int8", 32, True), "Q4_K": ("uint4", 32, False), "Q5_K": ("int8", 32, False), "Q6_K": ("int8", 16, False)}  # fmt: skip


@pytest.fixture(scope="session")
def converted(tmp_path_factory, convert_tiny):
    """Model folders by type and precision, with the values of the source's tensors; each converted once."""
    made = {}

    def convert(name: str, quantization: str):
        if (name, quantization) not in made:
            folder = tmp_path_factory.mktemp(name)
            meant = quantised.write(folder / "model.gguf", name)
            model = convert_tiny(folder / "model", opening.open_gguf(folder / "model.gguf"), quantization=quantization)
            made[name, quantization] = model, meant
        return made[name, quantization]

    return convert


def theirs(ours: str) -> str:
    """Hugging Face's name of a matrix of the only layer."""
    inner = {"attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj",
             "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj"}  # fmt: skip
    return f"model.layers.0.{inner[ours]}.weight"


MATRICES = ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down")


@dataclass(frozen=True)
class Kept:
    """A block-wise constant as coremltools reads it from a package."""

    kind: str
    data: np.ndarray
    scale: np.ndarray
    offset: np.ndarray | None
    product: np.ndarray  # as computed by coremltools

    def spread(self, values: np.ndarray) -> np.ndarray:
        """Repeats a number per block for every element."""
        return np.repeat(values.astype(np.float64), self.data.shape[1] // values.shape[1], 1)

    def values(self) -> np.ndarray:
        offset = 0 if self.offset is None else self.spread(self.offset)
        return self.spread(self.scale) * (self.data.astype(np.float64) - offset)


def kept(folder, matrix: str) -> Kept:
    for op in package.open_program(folder / "model.mlpackage").functions["decode"].operations:
        if op.op_type == "constexpr_blockwise_shift_scale" and op.outputs[0].name == f"blk_0_{matrix}_weight":
            offset = None if op.offset is None else op.offset.val
            product = np.asarray(op.materialized_val_inference(), np.float64)
            return Kept(types.builtin_to_string(op.data.dtype), np.asarray(op.data.val), op.scale.val, offset, product)
    raise AssertionError(f"{matrix} is no block-wise constant")


@pytest.mark.parametrize("name", KEPT)
def test_blocks_are_kept_as_the_file_has_them(name, converted):
    folder, meant = converted(name, "int4")
    kind, block, literal = KEPT[name]
    for matrix in MATRICES:
        found, wanted = kept(folder, matrix), meant[theirs(matrix)]
        assert (found.kind, found.scale.dtype, found.data.shape[1] // found.scale.shape[1]) == (kind, np.float16, block)
        if literal:
            assert found.offset is None
            np.testing.assert_array_equal(found.values().astype(np.float32), wanted, err_msg=f"{matrix}: not bit for bit what the file has")
        # Scales and offsets that are products are rounded to fp16 once: an error of 11 bits of the larger of the two.
        minima = 0 if found.offset is None else np.abs(found.spread(found.scale) * found.spread(found.offset))
        allowed = np.maximum(np.abs(wanted), minima) * 2.0**-10 + 2.0**-20
        assert (np.abs(found.values() - wanted) <= allowed).all(), f"{matrix}: off by {np.abs(found.values() - wanted).max()}"
        np.testing.assert_allclose(found.product, found.values(), atol=1e-3, rtol=2e-3)


@pytest.mark.parametrize("name", ["Q4_1", "Q5_1", "Q4_K", "Q5_K"])
@pytest.mark.parametrize("step", [0.0, 6e-8, 1e-6, 1e-4])
def test_blocks_that_hardly_vary_are_kept_as_well(name, step):
    """Rows of tokens that never occurred in training: their offsets, in steps, do not fit fp16."""
    data = quantised.blocks(name, 64, 3, 0.1)
    data[:, :2] = np.float16([step]).view(np.uint8)
    data[:, 2:4] = np.float16([0.05]).view(np.uint8)
    values, scale, offset = exact.find(name, "int4" if name.startswith("Q4") else "int8").unpack(data)
    assert np.isfinite(scale.astype(np.float16)).all()
    assert np.isfinite(offset.astype(np.float16)).all()
    per_scale = values.reshape(*scale.shape, -1).astype(np.float64)
    rebuilt = (
        scale.astype(np.float16).astype(np.float64)[..., None] * (per_scale - offset.astype(np.float16).astype(np.float64)[..., None])
    ).reshape(64, -1)
    wanted = quantised.values(name, data)
    assert (np.abs(rebuilt - wanted) <= np.abs(wanted).max() * 2.0**-10 + 2.0**-20).all()


@pytest.mark.parametrize("name", quantised.TYPES)
def test_the_runtime_says_what_the_file_means(name, converted):
    """In fp16, where each value is rounded once, and in four bits, where the package keeps the blocks of the file."""
    for quantization in ("fp16", *(["int4"] if name in KEPT else [])):
        folder, meant = converted(name, quantization)
        if quantization == "fp16":
            weights = {key: value.astype(np.float16).astype(np.float32) for key, value in meant.items()}
        elif KEPT[name][2]:
            weights = meant
        else:  # compared with the file, element by element, above
            weights = {**meant, **{theirs(matrix): kept(folder, matrix).values() for matrix in MATRICES}}
        found, greedy = runtime_agent.logits(folder, PROMPT, GREEDY)
        rows = references.logits(quantised.llama().config, weights, PROMPT + greedy[:-1], references.stored)[len(PROMPT) - 1 :]
        assert greedy == rows.argmax(-1).tolist(), quantization
        np.testing.assert_allclose(found, rows, atol=1e-3, rtol=0, err_msg=quantization)
