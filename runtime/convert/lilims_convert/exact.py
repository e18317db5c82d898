"""Blocks of ggml that Core ML can store without requantisation: integers, a scale and optionally an offset per block.

Rounding a second time costs four-bit models far more accuracy than the first rounding. Integers are kept unchanged.
Scales and offsets that are products of numbers in the file are rounded to fp16.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .sources import blocks as ggml

# Elements [blocks, n], scales [blocks, n / block], offsets of the same shape or None: w = scale * (element - offset).
Unpacked = tuple[np.ndarray, np.ndarray, np.ndarray | None]


@dataclass(frozen=True)
class Exact:
    """How one type of the source becomes a block-wise constant."""

    kind: str  # element type of the constant
    block: int  # elements with one scale
    size: int  # bytes per block of the source
    unpack: Callable[[np.ndarray], Unpacked]


def find(source: str | None, quantization: str) -> Exact | None:
    """The conversion of a ggml type by its name; None if it must be rounded, or would take more bits than requested.

    Types of five and six bits are stored in eight, even if four are requested: the file gives such tensors more bits than
    others because they lose more accuracy.
    """
    found = _TYPES.get(source)
    if found is None or (quantization == "int8" and found.kind == "uint4"):
        return None
    return found


_FARTHEST = 2.0**15  # the largest offset, in steps


def _shifted(scale: np.ndarray, least: np.ndarray, values: np.ndarray) -> Unpacked:
    """The form d (q - offset) of d q + m, with offset -m / d.

    Where d is 0, every element is m: element 1, scale m, offset 0. The same form, with the middle of the elements, is used
    where d is so small compared to m that the offset would not fit fp16: the elements then differ by less than fp16 can
    represent.
    """
    flat = np.abs(least) >= np.abs(scale) * _FARTHEST
    per_scale = values.reshape(*scale.shape, -1)
    middle = least + scale * ((per_scale.min(axis=-1).astype(np.float32) + per_scale.max(axis=-1)) / 2)
    per_scale = np.where(flat[..., None], np.uint8(1), per_scale).reshape(values.shape)
    offset = np.where(flat, 0, -least / np.where(flat, 1, scale))
    return per_scale, np.where(flat, middle, scale), offset


def _q4_0(b: np.ndarray) -> Unpacked:
    return ggml.nibbles(b[:, 2:18]).astype(np.int8) - np.int8(8), ggml.half(b, 0), None


def _q4_1(b: np.ndarray) -> Unpacked:
    return _shifted(ggml.half(b, 0), ggml.half(b, 2), ggml.nibbles(b[:, 4:20]))


def _q5_0(b: np.ndarray) -> Unpacked:
    return ggml.q5_0_values(b).astype(np.int8) - np.int8(16), ggml.half(b, 0), None


def _q5_1(b: np.ndarray) -> Unpacked:
    return _shifted(ggml.half(b, 0), ggml.half(b, 2), ggml.q5_1_values(b))


def _q8_0(b: np.ndarray) -> Unpacked:
    return np.ascontiguousarray(b[:, 2:34]).view(np.int8), ggml.half(b, 0), None


def _with_sub_scales(b: np.ndarray, values: np.ndarray) -> Unpacked:
    scales, minima = ggml.sub_scales(b[:, 4:16])
    return _shifted(ggml.half(b, 0) * scales, -ggml.half(b, 2) * minima, values)


def _q4_k(b: np.ndarray) -> Unpacked:
    return _with_sub_scales(b, ggml.q4_k_values(b))


def _q5_k(b: np.ndarray) -> Unpacked:
    return _with_sub_scales(b, ggml.q5_k_values(b))


def _q6_k(b: np.ndarray) -> Unpacked:
    scales = ggml.half(b, 208) * np.ascontiguousarray(b[:, 192:208]).view(np.int8)
    return ggml.q6_k_values(b).astype(np.int8) - np.int8(32), scales, None


_TYPES: dict[str | None, Exact] = {
    "Q4_0": Exact("int4", 32, 18, _q4_0),
    "Q4_1": Exact("uint4", 32, 20, _q4_1),
    "Q5_0": Exact("int8", 32, 22, _q5_0),
    "Q5_1": Exact("int8", 32, 24, _q5_1),
    "Q8_0": Exact("int8", 32, 34, _q8_0),
    "Q4_K": Exact("uint4", 32, 144, _q4_k),
    "Q5_K": Exact("int8", 32, 176, _q5_k),
    "Q6_K": Exact("int8", 16, 210, _q6_k),
}
