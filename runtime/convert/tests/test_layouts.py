"""Both layouts in every precision, run by the runtime: it computes with exactly the values in the package, and these are
close to the original ones.
"""

from __future__ import annotations

import dataclasses
import string

import numpy as np
import pytest

import runtime_agent
from lilims_convert import conversion, package, precisions, storage
from lilims_convert.reference import Reference
from lilims_convert.weightfile import WeightReader
from lilims_training import tiny

ARCHITECTURE = dataclasses.replace(tiny.ARCHITECTURE, tied_embeddings=False)
IDS = np.random.default_rng(8).integers(3, ARCHITECTURE.vocab, 30).tolist()
KINDS = [
    (layout, quantization)
    for layout in precisions.LAYOUTS
    for quantization in precisions.QUANTIZATIONS
    if layout == "ane" or quantization not in precisions.PALETTES
]


@pytest.fixture(scope="session")
def made(tmp_path_factory, tiny_tokenizer):
    """Conversions of one network by layout and precision; matrices of the vocabulary are in parts in the ane layout."""
    done = {}

    def convert(layout: str, quantization: str) -> conversion.Conversion:
        if (layout, quantization) not in done:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(storage, "ANE_ROWS", 128)
                request = dataclasses.replace(
                    tiny.request(tmp_path_factory.mktemp("layouts") / "model", tiny_tokenizer), layout=layout, quantization=quantization
                )
                done[layout, quantization] = conversion.convert(tiny.make(ARCHITECTURE), request)
        return done[layout, quantization]

    return convert


def held(done: conversion.Conversion) -> dict[str, np.ndarray]:
    """The values that a device computes with."""
    blobs = package.weights_folder(done.request.destination / "model.mlpackage") / package.WEIGHT_FILE
    return {name: weight.dense(WeightReader(blobs)) for name, weight in done.weights.items()}


def logits(tensors: dict[str, np.ndarray]) -> np.ndarray:
    return Reference(ARCHITECTURE, tensors, ARCHITECTURE.context, cache="fp32").logits(IDS)


def original() -> np.ndarray:
    return logits({name: np.asarray(value, np.float32) for name, value in tiny.make(ARCHITECTURE).tensors.items()})


@pytest.mark.parametrize(("layout", "quantization"), KINDS)
def test_the_runtime_computes_with_what_the_package_holds(layout, quantization, made):
    done = made(layout, quantization)
    for flags in ((), ("--by-token",)):
        found = runtime_agent.logits(done.request.destination, IDS, 0, *flags)[0][-1]
        np.testing.assert_allclose(found, logits(held(done))[-1], atol=2e-3, rtol=0)


@pytest.mark.parametrize(("layout", "quantization"), KINDS)
def test_coremltools_reads_the_same_values(layout, quantization, made):
    done = made(layout, quantization)
    program, values = package.open_program(done.request.destination / "model.mlpackage"), held(done)
    seen = 0
    for function in program.functions.values():
        for op in function.operations:
            if op.op_type.startswith("constexpr_"):
                name = next(name for name in values if op.name.startswith(name.replace(".", "_")))
                found, whole = np.asarray(op.materialized_val_inference(), np.float32).reshape(-1, values[name].shape[1]), values[name]
                first = 128 * int(op.name.removeprefix(name.replace(".", "_")).lstrip(string.ascii_letters + "_") or 0)
                np.testing.assert_allclose(found, whole[first : first + len(found)], rtol=1e-3, atol=1e-6, err_msg=op.name)
                seen += 1
    assert (seen > 0) == (quantization != "fp16")


# The largest error of logits, as a fraction of their range: the effect of that rounding on a network of random weights.
LIMITS = {"fp16": 0.002, "int8": 0.05, "palette8": 0.05, "palette6": 0.12, "palette4": 0.45, "int4": 0.45}


@pytest.mark.parametrize(("layout", "quantization"), KINDS)
def test_quantisation_loses_what_its_bits_explain(layout, quantization, made):
    assert off(made(layout, quantization)) < LIMITS[quantization]


def off(done: conversion.Conversion) -> float:
    exact = original()
    return float(np.sqrt(((logits(held(done)) - exact) ** 2).mean()) / exact.std())


def test_fewer_bits_lose_more(made):
    losses = [off(made("ane", quantization)) for quantization in ("fp16", "palette8", "palette6", "palette4")]
    assert losses == sorted(losses)
    assert losses[-1] > 4 * losses[1]


@pytest.mark.parametrize("quantization", ["fp16", "int8"])
def test_layouts_hold_the_same_values(quantization, made):
    """With the same rounding, both layouts have the same values."""
    gpu, ane = (held(made(layout, quantization)) for layout in precisions.LAYOUTS)
    for name in gpu:
        np.testing.assert_array_equal(gpu[name], ane[name], err_msg=name)


def test_four_bits_on_the_neural_engine_are_palettes(made):
    four, palettes = held(made("ane", "int4")), held(made("ane", "palette4"))
    assert all((four[name] == palettes[name]).all() for name in four)
    names = {op.type for op in operations(made("ane", "int4"))}
    assert "constexpr_lut_to_dense" in names
    assert "linear" not in names


def operations(done: conversion.Conversion):
    function = package.open_copy(done.request.destination / "model.mlpackage").mlProgram.functions["decode"]
    return function.block_specializations[function.opset].operations


@pytest.mark.parametrize("quantization", precisions.PALETTES)
def test_palettes_are_for_the_neural_engine(quantization, tmp_path, convert_tiny):
    with pytest.raises(ValueError, match=f"{quantization}: palettes are for the ane layout; the gpu layout has int4 and int8"):
        convert_tiny(tmp_path / "model", tiny.make(), quantization=quantization)
