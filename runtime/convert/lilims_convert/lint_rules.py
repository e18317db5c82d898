"""The rules of the lint: each takes one function of a program and yields its violations."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from coremltools.proto import MIL_pb2

MOST_AXES = 5
MOST_STATES = 2
MOST_CHANNELS = 16384  # outputs of one convolution
MOST_RESULTS = 32 * 1024  # bytes that a generation step should return at most
ALIGNED = 64  # bytes; rows should be a multiple of it
LARGEST_PROGRAM = 10**9  # bytes of weights that the Neural Engine's compiler accepts
PALETTE_BITS = (1, 2, 3, 4, 6, 8)
FOR_EVALUATION = ("logits", "score")  # functions that are not called during generation
# Operations that run on other units or fail to compile, and what to use instead.
BANNED = {
    "linear": "use a 1x1 convolution (--layout ane)",
    "topk": "it runs on the CPU at the end of a step: accept it, or return the most likely token only (--outputs topk:1)",
    "einsum": "use matmul",
    "scatter": "use slice_update", "scatter_nd": "use slice_update", "scatter_along_axis": "use slice_update",
    "cumsum": "multiply by a triangular matrix of ones", "one_hot": "use gather", "non_zero": "use a mask", "argsort": "use topk",
    "while_loop": "unroll it", "cond": "use select", "range_1d": "use a constant", "shape": "use fixed shapes",
    "gru": "unroll it", "lstm": "unroll it", "rnn": "unroll it", "random_uniform": "draw random numbers on the host",
}  # fmt: skip

_FLOATS = {MIL_pb2.FLOAT16: "fp16", MIL_pb2.FLOAT32: "fp32", MIL_pb2.FLOAT64: "fp64", MIL_pb2.BFLOAT16: "bf16"}
_BITS = {
    MIL_pb2.FLOAT16: 16, MIL_pb2.BFLOAT16: 16, MIL_pb2.INT16: 16, MIL_pb2.UINT16: 16, MIL_pb2.INT8: 8, MIL_pb2.UINT8: 8, MIL_pb2.BOOL: 8,
    MIL_pb2.UINT6: 6, MIL_pb2.INT4: 4, MIL_pb2.UINT4: 4, MIL_pb2.UINT3: 3, MIL_pb2.UINT2: 2, MIL_pb2.UINT1: 1, MIL_pb2.FLOAT64: 64,
}  # fmt: skip


@dataclass(frozen=True)
class Observation:
    """A violation of a rule in one place. Those of one kind are reported together."""

    level: str
    kind: str
    operation: str  # its name; "" for the whole function
    text: str
    remedy: str


@dataclass(frozen=True)
class Body:
    """A function of a program."""

    name: str
    described: MIL_pb2.Function
    block: MIL_pb2.Block

    @classmethod
    def of(cls, name: str, function: MIL_pb2.Function) -> Body:
        """The function with its block for the operation set that it uses."""
        return cls(name, function, function.block_specializations[function.opset])

    def computing(self) -> Iterator[MIL_pb2.Operation]:
        """Operations that are not constants."""
        return (op for op in self.block.operations if op.type != "const" and not op.type.startswith("constexpr_"))


def _name(operation: MIL_pb2.Operation) -> str:
    value = operation.attributes["name"].immediateValue.tensor.strings.values
    return str(value[0] if value else operation.type)


def _shape(value: MIL_pb2.ValueType) -> list[int]:
    tensor = value.stateType.wrappedType.tensorType if value.WhichOneof("type") == "stateType" else value.tensorType
    return [int(d.constant.size) for d in tensor.dimensions]


def _bytes(value: MIL_pb2.ValueType) -> float:
    return math.prod(_shape(value)) * _BITS.get(value.tensorType.dataType, 32) / 8


def rank(body: Body) -> Iterator[Observation]:
    """Tensors of too many axes."""
    for op in body.computing():
        for output in op.outputs:
            axes = len(_shape(output.type))
            if axes > MOST_AXES:
                yield Observation("error", op.type, _name(op), f"{op.type} returns {axes} axes", f"reshape to at most {MOST_AXES}")


def precision(body: Body) -> Iterator[Observation]:
    """Floats other than fp16."""
    evaluating = body.name in FOR_EVALUATION
    for op in body.computing():
        for output in op.outputs:
            kind = _FLOATS.get(output.type.tensorType.dataType, "fp16")
            if kind == "fp16":
                continue
            text = f"{op.type} computes in {kind}"
            if evaluating:
                yield Observation("warning", kind, _name(op), text, "sums over a vocabulary need it, and evaluation is not time-critical")
            else:
                yield Observation("error", kind, _name(op), text, "compute in fp16")


def banned(body: Body) -> Iterator[Observation]:
    """Operations that run elsewhere."""
    for op in body.block.operations:
        if op.type in BANNED:
            yield Observation("warning", op.type, _name(op), f"{op.type} seldom runs on the Neural Engine", BANNED[op.type])


def alignment(body: Body) -> Iterator[Observation]:
    """Rows of products and states, which are read repeatedly. Rows of a single element are padded in any case."""
    remedy = f"make it a multiple of {ALIGNED} bytes, to avoid padding"
    for op in body.computing():
        if op.type not in ("matmul", "conv", "softmax"):
            continue
        shape = _shape(op.outputs[0].type)
        rows = {"last axis": shape[-1]} | ({"channels": shape[1]} if op.type == "conv" else {})
        for what, count in rows.items():
            if count > 1 and count * 2 % ALIGNED:
                yield Observation("warning", op.type + what, _name(op), f"{op.type} returns {shape}, {what} of {count * 2} bytes", remedy)
    for value in body.described.inputs:
        if value.type.WhichOneof("type") == "stateType" and _shape(value.type)[-1] * 2 % ALIGNED:
            shape = _shape(value.type)
            yield Observation("warning", "state", "", f"state {value.name} {shape}, last axis of {shape[-1] * 2} bytes", remedy)


def states(body: Body) -> Iterator[Observation]:
    """Too many states."""
    count = sum(1 for value in body.described.inputs if value.type.WhichOneof("type") == "stateType")
    if count > MOST_STATES:
        yield Observation("error", "", "", f"{count} states", f"pack them: more than {MOST_STATES} compile, but fail at run time")


def size(body: Body) -> Iterator[Observation]:
    """Too many bytes of weights."""
    total, seen = 0.0, set()
    for op in body.block.operations:
        values = [b.value for argument in op.inputs.values() for b in argument.arguments if b.HasField("value")]
        for value in [*values, *op.attributes.values()]:
            if value.HasField("blobFileValue") and value.blobFileValue.offset not in seen:
                seen.add(value.blobFileValue.offset)
                total += _bytes(value.type)
    if total > LARGEST_PROGRAM:
        remedy = "quantise further, or split the network: the Neural Engine's compiler fails and the GPU is used instead"
        yield Observation("error", "", "", f"{total / 1e9:.2f} GB of weights", remedy)


def palette(body: Body) -> Iterator[Observation]:
    """Look-up tables and scales that change along the inputs of a product; they may only differ between rows."""
    for op in body.block.operations:
        part = {"constexpr_lut_to_dense": "lut", "constexpr_blockwise_shift_scale": "scale"}.get(op.type)
        if part is None or not op.inputs[part].arguments[0].HasField("value"):
            continue
        shape = _shape(op.inputs[part].arguments[0].value.type)
        groups = shape[:-2] if part == "lut" else shape
        if any(count > 1 for count in groups[1:]):
            text = f"{op.type} has a {part} of shape {shape}, which changes along the inputs"
            yield Observation("error", op.type, _name(op), text, "use palettes per group of rows or scales per row (--layout ane)")
        if part == "lut" and shape[-1] > 1:
            yield Observation("error", "vector", _name(op), f"a palette of vectors of {shape[-1]}", "use palettes of single values")
        if part == "lut" and shape[-2] not in (1 << bits for bits in PALETTE_BITS):
            text = f"a palette of {shape[-2]} values"
            yield Observation("error", "values", _name(op), text, "use 2, 4, 8, 16, 64 or 256 (1, 2, 3, 4, 6 or 8 bits)")


def outputs(body: Body) -> Iterator[Observation]:
    """Convolutions of too many outputs, and large results of a step."""
    for op in body.computing():
        if op.type == "conv" and _shape(op.outputs[0].type)[1] > MOST_CHANNELS:
            text = f"conv of {_shape(op.outputs[0].type)[1]} outputs"
            yield Observation("warning", op.type, _name(op), text, f"split it into parts of at most {MOST_CHANNELS}")
    if body.name in FOR_EVALUATION:
        return
    given = set(body.block.outputs)
    for op in body.block.operations:
        for output in op.outputs:
            if output.name in given and _bytes(output.type) > MOST_RESULTS:
                text = f"{output.name} is {_bytes(output.type) / 1024:.0f} KB per call"
                yield Observation(
                    "warning", "result", _name(op), text, "rank it inside the program (--outputs topk): all of it is copied for each token"
                )


RULES: dict[str, Callable[[Body], Iterator[Observation]]] = {
    "rank": rank, "precision": precision, "operation": banned, "alignment": alignment, "states": states, "size": size,
    "palette": palette, "outputs": outputs,
}  # fmt: skip
