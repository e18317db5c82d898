"""Rounding of matrix rows to few bits, in numpy. Pure: rows in, integers and scales out.

Every function takes float32 [rows, columns] and looks at each row by itself (palettes at each group of rows), so a
matrix may be given in runs of rows.
"""

from __future__ import annotations

import numpy as np

BLOCK = 32  # neighbours in a row with one scale, in four-bit weights
PALETTE_ROWS = 8  # rows with one palette

# How far the largest value of a block may be cut, tried in this order. Cutting a little makes all steps finer.
_SHRINK = (1.0, 0.95, 0.9, 0.85, 0.8)
_BINS = 4096  # resolution of the histogram that palettes are found on
_CELLS = 40  # stretches of the density that means are first spread by
_ROUNDS = 100  # of k-means, at most
_MOVES = 12  # of single means, at most


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


def palettes(rows: np.ndarray, bits: int, group: int = PALETTE_ROWS) -> tuple[np.ndarray, np.ndarray]:
    """Indices uint8 [rows, columns] below 2^bits, and fp16 tables [rows / group, 2^bits], ascending: k-means in one dimension.

    Values are sorted into bins first, a few thousand over each group's range. Cells of ascending means are runs of bins,
    and their masses and sums are differences of running sums: a round costs as much as there are means, not values.
    """
    count, columns = rows.shape
    values = rows.reshape(count // group, -1)
    low, high = values.min(axis=1, keepdims=True), values.max(axis=1, keepdims=True)
    step = np.maximum((high - low) / (_BINS - 1), np.float32(1e-12))
    places = (values - low) / step
    means = _means(places, 1 << bits)
    tables = (low + step * means).astype(np.float16)
    middles = (tables[:, 1:].astype(np.float32) + tables[:, :-1]) / 2
    indices = np.stack([np.searchsorted(middle, own) for middle, own in zip(middles, values)])
    return indices.astype(np.uint8).reshape(count, columns), tables


def _means(places: np.ndarray, count: int) -> np.ndarray:
    """Means of values in [0, _BINS) of each row; float64 [rows, count], ascending. Every row's depend on that row alone."""
    cells = _Cells(places)
    means = cells.settled(_spread(cells.mass, count), _ROUNDS)
    for _ in range(_MOVES):
        moved, changed = cells.exchanged(means)
        if not changed.any():
            break
        means = np.where(changed[:, None], cells.settled(moved, 3), means)
    return cells.settled(means, _ROUNDS)


class _Cells:
    """Rows of values in bins: what lies between two bins is a difference of running sums."""

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
        """What is nearest to each mean."""
        ends = np.floor((means[:, 1:] + means[:, :-1]) / 2).astype(np.int64).clip(0, _BINS - 1) + 1
        reached = np.take_along_axis(running, ends, axis=1)
        return np.diff(reached, axis=1, prepend=0, append=running[:, -1:])

    def settled(self, means: np.ndarray, rounds: int) -> np.ndarray:
        """Lloyd's iteration: each mean moves to the middle of what is nearest to it."""
        for _ in range(rounds):
            inside = self.within(self.mass, means)
            moved = np.sort(np.divide(self.within(self.sums, means), inside, out=means.copy(), where=inside > 0), axis=1)
            if (moved == means).all():
                break
            means = moved
        return means

    def exchanged(self, means: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """One mean of each row taken from where it is needed least to where it is needed most, and whether that helps.

        Lloyd's iteration moves means to their neighbours' borders only; this takes one across the whole row.
        """
        inside, total = self.within(self.mass, means), self.within(self.sums, means)
        error = np.maximum(self.within(self.squares, means) - total**2 / np.maximum(inside, 1), 0)
        worst = error.argmax(axis=1)[:, None]
        pair = inside[:, 1:] + inside[:, :-1]
        cost = inside[:, 1:] * inside[:, :-1] / np.maximum(pair, 1) * np.diff(means, axis=1) ** 2
        near = np.abs(np.arange(cost.shape[1]) + 0.5 - worst) < 1  # the worst cell itself keeps its mean
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
    """Where means begin: as dense as the third root of the values' density, which is best for many means (Panter and Dite 1951).

    `mass` is a running sum over bins. The density is taken between its quantiles, which are close where values are, and
    even steps, which tell wide stretches without values from those with a few.
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
    """The scale as fp16 will hold it, never 0: a row of zeros, or of values too small for fp16, becomes zeros."""
    rounded = scale.astype(np.float16).astype(np.float32)
    return np.where(rounded == 0, np.float32(1), rounded)
