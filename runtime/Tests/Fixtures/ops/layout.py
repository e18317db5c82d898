"""Cases of operations that move elements: gathers, scatters, slices, joins, shapes, fills, quantisation."""

from __future__ import annotations

from typing import Any

import numpy as np
from coremltools.converters.mil.mil import Builder as mb
from coremltools.converters.mil.mil import Var

from case import Case, floats, ints


def cases() -> list[Case]:
    return gathers() + scatters() + slices() + joins() + shapes() + fills() + quantisation()


def gathers() -> list[Case]:
    x = floats(60, 5, 3, 4)
    table = floats(61, 9, 6)
    at = np.array([[2, 0], [1, 2]], np.int32)
    along = ints(62, 5, 2, 4, low=0, high=3)
    nd = np.array([[0, 1], [4, 2], [-1, 0]], np.int32)
    batch, inner = floats(63, 2, 4, 3), np.array([[3, 0], [1, 1]], np.int32)
    return [
        Case("gather_rows", lambda i: mb.gather(x=table, indices=i, axis=0), [np.array([[3, 0, 8]], np.int32)]),
        Case(
            "gather_half",
            lambda i: mb.gather(x=table.astype(np.float16), indices=i, axis=0),
            [np.array([3, 1], np.int32)],
            lambda: table.astype(np.float16)[[3, 1]],
        ),
        Case("gather_axis1", lambda v, i: mb.gather(x=v, indices=i, axis=1), [x, at]),
        Case("gather_last", lambda v, i: mb.gather(x=v, indices=i, axis=-1), [x, np.array([3], np.int32)]),
        Case(
            "gather_negative",
            lambda v, i: mb.gather(x=v, indices=i, axis=0, validate_indices=False),
            [x, np.array([-1, 0], np.int32)],
            lambda: x[[-1, 0]],
        ),
        Case(
            "gather_batch",
            lambda v, i: mb.gather(x=v, indices=i, axis=1, batch_dims=1),
            [batch, inner],
            lambda: np.stack([batch[b][inner[b]] for b in range(2)]),
        ),
        Case("gather_ints", lambda v, i: mb.gather(x=v, indices=i, axis=0), [ints(64, 6), np.array([5, 2], np.int32)]),
        Case("gather_along_axis", lambda v, i: mb.gather_along_axis(x=v, indices=i, axis=1), [x, along]),
        Case("gather_nd", lambda v, i: mb.gather_nd(x=v, indices=i), [x, nd], lambda: np.stack([x[0, 1], x[4, 2], x[4, 0]])),
    ]


def scatters() -> list[Case]:
    x = floats(65, 4, 3)
    rows = np.array([2, 0], np.int32)
    updates = floats(66, 2, 3)
    out = []
    apply = {
        "update": lambda a, b: b,
        "add": np.add,
        "sub": np.subtract,
        "mul": np.multiply,
        "div": np.divide,
        "max": np.maximum,
        "min": np.minimum,
    }
    for mode, function in apply.items():

        def expected(function: Any = function) -> np.ndarray:
            y = x.copy()
            y[rows] = function(y[rows], updates)
            return y

        out.append(
            Case(
                f"scatter_{mode}",
                lambda v, i, u, mode=mode: mb.scatter(data=v, indices=i, updates=u, axis=0, mode=mode),
                [x, rows, updates],
                expected,
            )
        )
    along, places = floats(67, 2, 3), np.array([[0, 3, 1], [2, 0, 3]], np.int32)

    def expected_along() -> np.ndarray:
        y = x.copy()
        np.put_along_axis(y, places, along, 0)
        return y

    tuples = np.array([[3, 1], [0, 0]], np.int32)

    def expected_nd() -> np.ndarray:
        y = x.copy()
        y[3, 1] += 10
        y[0, 0] += 20
        return y

    out += [
        Case(
            "scatter_along_axis",
            lambda v, i, u: mb.scatter_along_axis(data=v, indices=i, updates=u, axis=0, mode="update"),
            [x, places, along],
            expected_along,
        ),
        Case(
            "scatter_nd",
            lambda v, i, u: mb.scatter_nd(data=v, indices=i, updates=u, mode="add"),
            [x, tuples, np.array([10, 20], np.float32)],
            expected_nd,
        ),
    ]
    return out


