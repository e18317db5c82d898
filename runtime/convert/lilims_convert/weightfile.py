"""weight.bin: the constants of a package, written one after the other as they are made.

The format is Core ML's blob storage, version 2: a header of 64 bytes, then for each constant 64 bytes that describe it
and its bytes, each begun at a multiple of 64. A program refers to a constant by where its description begins. Elements
of less than eight bits lie one behind the other, from the lowest bit of the first byte on.

Comes in: elements, in runs, so that no constant has to be in memory whole. Goes out: a `Blob` per constant.
"""

from __future__ import annotations

import hashlib
import math
import struct
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

_ALIGNMENT = 64
_VERSION = 2
_SENTINEL = 0xDEADBEEF


@dataclass(frozen=True)
class Kind:
    """An element type: Core ML's number for it, its width, and how numpy holds one element."""

    code: int
    bits: int
    dtype: str


KINDS: dict[str, Kind] = {
    "fp16": Kind(1, 16, "<f2"),
    "fp32": Kind(2, 32, "<f4"),
    "uint8": Kind(3, 8, "u1"),
    "int8": Kind(4, 8, "i1"),
    "int16": Kind(6, 16, "<i2"),
    "uint16": Kind(7, 16, "<u2"),
    "int4": Kind(8, 4, "i1"),
    "uint4": Kind(11, 4, "u1"),
    "uint6": Kind(13, 6, "u1"),
    "int32": Kind(14, 32, "<i4"),
    "uint32": Kind(15, 32, "<u4"),
}


@dataclass(frozen=True)
class Blob:
    """A constant in the weight file. The same bytes may be seen in another shape of as many elements."""

    kind: str  # a key of KINDS
    shape: tuple[int, ...]
    offset: int  # of its description in the file, bytes

    def shaped(self, shape: tuple[int, ...]) -> "Blob":
        if math.prod(shape) != math.prod(self.shape):
            raise ValueError(f"weight file: {list(self.shape)} cannot be seen as {list(shape)}")
        return replace(self, shape=tuple(shape))


@dataclass(frozen=True)
class WeightReader:
    """A weight.bin that was written before."""

    path: Path

    def read(self, blob: Blob) -> np.ndarray:
        """The elements of a constant, one a byte where they have fewer bits."""
        kind, count = KINDS[blob.kind], math.prod(blob.shape)
        with open(self.path, "rb") as file:
            file.seek(blob.offset + _ALIGNMENT)
            data = file.read((count * kind.bits + 7) // 8)
        if kind.bits >= 8:
            return np.frombuffer(data, kind.dtype).reshape(blob.shape)
        bits = np.unpackbits(np.frombuffer(data, np.uint8), count=count * kind.bits, bitorder="little")
        fields = (bits.reshape(count, kind.bits) << np.arange(kind.bits, dtype=np.uint8)).sum(axis=1, dtype=np.uint8)
        return (((fields ^ 8).astype(np.int8) - 8) if blob.kind == "int4" else fields).reshape(blob.shape)


class WeightFile:
    """A weight.bin being written. Use as a context manager; `read` works before and after the end."""

    def __init__(self, path: Path) -> None:
        self._path = Path(path)
        self._file = open(self._path, "w+b")
        self._file.write(bytes(_ALIGNMENT))
        self._count = 0
        self._known: dict[tuple[str, bytes], int] = {}

    def __enter__(self) -> "WeightFile":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def add(self, kind: str, shape: tuple[int, ...], runs: Iterable[np.ndarray]) -> Blob:
        """Writes a constant whose elements come in runs, in order; a byte an element also where it has fewer bits."""
        described = self._begin()
        written, rest, bits = 0, np.zeros(0, np.uint8), KINDS[kind].bits
        for run in runs:
            run = np.ascontiguousarray(run, KINDS[kind].dtype).reshape(-1)
            written += run.size
            if bits < 8:
                fields = np.concatenate([rest, run.view(np.uint8)])
                whole = len(fields) // 8 * 8  # as many as fill whole bytes, whatever their width
                run, rest = _pack(fields[:whole], bits), fields[whole:]
            self._file.write(memoryview(run).cast("B"))
        self._file.write(memoryview(_pack(rest, bits)).cast("B"))
        if written != math.prod(shape):
            raise ValueError(f"weight file: {written} elements for a constant of shape {list(shape)}")
        self._describe(kind, written, described)
        return Blob(kind, tuple(shape), described)

    def add_small(self, kind: str, values: np.ndarray) -> Blob:
        """Writes a constant that is in memory anyway; equal ones are stored once."""
        values = np.ascontiguousarray(values, KINDS[kind].dtype)
        key = kind, hashlib.sha256(values.tobytes()).digest()
        if key not in self._known:
            self._known[key] = self.add(kind, values.shape, [values]).offset
        return Blob(kind, values.shape, self._known[key])

    def read(self, blob: Blob) -> np.ndarray:
        """See `WeightReader`; works while the file is being written, too."""
        if not self._file.closed:
            self._file.flush()
        return WeightReader(self._path).read(blob)

    def close(self) -> None:
        if self._file.closed:
            return
        self._file.seek(0)
        self._file.write(struct.pack("<II", self._count, _VERSION))
        self._file.close()

    def abandon(self) -> None:
        """Closes what nobody needs any more; a disk that is full is no reason to complain again."""
        try:
            self._file.close()
        except OSError:
            pass

    def _begin(self) -> int:
        """Pads to the alignment and leaves room for a description; returns where that is."""
        self._file.seek(0, 2)
        self._file.write(bytes(-self._file.tell() % _ALIGNMENT))
        at = self._file.tell()
        self._file.write(bytes(_ALIGNMENT))
        return at

    def _describe(self, kind: str, count: int, at: int) -> None:
        bits = count * KINDS[kind].bits
        size = (bits + 7) // 8
        self._file.seek(at)
        self._file.write(struct.pack("<IIQQQ", _SENTINEL, KINDS[kind].code, size, at + _ALIGNMENT, size * 8 - bits))
        self._count += 1


def _pack(fields: np.ndarray, bits: int) -> np.ndarray:
    """Elements without the bits that they do not have, the last byte filled up with zeros."""
    if bits == 4:
        even = np.append(fields, np.uint8(0)) if len(fields) % 2 else fields
        return (even[0::2] & 15) | even[1::2] << 4
    return np.packbits(np.unpackbits(fields[:, None], axis=1, count=bits, bitorder="little"), bitorder="little")
