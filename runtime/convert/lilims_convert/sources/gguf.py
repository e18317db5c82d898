"""GGUF, versions 2 and 3: the file format of llama.cpp.

Input: a file. Output: its metadata and a table of tensors. The file is untrusted: counts and lengths are checked against
the remaining bytes, offsets against the size of the file, names for duplicates. Memory is allocated only for what the file
contains, not for what it claims, and the part before the tensors is limited to the size of the largest vocabularies.
"""

from __future__ import annotations

import itertools
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from . import SourceError, shown
from .blocks import TYPES
from .tensors import FileTensor, MappedBytes, open_mapped

_MAGIC = b"GGUF"
_VERSIONS = (2, 3)
_LONGEST_NAME = 1 << 16  # the format's own limit for keys is 2^16 - 1 bytes
_MOST_AXES = 4
_LARGEST_ALIGNMENT = 1 << 20
_DEEPEST = 4  # levels of nested arrays
# Bytes before the values of the tensors. In memory, objects take up to ten times as much; the largest published
# vocabularies, of 262,144 tokens, take 6 MB in the file.
_LONGEST_HEADER = 64 << 20
_MOST_TENSORS = 1 << 16

# Scalar value types: struct letter by number in the file. 7 is bool, 8 a string, 9 an array.
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "B", 10: "Q", 11: "q", 12: "d"}
_BOOL, _STRING, _ARRAY = 7, 8, 9
_NUMPY = {"B": "u1", "b": "i1", "H": "u2", "h": "i2", "I": "u4", "i": "i4", "f": "f4", "Q": "u8", "q": "i8", "d": "f8"}


@dataclass(frozen=True)
class GGUF:
    """An opened file."""

    path: Path
    version: int
    metadata: dict[str, object]
    tensors: dict[str, FileTensor]


def read(path: Path) -> GGUF:
    """Opens a file and reads everything except the values of the tensors. Raises SourceError."""
    path = Path(path)
    try:
        size = path.stat().st_size
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror or error}") from None
    if size < 24:
        raise SourceError(f"{path}: not a GGUF file: {size} bytes is less than the header")
    return _Reader(path, open_mapped(path)).read()


_TensorInfo = tuple[str, tuple[int, ...], int, int]  # name, shape, type number, offset from the start of the data