def slices() -> list[Case]:
    x = floats(68, 4, 5, 6)
    update = floats(69, 2, 5, 2)

    def updated(key: Any, value: np.ndarray) -> np.ndarray:
        y = x.copy()
        y[key] = value
        return y

    start = np.array([1, 0, 2], np.int32)
    end = np.array([3, 5, 4], np.int32)
    return [
        Case("slice_run", lambda v: mb.slice_by_index(x=v, begin=[1, 0, 0], end=[3, 5, 6]), [x]),
        Case("slice_inner", lambda v: mb.slice_by_index(x=v, begin=[0, 1, 2], end=[4, -1, 5]), [x]),
        Case(
            "slice_stride",
            lambda v: mb.slice_by_index(x=v, begin=[0, 4, 5], end=[4, 0, 0], stride=[2, -1, -2], end_mask=[True, True, False]),
            [x],
        ),
        Case(
            "slice_squeeze",
            lambda v: mb.slice_by_index(
                x=v,
                begin=[2, 0, 1],
                end=[0, 0, 0],
                begin_mask=[False, True, False],
                end_mask=[False, True, False],
                squeeze_mask=[True, False, True],
            ),
            [x],
        ),
        Case(
            "slice_masks",
            lambda v: mb.slice_by_index(x=v, begin=[0, 2, 0], end=[0, 0, 3], begin_mask=[True, False, True], end_mask=[True, True, False]),
            [x],
        ),
        Case("slice_size", lambda v: mb.slice_by_size(x=v, begin=[1, 1, 0], size=[2, -1, 3]), [x], lambda: x[1:3, 1:, :3]),
        Case("slice_size_run", lambda v: mb.slice_by_size(x=v, begin=[2, 0, 0], size=[1, -1, -1]), [x], lambda: x[2:3]),
        Case(
            "slice_size_moving",
            lambda v, b: mb.slice_by_size(x=v, begin=b, size=[1, 2, 3]),
            [x, np.array([3, 1, 2], np.int32)],
            lambda: x[3:4, 1:3, 2:5],
        ),
        Case(
            "slice_update",
            lambda v, u: mb.slice_update(x=v, update=u, begin=[1, 0, 2], end=[3, 5, 4]),
            [x, update],
            lambda: updated(np.s_[1:3, :, 2:4], update),
        ),
        Case(
            "slice_update_moving",
            lambda v, u, b, e: mb.slice_update(x=v, update=u, begin=b, end=e),
            [x, update, start, end],
            lambda: updated(np.s_[1:3, :, 2:4], update),
            fold=False,
        ),
        Case(
            "slice_update_stride",
            lambda v, u: mb.slice_update(x=v, update=u, begin=[0, 0, 1], end=[4, 5, 6], stride=[2, 1, 3]),
            [x, update],
            lambda: updated(np.s_[0:4:2, :, 1:6:3], update),
        ),
        Case(
            "slice_update_squeeze",
            lambda v, u: mb.slice_update(
                x=v,
                update=u,
                begin=[2, 0, 0],
                end=[3, 0, 0],
                begin_mask=[False, True, True],
                end_mask=[False, True, True],
                squeeze_mask=[True, False, False],
            ),
            [x, floats(70, 5, 6)],
            lambda: updated(2, floats(70, 5, 6)),
        ),
    ]


def joins() -> list[Case]:
    a, b = floats(71, 2, 3, 4), floats(72, 2, 1, 4)
    c = floats(73, 2, 3, 4)
    x = floats(74, 2, 6, 3)
    p = floats(75, 3, 4)
    return [
        Case("concat", lambda v, w: mb.concat(values=(v, w), axis=1), [a, b]),
        Case("concat_last", lambda v, w: mb.concat(values=(v, w, v), axis=-1), [a, c]),
        Case(
            "concat_interleave",
            lambda v, w: mb.concat(values=(v, w), axis=1, interleave=True),
            [a, c],
            lambda: np.stack([a, c], 2).reshape(2, 6, 4),
        ),
        Case("concat_ints", lambda v: mb.concat(values=(v, np.array([7, 8], np.int32)), axis=0), [ints(76, 1)]),
        Case("stack", lambda v, w: mb.stack(values=(v, w), axis=1), [a, c], lambda: np.stack([a, c], 1)),
        Case("split_even", lambda v: mb.split(x=v, num_splits=3, axis=1), [x]),
        Case("split_sizes", lambda v: mb.split(x=v, split_sizes=[1, 1], axis=0), [x]),
        Case("split_last", lambda v: mb.split(x=v, split_sizes=[2, 1], axis=-1), [x]),
        Case("tile", lambda v: mb.tile(x=v, reps=[2, 1, 3]), [b]),
        Case("tile_heads", lambda v: mb.tile(x=v, reps=[1, 4, 1]), [b]),
        Case("pad", lambda v: mb.pad(x=v, pad=[1, 0, 2, 1], constant_val=np.float32(0.5)), [p]),
        Case("pad_last", lambda v: mb.pad(x=v, pad=[2, 1], constant_val=np.float32(0)), [p], lambda: np.pad(p, ((0, 0), (2, 1)))),
        Case("pad_reflect", lambda v: mb.pad(x=v, pad=[0, 0, 2, 3], mode="reflect"), [p]),
        Case("pad_replicate", lambda v: mb.pad(x=v, pad=[1, 1, 2, 1], mode="replicate"), [p]),
    ]


