"""What the Neural Engine is known to dislike, looked for in a written program. Static: no device is asked.

Each rule says what it saw, in which operation, and what helps. Findings of level "error" keep a program off the Neural
Engine; those of level "warning" make it slower, or keep single operations off it. The rules come from what ports of
language models have reported; a device's own compute plan has the last word.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from coremltools.proto import MIL_pb2, Model_pb2

_FLOATS = {MIL_pb2.FLOAT16: "fp16", MIL_pb2.FLOAT32: "fp32", MIL_pb2.FLOAT64: "fp64", MIL_pb2.BFLOAT16: "bf16"}
MOST_AXES = 5
MOST_STATES = 2
MOST_OUTPUTS = 16384
ALIGNED = 64  # bytes of a row
LARGEST_PROGRAM = 10**9  # bytes of weights that the Neural Engine's compiler takes
# Operations that run elsewhere, or make the compiler give up.
BANNED = {"linear", "einsum", "scatter_nd", "scatter_along_axis", "cumsum", "one_hot", "while_loop", "cond", "range_1d", "topk"}


@dataclass(frozen=True)
class Finding:
    rule: str
    level: str  # error or warning
    function: str
    operation: str  # its name; "" for a finding about the whole function
    text: str
    remedy: str

    def __str__(self) -> str:
        where = f"{self.function}/{self.operation}" if self.operation else self.function
        return f"{self.level}: {self.rule}: {where}: {self.text}; {self.remedy}"


def check(model: Model_pb2.Model) -> list[Finding]:
    """All findings, function by function, one for each rule and kind of operation (the first, with the count)."""
    findings: list[Finding] = []
    for name in sorted(model.mlProgram.functions):
        function = model.mlProgram.functions[name]
        operations = function.block_specializations[function.opset].operations
        for rule in RULES:
            findings += _first_of_each_kind(rule(name, function, operations))
    return findings


def _first_of_each_kind(found: Iterator[tuple[str, Finding]]) -> list[Finding]:
    kinds: dict[str, list[Finding]] = {}
    for kind, finding in found:
        kinds.setdefault(kind, []).append(finding)
    together = []
    for findings in kinds.values():
        first, more = findings[0], len(findings) - 1
        text = f"{first.text} (and {more} more)" if more else first.text
        together.append(Finding(first.rule, first.level, first.function, first.operation, text, first.remedy))
    return together


_Found = Iterator[tuple[str, Finding]]


def _name(operation: MIL_pb2.Operation) -> str:
    value = operation.attributes["name"].immediateValue.tensor.strings.values
    return value[0] if value else operation.type


def _is_constant(operation: MIL_pb2.Operation) -> bool:
    return operation.type == "const" or operation.type.startswith("constexpr_")


def _shape(value: MIL_pb2.ValueType) -> list[int]:
    return [int(d.constant.size) for d in value.tensorType.dimensions]


def _rank(function: str, _: MIL_pb2.Function, operations) -> _Found:
    for op in operations:
        for output in op.outputs:
            axes = len(_shape(output.type))
            if axes > MOST_AXES and not _is_constant(op):
                text = f"{op.type} gives {axes} axes"
                yield op.type, Finding("rank", "error", function, _name(op), text, f"reshape to at most {MOST_AXES}")


def _precision(function: str, _: MIL_pb2.Function, operations) -> _Found:
    for op in operations:
        for output in op.outputs:
            kind = _FLOATS.get(output.type.tensorType.dataType)
            if kind not in (None, "fp16") and not _is_constant(op):
                text = f"{op.type} computes in {kind}"
                level = "warning" if function == "score" else "error"
                yield op.type, Finding("precision", level, function, _name(op), text, "compute in fp16")


def _banned(function: str, _: MIL_pb2.Function, operations) -> _Found:
    for op in operations:
        if op.type in BANNED:
            remedy = "use a 1x1 convolution (--layout ane)" if op.type == "linear" else "express it by other operations"
            yield op.type, Finding("operation", "warning", function, _name(op), f"{op.type} seldom runs on the Neural Engine", remedy)


def _alignment(function: str, _: MIL_pb2.Function, operations) -> _Found:
    """Only products: theirs are the rows that are read again and again."""
    for op in operations:
        if op.type not in ("matmul", "conv"):
            continue
        shape = _shape(op.outputs[0].type)
        row = (shape[1] if op.type == "conv" else shape[-1]) * 2
        if row % ALIGNED:
            text = f"{op.type} gives {shape}, rows of {row} bytes"
            yield op.type, Finding("alignment", "warning", function, _name(op), text, f"make rows a multiple of {ALIGNED} bytes: they are padded else")


def _states(function: str, described: MIL_pb2.Function, _) -> _Found:
    count = sum(1 for value in described.inputs if value.type.WhichOneof("type") == "stateType")
    if count > MOST_STATES:
        text = f"{count} states"
        yield "", Finding("states", "error", function, "", text, f"pack them: more than {MOST_STATES} compile, and fail when they run")


def _size(function: str, _: MIL_pb2.Function, operations) -> _Found:
    total = 0
    seen: set[int] = set()
    for op in operations:
        values = [b.value for argument in op.inputs.values() for b in argument.arguments if b.HasField("value")]
        for value in [*values, *op.attributes.values()]:
            if value.HasField("blobFileValue") and value.blobFileValue.offset not in seen:
                seen.add(value.blobFileValue.offset)
                count = 1
                for size in _shape(value.type):
                    count *= size
                total += count * _BITS.get(value.type.tensorType.dataType, 32) // 8
    if total > LARGEST_PROGRAM:
        text = f"{total / 1e9:.2f} GB of weights"
        yield "", Finding("size", "error", function, "", text, "quantise further, or split the network into several programs")


def _outputs(function: str, _: MIL_pb2.Function, operations) -> _Found:
    for op in operations:
        if op.type == "conv" and _shape(op.outputs[0].type)[1] > MOST_OUTPUTS:
            text = f"conv of {_shape(op.outputs[0].type)[1]} outputs"
            yield op.type, Finding("outputs", "warning", function, _name(op), text, f"split it into parts of at most {MOST_OUTPUTS}")


def _palette(function: str, _: MIL_pb2.Function, operations) -> _Found:
    """Look-up tables and scales may differ between rows only: neither may change along the inputs of a product."""
    for op in operations:
        part = {"constexpr_lut_to_dense": "lut", "constexpr_blockwise_shift_scale": "scale"}.get(op.type)
        if part is None:
            continue
        binding = op.inputs[part].arguments[0]
        if not binding.HasField("value"):
            continue
        groups = _shape(binding.value.type)
        groups = groups[:-2] if part == "lut" else groups
        if any(size > 1 for size in groups[1:]):
            text = f"{op.type} has a {part} of shape {_shape(binding.value.type)}, which changes along the inputs"
            yield op.type, Finding("palette", "error", function, _name(op), text, "use palettes per group of rows or scales per row (--layout ane)")


_BITS = {
    MIL_pb2.FLOAT16: 16, MIL_pb2.INT8: 8, MIL_pb2.UINT8: 8, MIL_pb2.INT4: 4, MIL_pb2.UINT4: 4, MIL_pb2.INT16: 16, MIL_pb2.UINT16: 16,
}  # fmt: skip

RULES: tuple[Callable[..., _Found], ...] = (_rank, _precision, _banned, _alignment, _states, _size, _outputs, _palette)
