"""Every rule of the lint, on programs that violate it and on similar ones that do not; and the converter's programs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from coremltools.converters.mil.mil import Builder as mb
from coremltools.converters.mil.mil import Function, Program, types

from checkpoints import SAMPLES
from lilims_convert import lint, lint_rules, opening, package, program
from lilims_convert.weightfile import WeightFile
from lilims_convert.weights import Blobs


def fp16(*shape: int):
    return mb.placeholder(shape=shape, dtype=types.fp16)


def state(*shape: int):
    return mb.state_tensor_placeholder(shape=shape, dtype=types.fp16)


def zeros(*shape: int) -> np.ndarray:
    return np.zeros(shape, np.float16)


def read_all(**states):
    total = None
    for one in states.values():
        value = mb.read_state(input=one)
        total = value if total is None else mb.add(x=total, y=value)
    return total


def lut(groups: tuple[int, ...], values: int, vector: int = 1):
    indices = np.zeros((16, 32 // vector), {16: types.np_uint4_dtype, 64: types.np_uint6_dtype, 8: types.np_uint3_dtype}[values])
    axis = {} if vector == 1 else {"vector_axis": np.int32(1)}
    return mb.constexpr_lut_to_dense(indices=indices, lut=zeros(*groups, values, vector), **axis)


def scaled(*scale: int):
    return mb.constexpr_blockwise_shift_scale(data=np.zeros((16, 32), np.int8), scale=np.ones(scale, np.float16))


def product(weight):
    return lambda x: mb.matmul(x=x, y=weight(), transpose_y=True)


@dataclass(frozen=True)
class Case:
    """A rule, a program that violates it, one that does not, and the finding for the first."""

    rule: str
    level: str
    inputs: dict[str, Callable]
    bad: Callable
    good: Callable
    operation: str
    text: str
    remedy: str
    good_inputs: dict[str, Callable] | None = None


X = {"x": lambda: fp16(1, 32)}
IMAGE = {"x": lambda: fp16(1, 4, 1, 1)}
CASES = {
    "six axes": Case(
        "rank",
        "error",
        X,
        lambda x: mb.reshape(x=x, shape=[1, 2, 2, 2, 2, 2]),
        lambda x: mb.reshape(x=x, shape=[1, 2, 2, 2, 4]),
        "reshape_0",
        "reshape returns 6 axes",
        "at most 5",
    ),
    "fp32": Case(
        "precision",
        "error",
        X,
        lambda x: mb.exp(x=mb.cast(x=x, dtype="fp32")),
        lambda x: mb.exp(x=x),
        "cast_0",
        "cast computes in fp32",
        "compute in fp16",
    ),
    "linear": Case(
        "operation",
        "warning",
        X,
        lambda x: mb.linear(x=x, weight=zeros(32, 32)),
        lambda x: mb.relu(x=x),
        "linear_0",
        "linear seldom runs",
        "--layout ane",
    ),
    "topk": Case(
        "operation",
        "warning",
        X,
        lambda x: mb.topk(x=x, k=4, axis=1)[0],
        lambda x: mb.reduce_max(x=x, axes=[1]),
        "topk_0",
        "topk seldom runs",
        "runs on the CPU",
    ),
    "rows of 33": Case(
        "alignment",
        "warning",
        X,
        product(lambda: zeros(33, 32)),
        product(lambda: zeros(64, 32)),
        "matmul_0",
        "[1, 33], last axis of 66 bytes",
        "a multiple of 64 bytes",
    ),
    "channels of 40": Case(
        "alignment",
        "warning",
        IMAGE,
        lambda x: mb.conv(x=x, weight=zeros(40, 4, 1, 1)),
        lambda x: mb.conv(x=x, weight=zeros(32, 4, 1, 1)),
        "conv_0",
        "channels of 80 bytes",
        "a multiple of 64 bytes",
    ),
    "heads of 40 in the state": Case(
        "alignment",
        "warning",
        {"s": lambda: state(2, 40)},
        read_all,
        read_all,
        "",
        "state s [2, 40]",
        "a multiple of 64",
        {"s": lambda: state(2, 64)},
    ),
    "three states": Case(
        "states",
        "error",
        {name: lambda: state(2, 32) for name in "abc"},
        read_all,
        read_all,
        "",
        "3 states",
        "pack them",
        {name: lambda: state(2, 32) for name in "ab"},
    ),
    "palettes by column": Case(
        "palette",
        "error",
        X,
        product(lambda: lut((1, 2), 16)),
        product(lambda: lut((2, 1), 16)),
        "constexpr_lut_to_dense_0",
        "a lut of shape [1, 2, 16, 1]",
        "palettes per group of rows",
    ),
    "palettes of vectors": Case(
        "palette",
        "error",
        X,
        product(lambda: lut((2, 1), 16, 2)),
        product(lambda: lut((2, 1), 64)),
        "constexpr_lut_to_dense_0",
        "vectors of 2",
        "single values",
    ),
    "scales by block": Case(
        "palette",
        "error",
        X,
        product(lambda: scaled(16, 2)),
        product(lambda: scaled(16, 1)),
        "constexpr_blockwise_shift_scale_0",
        "a scale of shape [16, 2]",
        "scales per row",
    ),
    "wide convolution": Case(
        "outputs",
        "warning",
        IMAGE,
        lambda x: mb.reduce_max(x=mb.conv(x=x, weight=zeros(16416, 4, 1, 1)), axes=[1]),
        lambda x: mb.reduce_max(x=mb.conv(x=x, weight=zeros(16384, 4, 1, 1)), axes=[1]),
        "conv_0",
        "conv of 16416 outputs",
        "at most 16384",
    ),
    "large result": Case(
        "outputs",
        "warning",
        X,
        lambda x: mb.tile(x=x, reps=[1, 600]),
        lambda x: mb.tile(x=x, reps=[1, 500]),
        "tile_0",
        "is 38 KB per call",
        "--outputs topk",
    ),
}


def written(folder, inputs: dict[str, Callable], build: Callable, name: str = "decode"):
    """A program of one function, as coremltools reads it."""
    mb.name_count.clear()
    made = Program()
    with Function({key: make() for key, make in inputs.items()}, opset_version=program.TARGET) as function:
        function.set_outputs([build(**function.inputs)])
    made.add_function("main", function)
    with WeightFile(package.weights_folder(folder) / package.WEIGHT_FILE) as weights:
        package.write({name: made}, name, weights, Blobs(), folder)
    return package.open_copy(folder)


@pytest.mark.parametrize("name", CASES)
def test_a_rule_sees_what_breaks_it_and_nothing_else(name, tmp_path):
    case = CASES[name]
    found = [finding for finding in lint.check(written(tmp_path / "bad", case.inputs, case.bad)) if finding.rule == case.rule]
    assert len(found) == 1, [str(finding) for finding in found]
    finding = found[0]
    assert (finding.level, finding.functions, finding.operation) == (case.level, ("decode",), case.operation)
    assert case.text in finding.text
    assert case.remedy in finding.remedy
    assert str(finding).startswith(f"{case.level}: {case.rule}: ")
    assert "decode: " in str(finding)
    good = lint.check(written(tmp_path / "good", case.good_inputs or case.inputs, case.good))
    assert [str(finding) for finding in good if finding.rule == case.rule] == []


def test_the_size_of_a_program_counts_each_weight_once(tmp_path, monkeypatch):
    def build(x):
        weight = mb.const(val=np.ones((32, 32), np.float16), name="weight")
        return mb.matmul(x=mb.matmul(x=x, y=weight), y=weight)

    model = written(tmp_path / "model", X, build)
    monkeypatch.setattr(lint_rules, "LARGEST_PROGRAM", 2048)
    assert [finding for finding in lint.check(model) if finding.rule == "size"] == []
    monkeypatch.setattr(lint_rules, "LARGEST_PROGRAM", 2047)
    (finding,) = (finding for finding in lint.check(model) if finding.rule == "size")
    assert (finding.level, finding.operation) == ("error", "")
    assert "GB of weights" in finding.text
    assert "quantise further" in finding.remedy


def test_every_rule_has_a_case():
    assert {case.rule for case in CASES.values()} | {"size"} == set(lint_rules.RULES)


def test_evaluation_may_compute_in_more_than_half_precision(tmp_path):
    (finding,) = lint.check(written(tmp_path / "model", X, lambda x: mb.exp(x=mb.cast(x=x, dtype="fp32")), "score"))
    assert (finding.rule, finding.level) == ("precision", "warning")
    assert "and 1 more" in finding.text


# The remaining findings in programs of the ane layout: ranking of more than one token runs on the CPU, scores need fp32, and
# the length of rows depends on the dimensions of the network.
REMAINING = {("operation", "topk"), ("precision", "fp32"), ("alignment", "")}


@pytest.mark.parametrize("quantization", ["fp16", "int8", "palette4", "palette6"])
@pytest.mark.parametrize("name", SAMPLES)
def test_our_programs_for_the_neural_engine_are_free_of_errors(name, quantization, tmp_path, convert_tiny):
    source = opening.open_directory(SAMPLES[name].write_directory(tmp_path / "source"))
    folder = convert_tiny(tmp_path / "model", source, layout="ane", quantization=quantization, top_k=4, score=True)
    for finding in lint.check(package.open_copy(folder / "model.mlpackage")):
        assert finding.level == "warning", str(finding)
        assert any(finding.rule == rule and word in finding.text for rule, word in REMAINING), str(finding)


def test_nothing_is_left_where_dimensions_fit_and_one_token_is_asked_for(tmp_path, convert_tiny):
    """Steps that return only the most likely token have no findings."""
    from lilims_training import tiny

    folder = convert_tiny(tmp_path / "model", tiny.make(), layout="ane", quantization="palette6", top_k=1)
    findings = [finding for finding in lint.check(package.open_copy(folder / "model.mlpackage")) if finding.rule != "alignment"]
    assert findings == []
