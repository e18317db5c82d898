"""Blocks of ggml that Core ML can hold as they are: integers, a scale and perhaps an offset for each block.

Nothing is rounded a second time, which costs four-bit models far more than their first rounding did. Integers are kept
as they are; scales and offsets are rounded to fp16 where they are products of the file's numbers, not numbers of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .sources import blocks as ggml

# Elements [blocks, n], scales [blocks, n / block] and offsets as the scales, or None: w = scale * (element - offset).
Unpacked = tuple[np.ndarray, np.ndarray, np.ndarray | None]


@dataclass(frozen=True)
class Exact:
    """How one type of the source becomes a block-wise constant."""

    kind: str  # of the constant's elements
    block: int  # elements with one scale
    size: int  # bytes of a block of the source
    unpack: Callable[[np.ndarray], Unpacked]


def find(source: str | None, quantization: str) -> Exact | None:
    """For a type of ggml by its name; None where it has to be rounded, or would take more bits than asked for.

    Types of five and six bits are kept in eight, also where four are asked for: whoever made the file gave the tensor
    more bits than others, and it would not bear fewer.
    """
    found = _TYPES.get(source)
    if found is None or (quantization == "int8" and found.kind == "uint4"):
        return None
    return found

_FARTHEST = 2.0**15  # the largest offset, in steps


def _shifted(scale: np.ndarray, least: np.ndarray, values: np.ndarray) -> Unpacked:
    """d q + m is d (q - offset) with offset -m / d.

    Where d is 0 every element is m: 1 times m, minus nothing. So it is where d is so small beside m that an offset would
    not fit fp16: the elements differ by less than fp16 could tell, and the middle of them stands for all.
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
