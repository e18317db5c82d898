"""Stored tensors of a package.

A `Weight` has a shape, adds itself to the program being built, and gives the dense values that a device computes with.
Program builders use only this interface. Its elements are already in the weight file: the program gets placeholder
constants of the right type and shape, and `emit` records which constant of the file each of them represents.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from coremltools.converters.mil.mil import Builder as mb
from coremltools.converters.mil.mil import Var, types

from .weightfile import Blob, WeightFile, WeightReader

FP16_MAX = float(np.finfo(np.float16).max)

_PLACEHOLDER = {
    "fp16": np.float16,
    "fp32": np.float32,
    "int8": np.int8,
    "int4": types.np_int4_dtype,
    "uint4": types.np_uint4_dtype,
    "uint6": types.np_uint6_dtype,
    "uint8": np.uint8,
    "int32": np.int32,
}


class Blobs:
    """The constants of the weight file by the names of their placeholders in the program."""

    def __init__(self) -> None:
        self.of: dict[str, Blob] = {}

    def const(self, name: str, blob: Blob) -> Var:
        """Adds a placeholder, which takes no memory whatever its size, to the function being built."""
        known = self.of.setdefault(name, blob)
        if known != blob:
            raise ValueError(f"{name}: represents two constants of the weight file")
        zero = np.zeros((), _PLACEHOLDER[blob.kind])
        return mb.const(val=np.broadcast_to(zero, blob.shape), name=name)


class Weight(Protocol):
    """One stored tensor."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    def emit(self, blobs: Blobs, name: str, shape: tuple[int, ...]) -> Var:
        """Adds the tensor to the function being built. `shape` is its shape, possibly with axes of size 1 at the end."""

    def dense(self, file: WeightFile | WeightReader) -> np.ndarray:
        """The values that a device computes with, in float32."""


@dataclass(frozen=True)
class DenseWeight:
    """Plain fp16 values."""

    values: Blob

    @property
    def shape(self) -> tuple[int, ...]:
        return self.values.shape

    def emit(self, blobs: Blobs, name: str, shape: tuple[int, ...]) -> Var:
        return blobs.const(name, self.values.shaped(shape))

    def dense(self, file: WeightFile | WeightReader) -> np.ndarray:
        return file.read(self.values).astype(np.float32)


@dataclass(frozen=True)
class BlockwiseWeight:
    """scale * (data - offset), with a scale for each block of columns / blocks neighbours in a row."""

    data: Blob  # int8, int4 or uint4 [rows, columns]
    scale: Blob  # fp16 [rows, blocks]
    offset: Blob | None = None  # fp16, same shape as the scales

    @property
    def shape(self) -> tuple[int, ...]:
        return self.data.shape

    def emit(self, blobs: Blobs, name: str, shape: tuple[int, ...]) -> Var:
        ones = (1,) * (len(shape) - 2)
        arguments = {"data": self.data.shaped(shape), "scale": self.scale.shaped((*self.scale.shape, *ones))}
        if self.offset is not None:
            arguments["offset"] = self.offset.shaped((*self.offset.shape, *ones))
        constants = {part: blobs.const(f"{name}_{part}", blob) for part, blob in arguments.items()}
        return mb.constexpr_blockwise_shift_scale(**constants, name=name)

    def dense(self, file: WeightFile | WeightReader) -> np.ndarray:
        rows, blocks = self.scale.shape
        data = file.read(self.data).astype(np.float32).reshape(rows, blocks, -1)
        if self.offset is not None:
            data = data - file.read(self.offset).astype(np.float32)[..., None]
        return (data * file.read(self.scale).astype(np.float32)[..., None]).reshape(self.shape)


@dataclass(frozen=True)
class PaletteWeight:
    """Indices into a table of values that a group of neighbouring rows shares."""

    indices: Blob  # uint4, uint6 or uint8 [rows, columns]
    table: Blob  # fp16 [groups, 2^bits]

    @property
    def shape(self) -> tuple[int, ...]:
        return self.indices.shape

    def emit(self, blobs: Blobs, name: str, shape: tuple[int, ...]) -> Var:
        groups, entries = self.table.shape
        table = self.table.shaped((groups, *(1,) * (len(shape) - 1), entries, 1))
        indices = blobs.const(f"{name}_indices", self.indices.shaped(shape))
        return mb.constexpr_lut_to_dense(indices=indices, lut=blobs.const(f"{name}_lut", table), name=name)

    def dense(self, file: WeightFile | WeightReader) -> np.ndarray:
        groups, _ = self.table.shape
        indices = file.read(self.indices).reshape(groups, -1)
        table = file.read(self.table).astype(np.float32)
        return np.take_along_axis(table, indices.astype(np.int64), axis=1).reshape(self.shape)


def checked_fp16(name: str, values: np.ndarray) -> np.ndarray:
    """Rounds to fp16. Raises ValueError for values that are not finite or do not fit."""
    largest = float(np.abs(values).max(initial=0.0))
    if not largest <= FP16_MAX:
        reason = (
            f"largest value {largest:g} does not fit fp16 (limit {FP16_MAX:g})"
            if largest > FP16_MAX
            else "contains values that are not numbers"
        )
        raise ValueError(f"{name}: {reason}")
    return values.astype(np.float16)


@dataclass(frozen=True)
class SplitWeight:
    """A matrix in parts of consecutive rows, because the Neural Engine limits the rows of a product."""

    parts: tuple[Weight, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        return (sum(part.shape[0] for part in self.parts), *self.parts[0].shape[1:])

    def emit(self, blobs: Blobs, name: str, shape: tuple[int, ...]) -> Var:
        raise TypeError(f"{name}: its parts are added to a program one by one")

    def dense(self, file: WeightFile | WeightReader) -> np.ndarray:
        return np.concatenate([part.dense(file) for part in self.parts])


def parts_of(weight: Weight) -> tuple[Weight, ...]:
    """The parts of a weight; a weight that is not split is its own part."""
    return weight.parts if isinstance(weight, SplitWeight) else (weight,)
