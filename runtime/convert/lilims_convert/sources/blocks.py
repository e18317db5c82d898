"""The tensor types of ggml that models are published in, and their decoding to float32.

A row is a sequence of blocks; a block has a fixed number of elements and bytes. Every decoder takes the blocks of any
number of rows as uint8 [blocks, bytes] and returns float32 [blocks, elements]. All numbers are little endian.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class BlockType:
    """A type, its block and its decoder."""

    name: str
    elements: int  # per block
    size: int  # bytes per block
    decode_blocks: Callable[[np.ndarray], np.ndarray]

    def decode(self, data: np.ndarray) -> np.ndarray:
        """float32 [elements] of the bytes of whole blocks, uint8 [bytes]."""
        return self.decode_blocks(data.reshape(-1, self.size)).reshape(-1)


def half(blocks: np.ndarray, at: int) -> np.ndarray:
    """The fp16 numbers at byte `at` of every block, as float32 [blocks, 1]."""
    return np.ascontiguousarray(blocks[:, at : at + 2]).view(np.float16).astype(np.float32)


def nibbles(data: np.ndarray) -> np.ndarray:
    """uint8 [blocks, n] -> [blocks, 2n]: all low halves, then all high halves."""
    return np.concatenate([data & 15, data >> 4], axis=1)


def _float32(blocks: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(blocks).view(np.float32)


def _float16(blocks: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(blocks).view(np.float16).astype(np.float32)


def bfloat16(blocks: np.ndarray) -> np.ndarray:
    """float32 of bf16 values, which are the upper halves of float32 values."""
    return (np.ascontiguousarray(blocks).view(np.uint16).astype(np.uint32) << 16).view(np.float32)


def _q4_0(b: np.ndarray) -> np.ndarray:
    return half(b, 0) * (nibbles(b[:, 2:18]).astype(np.float32) - 8)


def _q4_1(b: np.ndarray) -> np.ndarray:
    return half(b, 0) * nibbles(b[:, 4:20]) + half(b, 2)


def _fifth_bits(b: np.ndarray) -> np.ndarray:
    """32 bits, the first for element 0, each shifted to the fifth bit of a value."""
    return np.unpackbits(b, axis=1, bitorder="little") << 4


def q5_0_values(b: np.ndarray) -> np.ndarray:
    """The integers of a block, 0 to 31."""
    return nibbles(b[:, 6:22]) | _fifth_bits(b[:, 2:6])


def q5_1_values(b: np.ndarray) -> np.ndarray:
    """The integers of a block, 0 to 31."""
    return nibbles(b[:, 8:24]) | _fifth_bits(b[:, 4:8])


def _q5_0(b: np.ndarray) -> np.ndarray:
    return half(b, 0) * (q5_0_values(b).astype(np.float32) - 16)


def _q5_1(b: np.ndarray) -> np.ndarray:
    return half(b, 0) * q5_1_values(b) + half(b, 2)


def _q8_0(b: np.ndarray) -> np.ndarray:
    return half(b, 0) * np.ascontiguousarray(b[:, 2:34]).view(np.int8)


# The K types: 256 elements a block, in sub-blocks of 16 or 32 whose scales are integers times the block's fp16 scale.


def _fields(data: np.ndarray, width: int, run: int) -> np.ndarray:
    """Splits bytes into 8/width fields of `width` bits: for each `run` bytes the lowest fields of all, then the next ones."""
    count = len(data)
    shifts = np.arange(0, 8, width, dtype=np.uint8)[None, None, :, None]
    return ((data.reshape(count, -1, 1, run) >> shifts) & ((1 << width) - 1)).reshape(count, -1)


def _q2_k(b: np.ndarray) -> np.ndarray:
    count = len(b)
    scales = half(b, 80) * (b[:, :16] & 15)
    minima = half(b, 82) * (b[:, :16] >> 4)
    values = _fields(b[:, 16:80], 2, 32).reshape(count, 16, 16)
    return (scales[..., None] * values - minima[..., None]).reshape(count, 256)


def _q3_k(b: np.ndarray) -> np.ndarray:
    count = len(b)
    low = nibbles(b[:, 96:104])
    high = _fields(b[:, 104:108], 2, 4)
    scales = half(b, 108) * ((low | high << 4).astype(np.float32) - 32)
    # hmask: bit k of byte j belongs to element 32 k + j; if it is not set, 4 is subtracted.
    missing = 4 * (1 - _fields(b[:, :32], 1, 32).astype(np.int8))
    values = (_fields(b[:, 32:96], 2, 32).astype(np.int8) - missing).reshape(count, 16, 16)
    return (scales[..., None] * values).reshape(count, 256)


def sub_scales(b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Eight 6-bit scales and eight 6-bit minima from 12 bytes, as Q4_K and Q5_K pack them."""
    first, second, third = b[:, 0:4], b[:, 4:8], b[:, 8:12]
    scales = np.concatenate([first & 63, (third & 15) | (first >> 6) << 4], axis=1)
    minima = np.concatenate([second & 63, (third >> 4) | (second >> 6) << 4], axis=1)
    return scales, minima


def _scaled(b: np.ndarray, values: np.ndarray) -> np.ndarray:
    scales, minima = sub_scales(b[:, 4:16])
    scale, minimum = half(b, 0) * scales, half(b, 2) * minima
    return (scale[..., None] * values.reshape(len(b), 8, 32) - minimum[..., None]).reshape(len(b), 256)


def q4_k_values(b: np.ndarray) -> np.ndarray:
    """The integers of a block, 0 to 15."""
    return _fields(b[:, 16:144], 4, 32)


def q5_k_values(b: np.ndarray) -> np.ndarray:
    """The integers of a block, 0 to 31."""
    return _fields(b[:, 48:176], 4, 32) | _fields(b[:, 16:48], 1, 32) << 4


def q6_k_values(b: np.ndarray) -> np.ndarray:
    """The integers of a block, 0 to 63."""
    return _fields(b[:, :128], 4, 64) | _fields(b[:, 128:192], 2, 32) << 4


def _q4_k(b: np.ndarray) -> np.ndarray:
    return _scaled(b, q4_k_values(b))


def _q5_k(b: np.ndarray) -> np.ndarray:
    return _scaled(b, q5_k_values(b))


def _q6_k(b: np.ndarray) -> np.ndarray:
    count = len(b)
    scales = half(b, 208) * np.ascontiguousarray(b[:, 192:208]).view(np.int8)
    centred = q6_k_values(b).astype(np.int8).reshape(count, 16, 16) - np.int8(32)
    return (scales[..., None] * centred).reshape(count, 256)


# By the number of the type in GGUF.
TYPES: dict[int, BlockType] = {
    0: BlockType("F32", 1, 4, _float32),
    1: BlockType("F16", 1, 2, _float16),
    2: BlockType("Q4_0", 32, 18, _q4_0),
    3: BlockType("Q4_1", 32, 20, _q4_1),
    6: BlockType("Q5_0", 32, 22, _q5_0),
    7: BlockType("Q5_1", 32, 24, _q5_1),
    8: BlockType("Q8_0", 32, 34, _q8_0),
    10: BlockType("Q2_K", 256, 84, _q2_k),
    11: BlockType("Q3_K", 256, 110, _q3_k),
    12: BlockType("Q4_K", 256, 144, _q4_k),
    13: BlockType("Q5_K", 256, 176, _q5_k),
    14: BlockType("Q6_K", 256, 210, _q6_k),
    30: BlockType("BF16", 1, 2, bfloat16),
}