class _Reader:
    """A cursor over the mapped file. Every read is checked against the end."""

    def __init__(self, path: Path, file: MappedBytes) -> None:
        self._path = path
        self._file = file
        self._bytes = file.view(0, file.size).data
        self._at = 0

    def read(self) -> GGUF:
        """The whole file. Raises SourceError."""
        version = self._header()
        tensor_count, entry_count = self._scalar("Q"), self._scalar("Q")
        if tensor_count > _MOST_TENSORS:
            raise self._wrong(f"{tensor_count} tensors; at most {_MOST_TENSORS} are supported")
        # A tensor entry takes at least 24 bytes, a metadata entry 13: larger counts cannot be valid.
        self._require(tensor_count * 24 + entry_count * 13, f"{tensor_count} tensors and {entry_count} metadata entries")
        metadata = self._metadata(entry_count)
        if metadata.get("split.count", 1) not in (0, 1):
            raise self._wrong(f"one of {shown(metadata['split.count'])} parts of a split model; merge the parts with gguf-split first")
        infos = [self._tensor_info(number) for number in range(tensor_count)]
        return GGUF(self._path, version, metadata, self._place(infos, self._data_start(metadata)))

    def _header(self) -> int:
        if bytes(self._bytes[:4]) != _MAGIC:
            raise self._wrong(f"not a GGUF file: it starts with {bytes(self._bytes[:4])!r}")
        self._at = 4
        version = self._scalar("I")
        if version not in _VERSIONS:
            swapped = int.from_bytes(version.to_bytes(4, "little"), "big")
            order = " in big-endian byte order" if swapped in _VERSIONS else ""
            raise self._wrong(f"GGUF version {swapped if order else version}{order}; supported: 2 and 3, little endian")
        return version

    def _metadata(self, count: int) -> dict[str, object]:
        metadata: dict[str, object] = {}
        for _ in range(count):
            key = self._string("a metadata key", _LONGEST_NAME)
            if key in metadata:
                raise self._wrong(f"metadata key {shown(key)} occurs twice")
            metadata[key] = self._value(self._scalar("I"), key, 0)
        return metadata

    def _value(self, kind: int, key: str, depth: int) -> object:
        if kind == _STRING:
            return self._string(key, None)
        if kind == _ARRAY:
            return self._array(key, depth)
        if kind not in _SCALARS:
            raise self._wrong(f"metadata key {shown(key)} has a value of unknown type {kind}")
        value = self._scalar(_SCALARS[kind])
        return bool(value) if kind == _BOOL else value

    def _array(self, key: str, depth: int) -> list[Any]:
        kind, count = self._scalar("I"), self._scalar("Q")
        if kind in _SCALARS:
            letter = _SCALARS[kind]
            self._require(count * struct.calcsize("<" + letter), f"{count} values of {shown(key)}")
            values = np.frombuffer(self._bytes, f"<{_NUMPY[letter]}", count, self._at)
            self._at += values.nbytes
            return (values != 0 if kind == _BOOL else values).tolist()
        if kind not in (_STRING, _ARRAY):
            raise self._wrong(f"metadata key {shown(key)} has an array of unknown type {kind}")
        if depth >= _DEEPEST:
            raise self._wrong(f"metadata key {shown(key)} has more than {_DEEPEST} levels of nested arrays")
        self._require(count * (8 if kind == _STRING else 12), f"{count} values of {shown(key)}")
        return [self._value(kind, key, depth + 1) for _ in range(count)]

    def _tensor_info(self, number: int) -> _TensorInfo:
        name = self._string(f"the name of tensor {number}", _LONGEST_NAME)
        axes = self._scalar("I")
        if not 1 <= axes <= _MOST_AXES:
            raise self._wrong(f"tensor {shown(name)} has {axes} axes; must be 1 to {_MOST_AXES}")
        shape = tuple(self._scalar("Q") for _ in range(axes))[::-1]  # in the file, the fastest axis is first
        kind, offset = self._scalar("I"), self._scalar("Q")
        return name, shape, kind, offset

    def _data_start(self, metadata: dict[str, object]) -> int:
        alignment = metadata.get("general.alignment", 32)
        if type(alignment) is not int or not 8 <= alignment <= _LARGEST_ALIGNMENT or alignment & (alignment - 1):
            raise self._wrong(f"general.alignment is {shown(alignment)}; must be a power of two from 8 to {_LARGEST_ALIGNMENT}")
        self._alignment: int = alignment
        return -(-self._at // alignment) * alignment

    def _place(self, infos: list[_TensorInfo], start: int) -> dict[str, FileTensor]:
        tensors: dict[str, FileTensor] = {}
        ranges: list[tuple[int, int, str]] = []
        for name, shape, kind, offset in infos:
            if name in tensors:
                raise self._wrong(f"tensor {shown(name)} is listed twice")
            tensor = self._tensor(name, shape, kind, start, offset)
            tensors[name] = tensor
            ranges.append((tensor.offset, tensor.offset + tensor.row_bytes * shape[0], name))
        ranges.sort()
        for (_, end, name), (begin, _, other) in itertools.pairwise(ranges):
            if begin < end:
                raise self._wrong(f"tensors {shown(name)} and {shown(other)} overlap")
        return tensors

    def _tensor(self, name: str, shape: tuple[int, ...], kind: int, start: int, offset: int) -> FileTensor:
        block = TYPES.get(kind)
        if block is None:
            known = ", ".join(t.name for t in TYPES.values())
            raise self._wrong(f"tensor {shown(name)} has the unsupported type number {kind}; supported: {known}")
        if min(shape) < 1:
            raise self._wrong(f"tensor {shown(name)} has the empty shape {list(shape)}")
        if shape[-1] % block.elements:
            raise self._wrong(
                f"tensor {shown(name)}: rows of {shape[-1]} elements are not a multiple of the blocks of {block.name} ({block.elements})"
            )
        elements = 1
        for size in shape:
            elements *= size
        length = elements // block.elements * block.size
        if offset % self._alignment:
            raise self._wrong(f"tensor {shown(name)} starts at {offset}, which is not a multiple of the alignment of {self._alignment}")
        if start + offset + length > self._file.size:
            raise self._wrong(
                f"tensor {shown(name)} needs bytes {start + offset} to {start + offset + length}, the file has {self._file.size}: "
                "is the download incomplete?"
            )
        if len(shape) == 1 and block.elements > 1:
            raise self._wrong(f"tensor {shown(name)} is a vector of type {block.name}; vectors must be F32, F16 or BF16")
        return FileTensor(shape, block.name, length // shape[0], start + offset, self._file, block.decode)

    def _scalar(self, letter: str) -> Any:
        size = struct.calcsize("<" + letter)
        self._require(size, "a number")
        (value,) = struct.unpack_from("<" + letter, self._bytes, self._at)
        self._at += size
        return value

    def _string(self, what: str, most: int | None) -> str:
        length = self._scalar("Q")
        self._require(length, f"{length} bytes of {what}")
        if most is not None and length >= most:
            raise self._wrong(f"{what} has {length} bytes; must be less than {most}")
        raw = bytes(self._bytes[self._at : self._at + length])
        self._at += length
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            if most is None:  # tokens of vocabularies are not always valid UTF-8
                return raw.decode("utf-8", "surrogateescape")
            raise self._wrong(f"{what} is not UTF-8: {raw[:40]!r}") from None

    def _require(self, count: int, what: str) -> None:
        left = len(self._bytes) - self._at
        if count > left:
            raise self._wrong(f"{what}: only {left} bytes remain at {self._at}")
        if self._at + count > _LONGEST_HEADER:
            raise self._wrong(f"{what}: metadata and names of more than {_LONGEST_HEADER} bytes are not supported")

    def _wrong(self, text: str) -> SourceError:
        return SourceError(f"{self._path}: {text}")
