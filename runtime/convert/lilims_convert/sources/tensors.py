"""A tensor of a source: a shape, and rows that are read as float32 on request."""

from __future__ import annotations

import math
import mmap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

_PAGE = mmap.PAGESIZE


class SourceTensor(Protocol):
    """The interface of a source to the rest of the conversion."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def kind(self) -> str | None:
        """The name of its type in the file, such as Q4_0 or BF16; None if its rows are not stored as such in a file."""

    def rows(self, start: int, stop: int) -> np.ndarray:
        """Rows start..stop of the first axis as float32; a vector's rows are its elements."""

    def raw(self, start: int, stop: int) -> np.ndarray:
        """The stored bytes of rows start..stop, uint8 [rows, bytes]; only if `kind` is not None."""


class _Computed:
    """Base of tensors whose rows are not stored in a file."""

    @property
    def kind(self) -> None:
        return None

    def raw(self, start: int, stop: int) -> np.ndarray:
        raise TypeError(f"{type(self).__name__}: its rows are not stored")


class MappedBytes:
    """A read-only mapped file whose pages can be released."""

    def __init__(self, mapped: mmap.mmap) -> None:
        self._mapped = mapped
        self.size = len(mapped)

    def view(self, offset: int, length: int) -> np.ndarray:
        """Bytes offset..offset+length, uint8, without a copy."""
        return np.frombuffer(self._mapped, np.uint8, length, offset)

    def release(self, offset: int, length: int) -> None:
        """Releases the pages that are completely in the range; they are read from the file again on the next access."""
        if not hasattr(mmap, "MADV_DONTNEED"):
            return
        first = -(-offset // _PAGE) * _PAGE
        last = (offset + length) // _PAGE * _PAGE
        if last > first:
            self._mapped.madvise(mmap.MADV_DONTNEED, first, last - first)


@dataclass(frozen=True, eq=False)
class FileTensor:
    """A tensor in a mapped file, row after row."""

    shape: tuple[int, ...]
    kind: str
    row_bytes: int
    offset: int  # of the first row in the file
    file: MappedBytes
    decode: Callable[[np.ndarray], np.ndarray]  # bytes of whole rows -> float32, flat

    def raw(self, start: int, stop: int) -> np.ndarray:
        """The stored bytes of rows start..stop, uint8 [rows, row_bytes]; a copy."""
        length = (stop - start) * self.row_bytes
        place = self.offset + start * self.row_bytes
        copied = self.file.view(place, length).copy()
        self.file.release(place, length)
        return copied.reshape(stop - start, self.row_bytes)

    def rows(self, start: int, stop: int) -> np.ndarray:
        """Rows start..stop as float32."""
        return self.decode(self.raw(start, stop).reshape(-1)).reshape(stop - start, *self.shape[1:])


@dataclass(frozen=True, eq=False)
class ArrayTensor(_Computed):
    """A tensor in memory."""

    array: np.ndarray

    @property
    def shape(self) -> tuple[int, ...]:
        return self.array.shape

    def rows(self, start: int, stop: int) -> np.ndarray:
        return np.asarray(self.array[start:stop], np.float32)


@dataclass(frozen=True, eq=False)
class Selected:
    """Rows of another tensor in another order: a part of a fused matrix, or rows that a converter has permuted."""

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
        """The stored bytes of rows start..stop; reordering rows does not change their blocks."""
        wanted = self.order[start:stop]
        first = int(wanted.min())
        return self.source.raw(first, int(wanted.max()) + 1)[wanted - first]

    @property
    def kind(self) -> str | None:
        """The type of the source."""
        return self.source.kind


@dataclass(frozen=True, eq=False)
class Transposed(_Computed):
    """A matrix that its source stores as [in, out]. Reading any rows reads the whole source."""

    source: SourceTensor

    @property
    def shape(self) -> tuple[int, ...]:
        return self.source.shape[::-1]

    def rows(self, start: int, stop: int) -> np.ndarray:
        height = self.source.shape[0]
        parts = [self.source.rows(i, min(i + 256, height))[:, start:stop] for i in range(0, height, 256)]
        return np.ascontiguousarray(np.concatenate(parts).T)


@dataclass(frozen=True, eq=False)
class Shifted(_Computed):
    """A tensor plus a number, for norms that are stored as their difference from 1."""

    source: SourceTensor
    amount: float

    @property
    def shape(self) -> tuple[int, ...]:
        return self.source.shape

    def rows(self, start: int, stop: int) -> np.ndarray:
        return self.source.rows(start, stop) + np.float32(self.amount)


def whole(tensor: SourceTensor) -> np.ndarray:
    """A whole tensor as float32; for small tensors."""
    return tensor.rows(0, tensor.shape[0])


def origin(tensor: SourceTensor) -> SourceTensor:
    """The tensor that a view is of."""
    while hasattr(tensor, "source"):
        tensor = tensor.source
    return tensor


_COMPARED = 1 << 22  # elements at a time


def equal(a: SourceTensor, b: SourceTensor) -> bool:
    """Whether two tensors have the same values, whatever their types; read in chunks of rows."""
    if a.shape != b.shape or not a.shape:
        return False
    same_type = a.kind is not None and a.kind == b.kind
    step = max(1, _COMPARED // max(1, math.prod(a.shape[1:])))
    for start in range(0, a.shape[0], step):
        stop = min(start + step, a.shape[0])
        one, other = (t.raw(start, stop) if same_type else t.rows(start, stop) for t in (a, b))
        if not np.array_equal(one, other):
            return False
    return True


def open_mapped(path: Path) -> MappedBytes:
    """Maps a file for reading. The readers refuse empty files before, because they cannot be mapped."""
    with path.open("rb") as file:
        return MappedBytes(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
