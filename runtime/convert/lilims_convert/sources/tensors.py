"""A tensor as a source offers it: a shape, and rows of float32 when they are asked for."""

from __future__ import annotations

import math
import mmap
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

_PAGE = mmap.PAGESIZE


class SourceTensor(Protocol):
    """What the rest of the conversion sees of a source."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    def rows(self, start: int, stop: int) -> np.ndarray:
        """Rows start..stop of the first axis as float32; a vector's rows are its elements."""


class MappedBytes:
    """A read-only file in memory whose pages can be given back."""

    def __init__(self, mapped: mmap.mmap) -> None:
        self._mapped = mapped
        self.size = len(mapped)

    def view(self, offset: int, length: int) -> np.ndarray:
        """Bytes offset..offset+length, not copied."""
        return np.frombuffer(self._mapped, np.uint8, length, offset)

    def release(self, offset: int, length: int) -> None:
        """Gives back the pages that lie wholly in the range; reading them again reads the file again."""
        if not hasattr(mmap, "MADV_DONTNEED"):
            return
        first = -(-offset // _PAGE) * _PAGE
        last = (offset + length) // _PAGE * _PAGE
        if last > first:
            self._mapped.madvise(mmap.MADV_DONTNEED, first, last - first)


@dataclass(frozen=True, eq=False)
class FileTensor:
    """A tensor that lies in a mapped file, row after row."""

    shape: tuple[int, ...]
    kind: str  # the name of its type in the file, such as Q4_0 or BF16
    row_bytes: int
    offset: int  # of the first row in the file
    file: MappedBytes
    decode: Callable[[np.ndarray], np.ndarray]  # bytes of whole rows -> float32, one row after the other

    def raw(self, start: int, stop: int) -> np.ndarray:
        """The bytes of some rows as they are stored, [rows, row_bytes]; a copy."""
        length = (stop - start) * self.row_bytes
        place = self.offset + start * self.row_bytes
        taken = self.file.view(place, length).copy()
        self.file.release(place, length)
        return taken.reshape(stop - start, self.row_bytes)

    def rows(self, start: int, stop: int) -> np.ndarray:
        return self.decode(self.raw(start, stop).reshape(-1)).reshape(stop - start, *self.shape[1:])


@dataclass(frozen=True, eq=False)
class ArrayTensor:
    """A tensor in memory."""

    array: np.ndarray

    @property
    def shape(self) -> tuple[int, ...]:
        return self.array.shape

    def rows(self, start: int, stop: int) -> np.ndarray:
        return np.asarray(self.array[start:stop], np.float32)


@dataclass(frozen=True, eq=False)
class Selected:
    """Rows of another tensor in another order: a part of a fused matrix, or rows that a converter had permuted."""

    source: SourceTensor
    order: np.ndarray  # row i of this is row order[i] of the source

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.order), *self.source.shape[1:])

    def rows(self, start: int, stop: int) -> np.ndarray:
        wanted = self.order[start:stop]
        if len(wanted) == 0:
            return np.empty((0, *self.shape[1:]), np.float32)
        first = int(wanted.min())
        return self.source.rows(first, int(wanted.max()) + 1)[wanted - first]

    def raw(self, start: int, stop: int) -> np.ndarray:
        """As `FileTensor.raw`: whole rows keep their blocks wherever they go."""
        wanted = self.order[start:stop]
        first = int(wanted.min())
        return self.source.raw(first, int(wanted.max()) + 1)[wanted - first]

    @property
    def kind(self) -> str | None:
        return getattr(self.source, "kind", None)


@dataclass(frozen=True, eq=False)
class Transposed:
    """A matrix that its source stores as [in, out]. Held whole while it is read: rows cut across the source's."""

    source: SourceTensor

    @property
    def shape(self) -> tuple[int, ...]:
        return self.source.shape[::-1]

    def rows(self, start: int, stop: int) -> np.ndarray:
        height = self.source.shape[0]
        parts = [self.source.rows(i, min(i + 256, height))[:, start:stop] for i in range(0, height, 256)]
        return np.ascontiguousarray(np.concatenate(parts).T)


@dataclass(frozen=True, eq=False)
class Shifted:
    """A tensor plus a number: norms that are stored as their difference from 1."""

    source: SourceTensor
    amount: float

    @property
    def shape(self) -> tuple[int, ...]:
        return self.source.shape

    def rows(self, start: int, stop: int) -> np.ndarray:
        return self.source.rows(start, stop) + np.float32(self.amount)


def whole(tensor: SourceTensor) -> np.ndarray:
    """All of a tensor as float32; for small ones."""
    return tensor.rows(0, tensor.shape[0])


def origin(tensor: SourceTensor) -> SourceTensor:
    """What a tensor is a view of: the one that its source holds."""
    while hasattr(tensor, "source"):
        tensor = tensor.source
    return tensor


_COMPARED = 1 << 22  # elements at a time


def equal(a: SourceTensor, b: SourceTensor) -> bool:
    """Whether two tensors hold the same values, stored in the same way or not; read in runs of rows."""
    if a.shape != b.shape or not a.shape:
        return False
    literally = getattr(a, "kind", a) == getattr(b, "kind", b)
    step = max(1, _COMPARED // max(1, math.prod(a.shape[1:])))
    for start in range(0, a.shape[0], step):
        stop = min(start + step, a.shape[0])
        one, other = (t.raw(start, stop) if literally else t.rows(start, stop) for t in (a, b))
        if not np.array_equal(one, other):
            return False
    return True


def open_mapped(path) -> MappedBytes:
    """Maps a file for reading. An empty file cannot be mapped and is refused by its readers before."""
    with open(path, "rb") as file:
        return MappedBytes(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
