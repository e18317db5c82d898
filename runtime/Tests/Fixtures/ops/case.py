"""A test case for one operation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass
class Case:
    """An operation with its inputs and its expected results."""

    name: str
    build: Callable[..., Any]  # takes the inputs as MIL variables, returns the results
    inputs: list[np.ndarray] = field(default_factory=list)
    expected: Callable[[], Any] | None = None  # None: as coremltools infers it
    tolerance: float = 2e-6  # relative to the larger of 1 and the value
    fold: bool = True  # also built from constants


def floats(seed: int, *shape: int, low: float = -2, high: float = 2) -> np.ndarray:
    # Three decimals keep the fixture small.
    return np.round(np.random.default_rng(seed).uniform(low, high, shape), 3).astype(np.float32)


def ints(seed: int, *shape: int, low: int = -9, high: int = 9) -> np.ndarray:
    return np.random.default_rng(seed).integers(low, high, shape).astype(np.int32)
