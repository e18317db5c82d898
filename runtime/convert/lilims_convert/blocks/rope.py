"""Rotary positions by half-rotation: element i of a head is rotated with element i + R/2, where R elements are rotated."""

from __future__ import annotations

import numpy as np
from coremltools.converters.mil.mil import Builder as mb
from coremltools.converters.mil.mil import Var

from ..architecture import Architecture


def tables(architecture: Architecture, positions: int, theta: float, factors: tuple[float, ...] | None) -> tuple[np.ndarray, np.ndarray]:
    """Cosine and signed sine, fp16 [positions, R].

    Both halves of a row have the same angles. The first half of the sine is negated, so that the rotation is
    x * cos + swap(x) * sin without a separate negation.
    """
    half = architecture.rotated // 2
    frequencies = theta ** (-np.arange(half, dtype=np.float64) / half)
    if factors is not None:
        frequencies = frequencies / np.asarray(factors, np.float64)
    angles = np.outer(np.arange(positions, dtype=np.float64), frequencies)
    cosine = np.concatenate([np.cos(angles), np.cos(angles)], axis=1)
    sine = np.concatenate([-np.sin(angles), np.sin(angles)], axis=1)
    return cosine.astype(np.float16), sine.astype(np.float16)


def rows(values: tuple[np.ndarray, np.ndarray], position_ids: Var, name: str) -> tuple[Var, Var]:
    """The rows of the tables for the N positions of a call."""
    cosine, sine = (
        mb.gather(x=mb.const(val=table, name=f"{name}_{part}"), indices=position_ids, axis=0, validate_indices=False)
        for part, table in zip(("cos", "sin"), values, strict=True)
    )
    return cosine, sine


def rotate(x: Var, cosine: Var, sine: Var) -> Var:
    """Rotates the first R elements of [1, heads, N, D] by the rows for the N positions."""
    rotated, head_dim = cosine.shape[-1], x.shape[-1]
    rest = None
    if rotated < head_dim:
        x, rest = mb.split(x=x, split_sizes=[rotated, head_dim - rotated], axis=-1)
    first, second = mb.split(x=x, num_splits=2, axis=-1)
    swapped = mb.concat(values=[second, first], axis=-1)
    result = mb.add(x=mb.mul(x=x, y=cosine), y=mb.mul(x=swapped, y=sine))
    return result if rest is None else mb.concat(values=[result, rest], axis=-1)


def llama3_factors(theta: float, half: int, factor: float, turns: tuple[float, float], original: float) -> tuple[float, ...]:
    """The factors of Llama 3.1's extended context: low frequencies are divided by `factor`, high ones by 1, others in between.

    `turns` are the limits, in turns within the `original` context: frequencies with fewer turns than the first are low,
    those with more than the second are high.
    """
    low, high = turns
    wavelengths = 2 * np.pi * theta ** (np.arange(half) / half)
    blend = np.clip((original / wavelengths - low) / (high - low), 0, 1)
    return tuple(float(f) for f in 1 / (blend + (1 - blend) / factor))
