"""Rounding of matrix rows to few bits, in numpy. Pure: rows in, integers and scales out.

Every function takes float32 [rows, columns] and looks at each row by itself (palettes at each group of rows), so a
matrix may be given in runs of rows.
"""

from __future__ import annotations

import numpy as np

BLOCK = 32  # neighbours in a row with one scale, in four-bit weights
PALETTE = 16  # values of a four-bit palette
PALETTE_ROWS = 8  # rows with one palette

# How far the largest value of a block may be cut, tried in this order. Cutting a little makes all steps finer.
_SHRINK = (1.0, 0.95, 0.9, 0.85, 0.8)
_BINS = 1024  # resolution of the histogram that palettes are found on


def int8_rows(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """int8 [rows, columns] and fp16 scales [rows, 1]: one scale a row, symmetric."""
    scale = _fp16_scale(np.abs(rows).max(axis=1, keepdims=True) / 127)
    return np.clip(np.rint(rows / scale), -127, 127).astype(np.int8), scale.astype(np.float16)


def int4_blocks(rows: np.ndarray, block: int = BLOCK) -> tuple[np.ndarray, np.ndarray]:
    """int4 [rows, columns] in int8, and fp16 scales [rows, columns / block]: symmetric.

    int4 reaches from -8 to 7, so the value of largest magnitude is given the side that reaches farther: the scale takes
    its sign. Of a few scales the one with the least squared error is kept, and refined by least squares.
    """
    count, columns = rows.shape
    blocks = rows.reshape(-1, block)
    extreme = np.take_along_axis(blocks, np.abs(blocks).argmax(axis=1)[:, None], axis=1)
    best = least = None
    for shrink in _SHRINK:
        scale = _fp16_scale(extreme * np.float32(shrink / -8))
        quantised = _round_int4(blocks, scale)
        # For these integers the scale of least error is their projection onto the values.
        power = np.einsum("ij,ij->i", quantised, quantised)
        product = np.einsum("ij,ij->i", quantised, blocks)
        scale = _fp16_scale(np.divide(product, power, out=scale[:, 0].copy(), where=power > 0)[:, None])
        error = power * scale[:, 0] ** 2 - 2 * product * scale[:, 0]  # but for the constant sum of squares
        if best is None:
            best, least = (quantised, scale), error
            continue
        better = error < least
        for kept, new in zip(best, (quantised, scale)):
            kept[better] = new[better]
        least = np.minimum(least, error)
    quantised, scale = best
    return quantised.astype(np.int8).reshape(count, columns), scale.astype(np.float16).reshape(count, -1)


def palettes(rows: np.ndarray, group: int = PALETTE_ROWS) -> tuple[np.ndarray, np.ndarray]:
    """Indices uint8 [rows, columns] below 16, and fp16 tables [rows / group, 16], ascending: k-means in one dimension.

    The means are found on a histogram of the group's values, which is exact to a thousandth of their range.
    """
    count, columns = rows.shape
    values = rows.reshape(count // group, -1)
    low, high = values.min(axis=1, keepdims=True), values.max(axis=1, keepdims=True)
    step = np.maximum((high - low) / (_BINS - 1), np.float32(1e-12))
    bins = np.rint((values - low) / step).astype(np.int64)
    rank = np.arange(len(values))[:, None] * _BINS
    weight = np.bincount((bins + rank).reshape(-1), minlength=len(values) * _BINS).reshape(-1, _BINS)
    centres = low + step * np.arange(_BINS, dtype=np.float32)
    tables = _means(centres, weight).astype(np.float16)
    of_bin = _nearest(centres, tables.astype(np.float32))
    return np.take_along_axis(of_bin, bins, axis=1).astype(np.uint8).reshape(count, columns), tables


def _means(centres: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Lloyd's iteration from the quantiles of each row's histogram; [rows, 16], ascending."""
    total = np.cumsum(weight, axis=1)
    wanted = (np.arange(PALETTE) + 0.5) / PALETTE * total[:, -1:]
    start = np.stack([np.searchsorted(t, w) for t, w in zip(total, wanted)]).clip(0, _BINS - 1)
    means = np.take_along_axis(centres, start, axis=1)
    # Half quantiles, half the range: values far out are few, and matter.
    even = np.linspace(centres[:, 0], centres[:, -1], PALETTE, axis=1)
    means = np.sort((means + even) / 2, axis=1)
    sums = centres * weight
    offset = np.arange(len(means))[:, None] * PALETTE
    for _ in range(25):
        nearest = (_nearest(centres, means) + offset).reshape(-1)
        mass = np.bincount(nearest, weight.reshape(-1), means.size).reshape(means.shape)
        moved = np.bincount(nearest, sums.reshape(-1), means.size).reshape(means.shape)
        means = np.sort(np.divide(moved, mass, out=means.astype(np.float64), where=mass > 0), axis=1)
    return means


def _nearest(centres: np.ndarray, means: np.ndarray) -> np.ndarray:
    """Index of the nearest of each row's ascending means, for every bin."""
    middle = (means[:, 1:] + means[:, :-1]) / 2
    return (centres[:, :, None] > middle[:, None, :]).sum(axis=2)


def _round_int4(blocks: np.ndarray, scale: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(blocks / scale), -8, 7)


def _fp16_scale(scale: np.ndarray) -> np.ndarray:
    """The scale as fp16 will hold it, never 0: a row of zeros, or of values too small for fp16, becomes zeros."""
    rounded = scale.astype(np.float16).astype(np.float32)
    return np.where(rounded == 0, np.float32(1), rounded)
