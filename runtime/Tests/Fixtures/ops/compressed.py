"""Cases of compressed weights: read by rows (gather), multiplied (linear) and decompressed as a whole (add)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from coremltools.converters.mil.mil import Builder as mb
from coremltools.converters.mil.mil import Var, types
from coremltools.converters.mil.mil.ops.defs.iOS16 import constexpr_ops as old
from coremltools.converters.mil.mil.ops.defs.iOS18 import compression as new

from case import Case, floats, ints

TYPES = {4: (types.np_int4_dtype, types.np_uint4_dtype), 8: (np.int8, np.uint8)}


def cases() -> list[Case]:
    return blockwise() + affine() + tables() + sparse()


def uses(name: str, constant: Callable[[], Var], weight: np.ndarray) -> list[Case]:
    """Cases for a compressed weight: `constant` creates the variable, `weight` is its dense value."""
    weight = weight.astype(np.float32)
    rows, cols = weight.shape
    one, many = floats(90, 1, cols), floats(91, 5, cols)
    pick = np.array([rows - 1, 0, rows // 2], np.int32)
    return [
        Case(f"{name}_one", lambda x: mb.linear(x=x, weight=constant()), [one], lambda: one @ weight.T, 2e-5, fold=False),
        Case(f"{name}_many", lambda x: mb.linear(x=x, weight=constant()), [many], lambda: many @ weight.T, 2e-5, fold=False),
        Case(f"{name}_rows", lambda i: mb.gather(x=constant(), indices=i, axis=0), [pick], lambda: weight[pick], 1e-6, fold=False),
        Case(f"{name}_whole", lambda x: mb.add(x=constant(), y=x), [floats(92, 1)], lambda: weight + floats(92, 1), 1e-6, fold=False),
    ]


def blockwise() -> list[Case]:
    out = []
    layouts = [
        # bits, signed, rows, cols, groups of rows, groups of columns, offset
        ("int4_block32", 4, True, 8, 96, 8, 3, None),
        ("uint4_block32_offset", 4, False, 6, 64, 6, 2, "same"),
        ("uint4_block32_float_offset", 4, False, 6, 64, 6, 2, "float"),
        ("int4_block16", 4, True, 4, 48, 4, 3, None),
        ("int4_channel", 4, True, 5, 34, 5, 1, None),
        ("int8_channel", 8, True, 7, 50, 7, 1, None),
        ("int8_block32", 8, True, 6, 64, 6, 2, "same"),
        ("uint8_block20", 8, False, 4, 60, 4, 3, "float"),
        ("int8_tensor", 8, True, 6, 32, 1, 1, None),
        ("int8_row_groups", 8, True, 8, 32, 2, 2, None),
    ]
    for seed, (name, bits, signed, rows, cols, row_groups, col_groups, offset) in enumerate(layouts):
        kind = TYPES[bits][0 if signed else 1]
        low, high = (-(1 << (bits - 1)), 1 << (bits - 1)) if signed else (0, 1 << bits)
        data = ints(100 + seed, rows, cols, low=low, high=high)
        scale = floats(120 + seed, row_groups, col_groups, low=0.01, high=0.1)
        shift = None
        if offset == "same":
            shift = ints(140 + seed, row_groups, col_groups, low=0, high=high // 2).astype(kind)
        elif offset == "float":
            shift = floats(140 + seed, row_groups, col_groups, low=0, high=8)
        weight = new.constexpr_blockwise_shift_scale.decompress(data, scale, None if shift is None else shift.astype(np.float32))

        def constant(data: np.ndarray = data, kind: Any = kind, scale: np.ndarray = scale, shift: np.ndarray | None = shift) -> Var:
            extra = {} if shift is None else {"offset": shift}
            return mb.constexpr_blockwise_shift_scale(data=data.astype(kind), scale=scale, **extra)

        out += uses("blockwise_" + name, constant, weight)
    # Scales in half precision, as converters write them.
    data = ints(160, 8, 64, low=-8, high=8)
    scale = floats(161, 8, 2, low=0.01, high=0.1).astype(np.float16)
    weight = data * np.repeat(scale.astype(np.float32), 32, 1)
    x = floats(162, 1, 64).astype(np.float16)
    out.append(
        Case(
            "blockwise_half_scale",
            lambda v: mb.linear(x=v, weight=mb.constexpr_blockwise_shift_scale(data=data.astype(types.np_int4_dtype), scale=scale)),
            [x],
            lambda: x.astype(np.float32) @ weight.T,
            2e-5,
            fold=False,
        )
    )
    # Three axes with blocks along the middle one: no kernel reads it, so it is unpacked.
    cube = ints(163, 3, 8, 5, low=-100, high=100)
    cube_scale = floats(164, 3, 4, 1, low=0.01, high=0.1)
    out.append(
        Case(
            "blockwise_cube",
            lambda v: mb.add(x=mb.constexpr_blockwise_shift_scale(data=cube.astype(np.int8), scale=cube_scale), y=v),
            [floats(165, 1)],
            lambda: new.constexpr_blockwise_shift_scale.decompress(cube, cube_scale, None) + floats(165, 1),
            1e-6,
            fold=False,
        )
    )
    # A convolution of size 1 over packed weights.
    conv = ints(166, 6, 32, low=-8, high=8).reshape(6, 32, 1, 1)
    conv_scale = floats(167, 6, 1, 1, 1, low=0.01, high=0.1)
    image = floats(168, 1, 32, 1, 3)
    out.append(
        Case(
            "blockwise_conv",
            lambda v: mb.conv(x=v, weight=mb.constexpr_blockwise_shift_scale(data=conv.astype(types.np_int4_dtype), scale=conv_scale)),
            [image],
            lambda: np.einsum("oi,bihw->bohw", (conv * conv_scale)[:, :, 0, 0], image),
            2e-5,
            fold=False,
        )
    )
    return out


def affine() -> list[Case]:
    data = ints(170, 6, 20, low=-128, high=128).astype(np.int8)
    out = []
    for name, scale, zero, axis in (
        ("rows", floats(171, 6, low=0.01, high=0.1), ints(172, 6).astype(np.int8), 0),
        ("cols", floats(173, 20, low=0.01, high=0.1), np.int8(3), 1),
        ("scalar", np.float32(0.05), np.int8(-7), 0),
    ):
        weight = old.constexpr_affine_dequantize.decompress(data, zero, scale, axis)
        out += uses(
            "affine_" + name,
            partial(mb.constexpr_affine_dequantize, quantized_data=data, zero_point=zero, scale=scale, axis=axis),
            weight,
        )
    half = floats(174, 4, 6).astype(np.float16)
    out.append(
        Case(
            "constexpr_cast",
            lambda v: mb.add(x=mb.constexpr_cast(source_val=half, output_dtype="fp32"), y=v),
            [floats(175, 1)],
            lambda: half.astype(np.float32) + floats(175, 1),
            fold=False,
        )
    )
    return out


def tables() -> list[Case]:
    out = []
    for bits in (1, 2, 3, 4, 6, 8):
        kind = types.nptype_from_builtin(types.string_to_builtin(f"uint{bits}"))
        indices = ints(180 + bits, 8, 24, low=0, high=1 << bits)
        for name, groups in (("tensor", (1, 1)), ("rows", (4, 1)), ("cols", (2, 3))):
            lut = floats(190 + bits, *groups, 1 << bits, 1)
            weight = new.constexpr_lut_to_dense.decompress(indices, lut, None)
            more = uses(
                f"lut{bits}_{name}",
                partial(mb.constexpr_lut_to_dense, indices=indices.astype(kind), lut=lut),
                weight,
            )
            out += more if bits in (3, 4, 8) else more[1:3]
    indices = ints(201, 4, 6, low=0, high=4)
    for axis in (0, 1):
        lut = floats(202 + axis, 2, 1, 4, 2)
        weight = new.constexpr_lut_to_dense.decompress(indices, lut, axis)
        out += uses(
            f"lut_vector{axis}",
            partial(mb.constexpr_lut_to_dense, indices=indices.astype(types.nptype_from_builtin(types.uint2)), lut=lut, vector_axis=axis),
            weight,
        )[2:]
    # A table of integers that a scale follows.
    lut = ints(204, 1, 1, 4, 1, low=-100, high=100).astype(np.int8)
    scale = floats(205, 4, 1, low=0.01, high=0.1)
    weight = new.constexpr_lut_to_dense.decompress(indices, lut, None).astype(np.float32) * scale

    def chained() -> Var:
        table = mb.constexpr_lut_to_dense(indices=indices.astype(types.nptype_from_builtin(types.uint2)), lut=lut)
        return mb.constexpr_blockwise_shift_scale(data=table, scale=scale)

    out += uses("lut_scaled", chained, weight)
    return out


def sparse() -> list[Case]:
    mask = (ints(210, 6, 16, low=0, high=3) == 0).astype(np.int32)
    values = floats(211, int(mask.sum()))
    bit = types.nptype_from_builtin(types.uint1)
    dense = new.constexpr_sparse_to_dense.decompress(values, mask)
    out = uses("sparse", lambda: mb.constexpr_sparse_to_dense(nonzero_data=values, mask=mask.astype(bit)), dense)[1:]
    whole = ints(212, int(mask.sum()), low=-100, high=100).astype(np.int8)
    scale = floats(213, 6, 2, low=0.01, high=0.1)
    _, scaled = new.constexpr_sparse_blockwise_shift_scale.decompress(mask, whole, scale, None)

    def scaled_sparse() -> Var:
        kept, data = mb.constexpr_sparse_blockwise_shift_scale(data_mask=mask.astype(bit), nonzero_data=whole, scale=scale)
        return mb.constexpr_sparse_to_dense(nonzero_data=data, mask=kept)

    out += uses("sparse_scaled", scaled_sparse, new.constexpr_sparse_to_dense.decompress(scaled, mask))[1:]
    indices = ints(214, int(mask.sum()), low=0, high=4)
    lut = floats(215, 2, 1, 4, 1)
    _, found = new.constexpr_lut_to_sparse.decompress(mask, indices, lut, None)

    def looked_up() -> Var:
        kept, data = mb.constexpr_lut_to_sparse(
            indices_mask=mask.astype(bit), indices_nonzero_data=indices.astype(types.nptype_from_builtin(types.uint2)), lut=lut
        )
        return mb.constexpr_sparse_to_dense(nonzero_data=data, mask=kept)

    out += uses("sparse_lut", looked_up, new.constexpr_sparse_to_dense.decompress(found, mask))[1:]
    return out