def shapes() -> list[Case]:
    x = floats(77, 2, 3, 4)
    one = floats(78, 1, 3, 1, 4)
    return [
        Case("reshape", lambda v: mb.reshape(x=v, shape=[4, -1]), [x]),
        Case("reshape_zero", lambda v: mb.reshape(x=v, shape=[0, 4, 3]), [x]),
        Case(
            "reshape_like",
            lambda v, w: mb.reshape_like(x=v, ref_tensors=(w,), begins=(0,), ends=(0,), end_masks=(True,)),
            [floats(79, 12), one],
            lambda: floats(79, 12).reshape(1, 3, 1, 4),
        ),
        Case("expand_dims", lambda v: mb.expand_dims(x=v, axes=[0, -1]), [x]),
        Case("squeeze", lambda v: mb.squeeze(x=v, axes=[0]), [one]),
        Case("squeeze_all", lambda v: mb.squeeze(x=v), [one]),
        Case("flatten2d", lambda v: mb.flatten2d(x=v, axis=2), [x]),
        Case("transpose", lambda v: mb.transpose(x=v, perm=[2, 0, 1]), [x]),
        Case("transpose_inner", lambda v: mb.transpose(x=v, perm=[0, 2, 1]), [x]),
        Case("transpose_outer", lambda v: mb.transpose(x=v, perm=[1, 0, 2]), [x]),
        Case("transpose_negative", lambda v: mb.transpose(x=v, perm=[-1, 1, 0]), [x], lambda: x.transpose(2, 1, 0)),
        Case("shape", lambda v: mb.shape(x=v), [x]),
        Case("reverse", lambda v: mb.reverse(x=v, axes=[0, 2]), [x]),
        Case("identity", lambda v: mb.identity(x=v), [x]),
    ]


def fills() -> list[Case]:
    at = np.array([[1, 0], [3, 2]], np.int32)
    return [
        Case(
            "range_1d",
            lambda v: mb.add(x=mb.range_1d(start=np.int32(2), end=np.int32(11), step=np.int32(3)), y=v),
            [np.array([1], np.int32)],
        ),
        Case(
            "range_1d_float",
            lambda v: mb.add(x=mb.range_1d(start=np.float32(0), end=np.float32(1), step=np.float32(0.3)), y=v),
            [np.array([1], np.float32)],
        ),
        Case("fill", lambda v: mb.add(x=mb.fill(shape=[2, 3], value=np.float32(1.5)), y=v), [np.array([1], np.float32)]),
        Case("fill_like", lambda v: mb.fill_like(ref_tensor=v, value=np.float32(2.5)), [floats(80, 2, 3)], lambda: np.full((2, 3), 2.5)),
        Case(
            "one_hot",
            lambda v: mb.one_hot(indices=v, one_hot_vector_size=4, on_value=np.float32(2), off_value=np.float32(-1)),
            [at],
            lambda: np.eye(4)[at] * 3 - 1,
        ),
        Case(
            "one_hot_axis0",
            lambda v: mb.one_hot(indices=v, one_hot_vector_size=4, axis=0, on_value=np.float32(1), off_value=np.float32(0)),
            [at],
            lambda: np.moveaxis(np.eye(4)[at], -1, 0),
        ),
    ]


def quantisation() -> list[Case]:
    x = floats(81, 3, 6, low=-3, high=3)
    scale = np.array([0.02, 0.05, 0.01], np.float32)
    zero = np.array([3, -4, 0], np.int8)

    def round_trip() -> np.ndarray:
        q = np.clip(np.round(x / scale[:, None]) + zero[:, None], -128, 127)
        return scale[:, None] * (q - zero[:, None])

    def quantised(v: Var) -> Var:
        return mb.quantize(input=v, scale=scale, zero_point=zero, axis=0, output_dtype="int8")

    return [
        Case("quantize", quantised, [x], lambda: np.clip(np.round(x / scale[:, None]) + zero[:, None], -128, 127)),
        Case("dequantize", lambda v: mb.dequantize(input=quantised(v), scale=scale, zero_point=zero, axis=0), [x], round_trip, fold=False),
        Case(
            "quantize_scalar",
            lambda v: mb.quantize(input=v, scale=np.float32(0.1), output_dtype="uint8"),
            [x],
            lambda: np.clip(np.round(x / np.float32(0.1)), 0, 255),
        ),
    ]
