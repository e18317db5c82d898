"""How a tensor is stored in a package.

A `Weight` knows three things: its shape, how to put itself into the program being built, and what dense values a
device ends up computing with. Program builders only see this interface, so a quantised kind (a scale per block of a
row, a palette) plugs in by one more class with the same three members.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from coremltools.converters.mil.mil import Builder as mb

FP16_MAX = float(np.finfo(np.float16).max)


class Weight(Protocol):
    """One stored tensor."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    def emit(self, name: str):
        """Adds the tensor to the function being built and returns the MIL variable (fp16)."""

    def dense(self) -> np.ndarray:
        """The values as a device sees them, widened to float32."""


@dataclass(frozen=True, eq=False)
class DenseWeight:
    """Plain fp16 values."""

    values: np.ndarray  # float16

    @property
    def shape(self) -> tuple[int, ...]:
        return self.values.shape

    def emit(self, name: str):
        return mb.const(val=self.values, name=name)

    def dense(self) -> np.ndarray:
        return self.values.astype(np.float32)


def to_fp16(name: str, tensor: np.ndarray) -> DenseWeight:
    """Rounds a tensor to fp16; refuses values outside its range, which would become infinite on the device."""
    largest = float(np.abs(tensor).max(initial=0.0))
    if largest > FP16_MAX:
        raise ValueError(f"{name}: largest value {largest:g} does not fit fp16 (limit {FP16_MAX:g})")
    return DenseWeight(np.ascontiguousarray(tensor, dtype=np.float16))
