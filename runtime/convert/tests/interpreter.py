"""Runs an ML program of a package in numpy; supports the MIL operations that this package writes.

A test helper: it checks that the written program, including its states, computes what the reference computes. Values are
float32 or, with `exact=False`, rounded to the type that each variable declares.
"""

from __future__ import annotations

import numpy as np
from coremltools.converters.mil.mil import types


class Interpreter:
    """A model instance; its functions share the states, which are initially zero."""

    def __init__(self, program, exact: bool = True) -> None:
        self._functions = program.functions
        self._exact = exact
        self.states: dict[str, np.ndarray] = {}

    def run(self, function: str, **inputs: np.ndarray) -> np.ndarray:
        block = self._functions[function]
        values: dict = {}
        for name, var in block.inputs.items():
            if types.is_state(var.sym_type):
                self.states.setdefault(name, np.zeros(var.shape, np.float32))
                values[var] = name
            else:
                assert inputs[name].shape == tuple(var.shape), f"{name}: {inputs[name].shape}, want {var.shape}"
                values[var] = inputs[name]
        for op in block.operations:
            if op.op_type != "const":
                self._step(op, values)
        return values[block.outputs[0]]

    def _step(self, op, values: dict) -> None:
        def value(var):
            if isinstance(var, (list, tuple)):
                return [value(v) for v in var]
            return values.get(var, var.val)

        arguments = {name: value(var) for name, var in op.inputs.items() if var is not None}
        if op.op_type == "read_state":
            results = [self.states[arguments["input"]].copy()]
        elif op.op_type == "coreml_update_state":
            self.states[arguments["state"]] = np.array(arguments["value"])
            results = [arguments["value"]]
        else:
            result = OPERATIONS[op.op_type](**arguments)
            results = result if isinstance(result, list) else [result]
        for var, result in zip(op.outputs, results, strict=True):
            assert tuple(result.shape) == tuple(var.shape), f"{op.name}: {result.shape}, declared {var.shape}"
            if var.dtype == types.fp16:
                result = np.asarray(result, np.float32) if self._exact else result.astype(np.float16).astype(np.float32)
            values[var] = result


def _slice_update(x, update, begin, end, **_):
    out = np.array(x, np.float32)
    place = tuple(slice(int(b), int(e)) for b, e in zip(begin, end, strict=True))
    assert out[place].shape == update.shape, f"slice_update: {out[place].shape} takes {update.shape}"
    out[place] = update
    return out


def _softmax(x, axis):
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def _matmul(x, y, transpose_x, transpose_y):
    x = np.swapaxes(x, -1, -2) if transpose_x else x
    return x @ (np.swapaxes(y, -1, -2) if transpose_y else y)


OPERATIONS = {
    "abs": lambda x: np.abs(x),
    "add": lambda x, y: x + y,
    "concat": lambda values, axis, interleave: np.concatenate([np.asarray(v) for v in values], int(axis)),
    "gather": lambda x, indices, axis, **_: np.take(np.asarray(x, np.float32), indices, int(axis)),
    "linear": lambda x, weight, bias: x @ np.asarray(weight, np.float32).T + bias,
    "matmul": _matmul,
    "maximum": lambda x, y: np.maximum(x, np.float32(y)),
    "mul": lambda x, y: x * np.asarray(y, np.float32),
    "real_div": lambda x, y: np.asarray(x, np.float32) / np.asarray(y, np.float32),
    "reduce_max": lambda x, axes, keep_dims: x.max(tuple(axes), keepdims=bool(keep_dims)),
    "reduce_mean": lambda x, axes, keep_dims: x.mean(tuple(axes), keepdims=bool(keep_dims)),
    "reshape": lambda x, shape: x.reshape([int(n) for n in shape]),
    "rsqrt": lambda x, epsilon: 1 / np.sqrt(x + np.float32(epsilon)),
    "silu": lambda x: x / (1 + np.exp(-x)),
    "slice_by_index": lambda x, begin, end, **_: x[tuple(slice(int(b), int(e)) for b, e in zip(begin, end, strict=True))],
    "slice_update": _slice_update,
    "softmax": _softmax,
    "split": lambda x, num_splits, axis: np.split(x, int(num_splits), int(axis)),
    "square": lambda x: x * x,
    "squeeze": lambda x, axes: np.squeeze(x, tuple(axes)),
    "transpose": lambda x, perm: np.transpose(x, [int(p) for p in perm]),
}


class Host:
    """Feeds prompts to a model as the runtime does: chunks with prefill, the rest with decode."""

    def __init__(self, interpreter: Interpreter, context: int, chunk: int) -> None:
        self._interpreter = interpreter
        self._context = context
        self._chunk = chunk
        self._length = 0

    def feed(self, ids: list[int]) -> np.ndarray:
        """Appends the tokens and returns the logits after the last of them."""
        logits = None
        while ids:
            fits = len(ids) > 1 and self._length + self._chunk <= self._context
            size = self._chunk if fits else 1
            logits = self._call("prefill" if fits else "decode", ids[:size], size)
            ids = ids[size:]
        return logits

    def _call(self, function: str, ids: list[int], size: int) -> np.ndarray:
        count, start = len(ids), self._length
        positions = [start + min(i, count - 1) for i in range(size)]
        mask = np.full((1, 1, size, self._context), -1e4, np.float32)
        for row, position in enumerate(positions):
            mask[0, 0, row, : position + 1] = 0
        self._length += count
        return self._interpreter.run(
            function,
            input_ids=np.array([ids + [0] * (size - count)], np.int32),
            position_ids=np.array(positions, np.int32),
            cache_slot=np.array([start], np.int32),
            causal_mask=mask,
            last_index=np.array([count - 1], np.int32),
        )[0]
