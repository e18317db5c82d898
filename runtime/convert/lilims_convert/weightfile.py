"""weight.bin: the constants of a package, written one after the other.

The format is Core ML's blob storage, version 2: a header of 64 bytes, then for each constant a descriptor of 64 bytes and
its data, both aligned to 64 bytes. A program refers to a constant by the offset of its descriptor. Elements of less than
eight bits are packed, starting with the lowest bit of the first byte.

Input: elements in chunks, so that a constant need not be in memory as a whole. Output: a `Blob` per constant.
"""

from __future__ import annotations

import contextlib
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
    """An element type: its number in Core ML, its width, and the numpy type of an element."""

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
    """A constant in the weight file. The same data can be used in another shape with as many elements."""

    kind: str  # a key of KINDS
    shape: tuple[int, ...]
    offset: int  # of its descriptor in the file, bytes

    def shaped(self, shape: tuple[int, ...]) -> Blob:
        """The same data in another shape."""
        if math.prod(shape) != math.prod(self.shape):
            raise ValueError(f"weight file: cannot reshape {list(self.shape)} to {list(shape)}")
        return replace(self, shape=tuple(shape))


@dataclass(frozen=True)
class WeightReader:
    """Reads an existing weight.bin."""

    path: Path

    def read(self, blob: Blob) -> np.ndarray:
        """The elements of a constant; those of less than eight bits as one byte each."""
        kind, count = KINDS[blob.kind], math.prod(blob.shape)
        with self.path.open("rb") as file:
            file.seek(blob.offset + _ALIGNMENT)
            data = file.read((count * kind.bits + 7) // 8)
        if kind.bits >= 8:
            return np.frombuffer(data, kind.dtype).reshape(blob.shape)
        bits = np.unpackbits(np.frombuffer(data, np.uint8), count=count * kind.bits, bitorder="little")
        fields = (bits.reshape(count, kind.bits) << np.arange(kind.bits, dtype=np.uint8)).sum(axis=1, dtype=np.uint8)
        elements: np.ndarray = (fields ^ 8).astype(np.int8) - 8 if blob.kind == "int4" else fields
        return elements.reshape(blob.shape)


class WeightFile:
    """Writes a weight.bin. Use as a context manager; `read` works before and after closing."""

    def __init__(self, path: Path) -> None:
        self._path = Path(path)
        self._file = self._path.open("w+b")
        self._file.write(bytes(_ALIGNMENT))
        self._count = 0
        self._known: dict[tuple[str, bytes], int] = {}

    def __enter__(self) -> WeightFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def add(self, kind: str, shape: tuple[int, ...], chunks: Iterable[np.ndarray]) -> Blob:
        """Writes a constant from chunks of elements, in order; elements of less than eight bits take a byte each in the chunks."""
        described = self._begin()
        written, rest, bits = 0, np.zeros(0, np.uint8), KINDS[kind].bits
        for chunk in chunks:
            flat = np.ascontiguousarray(chunk, KINDS[kind].dtype).reshape(-1)
            written += flat.size
            if bits < 8:
                fields = np.concatenate([rest, flat.view(np.uint8)])
                whole = len(fields) // 8 * 8  # eight elements fill whole bytes, whatever their width
                flat, rest = _pack(fields[:whole], bits), fields[whole:]
            self._file.write(flat.data.cast("B"))
        self._file.write(_pack(rest, bits).data.cast("B"))
        if written != math.prod(shape):
            raise ValueError(f"weight file: {written} elements for a constant of shape {list(shape)}")
        self._describe(kind, written, described)
        return Blob(kind, tuple(shape), described)

    def add_small(self, kind: str, values: np.ndarray) -> Blob:
        """Writes a constant that is in memory; equal ones are stored once."""
        values = np.ascontiguousarray(values, KINDS[kind].dtype)
        key = kind, hashlib.sha256(values.tobytes()).digest()
        if key not in self._known:
            self._known[key] = self.add(kind, values.shape, [values]).offset
        return Blob(kind, values.shape, self._known[key])

    def read(self, blob: Blob) -> np.ndarray:
        """The elements of a constant, as `WeightReader.read`; also while the file is being written."""
        if not self._file.closed:
            self._file.flush()
        return WeightReader(self._path).read(blob)

    def close(self) -> None:
        """Writes the header and closes the file."""
        if self._file.closed:
            return
        self._file.seek(0)
        self._file.write(struct.pack("<II", self._count, _VERSION))
        self._file.close()

    def abandon(self) -> None:
        """Closes an unfinished file. Errors are ignored: a full disk has been reported already."""
        with contextlib.suppress(OSError):
            self._file.close()

    def _begin(self) -> int:
        """Pads to the alignment and reserves space for a descriptor; returns its offset."""
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
    """Packs elements, one per byte, into `bits` bits each; the last byte is padded with zeros."""
    if bits == 4:
        even = np.append(fields, np.uint8(0)) if len(fields) % 2 else fields
        return (even[0::2] & 15) | even[1::2] << 4
    return np.packbits(np.unpackbits(fields[:, None], axis=1, count=bits, bitorder="little"), bitorder="little")
