"""Rounding of matrix rows to few bits, in numpy: rows in, integers and scales out.

Every function takes float32 [rows, columns] and treats each row (for palettes, each group of rows) independently, so a
matrix may be processed in chunks of rows.
"""

from __future__ import annotations

import numpy as np

BLOCK = 32  # elements of a row that share a scale, in four-bit weights
PALETTE_ROWS = 8  # rows that share a palette

# Factors for the largest value of a block, tried in this order. Clipping it a little makes all steps finer.
_SHRINK = (1.0, 0.95, 0.9, 0.85, 0.8)
_BINS = 4096  # resolution of the histogram that palettes are found on
_CELLS = 40  # intervals of the density that initial means are spread by
_ROUNDS = 100  # k-means iterations, at most
_MOVES = 12  # moves of single means, at most


def int8_rows(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """int8 [rows, columns] and fp16 scales [rows, 1]: one scale per row, symmetric."""
    scale = _fp16_scale(np.abs(rows).max(axis=1, keepdims=True) / 127)
    return np.clip(np.rint(rows / scale), -127, 127).astype(np.int8), scale.astype(np.float16)


def int4_blocks(rows: np.ndarray, block: int = BLOCK) -> tuple[np.ndarray, np.ndarray]:
    """int4 [rows, columns] in int8, and fp16 scales [rows, columns / block]: symmetric.

    int4 ranges from -8 to 7, so the scale takes the opposite sign of the value of largest magnitude, which then maps to
    the wider side. Of a few scales, the one with the least squared error is kept, after refinement by least squares.
    """
    count, columns = rows.shape
    blocks = rows.reshape(-1, block)
    extreme = np.take_along_axis(blocks, np.abs(blocks).argmax(axis=1)[:, None], axis=1)
    best: tuple[np.ndarray, np.ndarray] | None = None
    least = np.empty(0)
    for shrink in _SHRINK:
        scale = _fp16_scale(extreme * np.float32(shrink / -8))
        quantised = _round_int4(blocks, scale)
        # For these integers, the scale of least error is the projection of the values onto them.
        power = np.einsum("ij,ij->i", quantised, quantised)
        product = np.einsum("ij,ij->i", quantised, blocks)
        scale = _fp16_scale(np.divide(product, power, out=scale[:, 0].copy(), where=power > 0)[:, None])
        error = power * scale[:, 0] ** 2 - 2 * product * scale[:, 0]  # without the constant sum of squares
        if best is None:
            best, least = (quantised, scale), error
            continue
        better = error < least
        for kept, new in zip(best, (quantised, scale), strict=True):
            kept[better] = new[better]
        least = np.minimum(least, error)
    assert best is not None, "_SHRINK is not empty"
    quantised, scale = best
    return quantised.astype(np.int8).reshape(count, columns), scale.astype(np.float16).reshape(count, -1)


def palettes(rows: np.ndarray, bits: int, group: int = PALETTE_ROWS) -> tuple[np.ndarray, np.ndarray]:
    """Indices uint8 [rows, columns] below 2^bits, and fp16 tables [rows / group, 2^bits], ascending: k-means in one dimension.

    Values are first sorted into a few thousand bins over each group's range. The cells of ascending means are ranges of
    bins, and their masses and sums are differences of cumulative sums: the cost of an iteration depends on the number of
    means, not of values.
    """
    count, columns = rows.shape
    values = rows.reshape(count // group, -1)
    low, high = values.min(axis=1, keepdims=True), values.max(axis=1, keepdims=True)
    step = np.maximum((high - low) / (_BINS - 1), np.float32(1e-12))
    places = (values - low) / step
    means = _means(places, 1 << bits)
    tables = (low + step * means).astype(np.float16)
    middles = (tables[:, 1:].astype(np.float32) + tables[:, :-1]) / 2
    indices = np.stack([np.searchsorted(middle, own) for middle, own in zip(middles, values, strict=True)])
    return indices.astype(np.uint8).reshape(count, columns), tables


def _means(places: np.ndarray, count: int) -> np.ndarray:
    """Means of the values in [0, _BINS) of each row, independently; float64 [rows, count], ascending."""
    cells = _Cells(places)
    means = cells.settled(_spread(cells.mass, count), _ROUNDS)
    for _ in range(_MOVES):
        moved, changed = cells.exchanged(means)
        if not changed.any():
            break
        means = np.where(changed[:, None], cells.settled(moved, 3), means)
    return cells.settled(means, _ROUNDS)


class _Cells:
    """Rows of values in bins; sums over a range of bins are differences of cumulative sums."""

    def __init__(self, places: np.ndarray) -> None:
        groups = len(places)
        first = np.arange(groups)[:, None] * _BINS
        bins = (np.rint(places).astype(np.int64) + first).reshape(-1)
        values = places.reshape(-1).astype(np.float64)
        self.mass, self.sums, self.squares = (
            np.concatenate([np.zeros((groups, 1)), np.bincount(bins, weight, groups * _BINS).reshape(groups, _BINS).cumsum(axis=1)], axis=1)
            for weight in (None, values, values**2)
        )

    def within(self, running: np.ndarray, means: np.ndarray) -> np.ndarray:
        """The sum over the bins that are nearest to each mean."""
        ends = np.floor((means[:, 1:] + means[:, :-1]) / 2).astype(np.int64).clip(0, _BINS - 1) + 1
        reached = np.take_along_axis(running, ends, axis=1)
        return np.diff(reached, axis=1, prepend=0, append=running[:, -1:])

    def settled(self, means: np.ndarray, rounds: int) -> np.ndarray:
        """Lloyd's iteration: each mean moves to the average of the values that are nearest to it."""
        for _ in range(rounds):
            inside = self.within(self.mass, means)
            moved = np.sort(np.divide(self.within(self.sums, means), inside, out=means.copy(), where=inside > 0), axis=1)
            if (moved == means).all():
                break
            means = moved
        return means

    def exchanged(self, means: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Moves one mean of each row from where it reduces the error least to where it reduces it most; and whether that helps.

        Lloyd's iteration moves means only up to their neighbours; this moves one across the whole range.
        """
        inside, total = self.within(self.mass, means), self.within(self.sums, means)
        error = np.maximum(self.within(self.squares, means) - total**2 / np.maximum(inside, 1), 0)
        worst = error.argmax(axis=1)[:, None]
        pair = inside[:, 1:] + inside[:, :-1]
        cost = inside[:, 1:] * inside[:, :-1] / np.maximum(pair, 1) * np.diff(means, axis=1) ** 2
        near = np.abs(np.arange(cost.shape[1]) + 0.5 - worst) < 1  # the worst cell keeps its mean
        spare = np.where(near, np.inf, cost).argmin(axis=1)[:, None]
        helps = np.take_along_axis(np.where(near, np.inf, cost), spare, axis=1) < 0.7 * np.take_along_axis(error, worst, axis=1)
        reach = np.sqrt(np.take_along_axis(error / np.maximum(inside, 1), worst, axis=1))
        there = np.take_along_axis(means, worst, axis=1)
        joined = (np.take_along_axis(total, spare, axis=1) + np.take_along_axis(total, spare + 1, axis=1)) / np.maximum(
            np.take_along_axis(pair, spare, axis=1), 1
        )
        moved = means.copy()
        for place, value in ((spare, joined), (spare + 1, there + reach), (worst, there - reach)):
            np.put_along_axis(moved, place, value, axis=1)
        return np.sort(moved, axis=1), helps[:, 0]


def _spread(mass: np.ndarray, count: int) -> np.ndarray:
    """Initial means, as dense as the cube root of the density of the values: optimal for many means (Panter and Dite 1951).

    `mass` is a cumulative sum over bins. The density is taken between its quantiles, which are close where values are
    dense, and between even steps, which separate empty intervals from sparse ones.
    """
    wanted, parts = (np.arange(count) + 0.5) / count, np.arange(_CELLS + 1) / _CELLS
    even, spread = np.rint(parts * _BINS).astype(np.int64), []
    for own in mass:
        edges = np.unique(np.concatenate([np.searchsorted(own, parts * own[-1]), even]))
        cells = np.cbrt(np.diff(own[edges]) * np.diff(edges) ** 2.0 + 1e-3)
        reached = np.concatenate([[0], cells.cumsum()])
        spread.append(np.interp(wanted * reached[-1], reached, edges - 0.5))
    return np.stack(spread)


def _round_int4(blocks: np.ndarray, scale: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(blocks / scale), -8, 7)


def _fp16_scale(scale: np.ndarray) -> np.ndarray:
    """The scale as fp16 can represent it, never 0: rows of zeros, or of values too small for fp16, become zeros."""
    rounded = scale.astype(np.float16).astype(np.float32)
    return np.where(rounded == 0, np.float32(1), rounded)
