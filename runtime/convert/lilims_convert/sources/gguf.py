"""GGUF, versions 2 and 3: the file format of llama.cpp.

A file comes in; its metadata and a table of tensors go out. Nothing that the file says is believed: counts and lengths
are held against the bytes that are left, offsets against the file's size, names against each other. No memory is taken
for what a file only claims to hold, and what it holds before its tensors may not be longer than any vocabulary.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from . import SourceError, shown
from .blocks import TYPES
from .tensors import FileTensor, MappedBytes, open_mapped

_MAGIC = b"GGUF"
_VERSIONS = (2, 3)
_LONGEST_NAME = 1 << 16  # the format's own limit for keys is 2^16 - 1 bytes
_MOST_AXES = 4
_LARGEST_ALIGNMENT = 1 << 20
_DEEPEST = 4  # arrays in arrays
# Bytes before the tensors' values. Objects take up to ten times as much memory as their bytes in the file; the longest
# vocabularies that are published, of 262,144 tokens, take 6 MB here.
_LONGEST_HEADER = 64 << 20
_MOST_TENSORS = 1 << 16

# Scalar value types: struct letter by the number in the file. 7 is bool, 8 a string, 9 an array.
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "B", 10: "Q", 11: "q", 12: "d"}
_BOOL, _STRING, _ARRAY = 7, 8, 9
_NUMPY = {"B": "u1", "b": "i1", "H": "u2", "h": "i2", "I": "u4", "i": "i4", "f": "f4", "Q": "u8", "q": "i8", "d": "f8"}


@dataclass(frozen=True)
class GGUF:
    """One opened file."""

    path: Path
    version: int
    metadata: dict[str, object]
    tensors: dict[str, FileTensor]


def read(path: Path) -> GGUF:
    """Opens a file and reads everything but the tensors' values. Raises SourceError."""
    path = Path(path)
    try:
        size = path.stat().st_size
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror or error}") from None
    if size < 24:
        raise SourceError(f"{path}: not a GGUF file: {size} bytes are less than its header")
    return _Reader(path, open_mapped(path)).read()


class _Reader:
    """A cursor over the mapped file. Every read is checked against the end."""

    def __init__(self, path: Path, file: MappedBytes) -> None:
        self._path = path
        self._file = file
        self._bytes = memoryview(file.view(0, file.size))
        self._at = 0

    def read(self) -> GGUF:
        version = self._header()
        tensor_count, entry_count = self._scalar("Q"), self._scalar("Q")
        if tensor_count > _MOST_TENSORS:
            raise self._wrong(f"{tensor_count} tensors; at most {_MOST_TENSORS} are believed")
        # A tensor's entry takes at least 24 bytes, a metadata entry 13: larger counts cannot be true.
        self._require(tensor_count * 24 + entry_count * 13, f"{tensor_count} tensors and {entry_count} metadata entries")
        metadata = self._metadata(entry_count)
        if metadata.get("split.count", 1) not in (0, 1):
            raise self._wrong(f"one of {shown(metadata['split.count'])} parts of a split model; merge them with gguf-split first")
        infos = [self._tensor_info(number) for number in range(tensor_count)]
        return GGUF(self._path, version, metadata, self._place(infos, self._data_start(metadata)))

    def _header(self) -> int:
        if bytes(self._bytes[:4]) != _MAGIC:
            raise self._wrong(f"not a GGUF file: it begins with {bytes(self._bytes[:4])!r}")
        self._at = 4
        version = self._scalar("I")
        if version not in _VERSIONS:
            swapped = int.from_bytes(version.to_bytes(4, "little"), "big")
            order = " in big-endian byte order" if swapped in _VERSIONS else ""
            raise self._wrong(f"GGUF version {swapped if order else version}{order}; versions 2 and 3, little endian, are read")
        return version

    def _metadata(self, count: int) -> dict[str, object]:
        metadata: dict[str, object] = {}
        for _ in range(count):
            key = self._string("a metadata key", _LONGEST_NAME)
            if key in metadata:
                raise self._wrong(f"metadata key {shown(key)} is given twice")
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

    def _array(self, key: str, depth: int) -> list:
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
            raise self._wrong(f"metadata key {shown(key)} nests arrays deeper than {_DEEPEST}")
        self._require(count * (8 if kind == _STRING else 12), f"{count} values of {shown(key)}")
        return [self._value(kind, key, depth + 1) for _ in range(count)]

    def _tensor_info(self, number: int) -> tuple[str, tuple[int, ...], int, int]:
        name = self._string(f"the name of tensor {number}", _LONGEST_NAME)
        axes = self._scalar("I")
        if not 1 <= axes <= _MOST_AXES:
            raise self._wrong(f"tensor {shown(name)} has {axes} axes; 1 to {_MOST_AXES} are possible")
        shape = tuple(self._scalar("Q") for _ in range(axes))[::-1]  # the file has the fastest axis first
        kind, offset = self._scalar("I"), self._scalar("Q")
        return name, shape, kind, offset

    def _data_start(self, metadata: dict) -> int:
        alignment = metadata.get("general.alignment", 32)
        is_whole = isinstance(alignment, int) and not isinstance(alignment, bool)
        if not is_whole or not 8 <= alignment <= _LARGEST_ALIGNMENT or alignment & (alignment - 1):
            raise self._wrong(f"general.alignment is {shown(alignment)}; a power of two from 8 to {_LARGEST_ALIGNMENT} is wanted")
        self._alignment = alignment
        return -(-self._at // alignment) * alignment

    def _place(self, infos: list, start: int) -> dict[str, FileTensor]:
        tensors: dict[str, FileTensor] = {}
        ranges: list[tuple[int, int, str]] = []
        for name, shape, kind, offset in infos:
            if name in tensors:
                raise self._wrong(f"tensor {shown(name)} is listed twice")
            tensor = self._tensor(name, shape, kind, start, offset)
            tensors[name] = tensor
            ranges.append((tensor.offset, tensor.offset + tensor.row_bytes * shape[0], name))
        ranges.sort()
        for (_, end, name), (begin, _, other) in zip(ranges, ranges[1:]):
            if begin < end:
                raise self._wrong(f"tensors {shown(name)} and {shown(other)} lie over each other")
        return tensors

    def _tensor(self, name: str, shape: tuple[int, ...], kind: int, start: int, offset: int) -> FileTensor:
        block = TYPES.get(kind)
        if block is None:
            known = ", ".join(t.name for t in TYPES.values())
            raise self._wrong(f"tensor {shown(name)} has type number {kind}, which is not read; read are {known}")
        if min(shape) < 1:
            raise self._wrong(f"tensor {shown(name)} has the empty shape {list(shape)}")
        if shape[-1] % block.elements:
            raise self._wrong(f"tensor {shown(name)}: rows of {shape[-1]} elements are no whole blocks of {block.name} ({block.elements})")
        elements = 1
        for size in shape:
            elements *= size
        length = elements // block.elements * block.size
        if offset % self._alignment:
            raise self._wrong(f"tensor {shown(name)} begins at {offset}, which the alignment of {self._alignment} forbids")
        if start + offset + length > self._file.size:
            raise self._wrong(
                f"tensor {shown(name)} needs bytes {start + offset} to {start + offset + length}, the file has {self._file.size}: "
                "was its download cut short?"
            )
        if len(shape) == 1 and block.elements > 1:
            raise self._wrong(f"tensor {shown(name)} is a vector in blocks of {block.name}; vectors are read as F32, F16 or BF16")
        return FileTensor(shape, block.name, length // shape[0], start + offset, self._file, block.decode)

    def _scalar(self, letter: str):
        size = struct.calcsize("<" + letter)
        self._require(size, "a number")
        (value,) = struct.unpack_from("<" + letter, self._bytes, self._at)
        self._at += size
        return value

    def _string(self, what: str, most: int | None) -> str:
        length = self._scalar("Q")
        self._require(length, f"{length} bytes of {what}")
        if most is not None and length >= most:
            raise self._wrong(f"{what} has {length} bytes; less than {most} are allowed")
        raw = bytes(self._bytes[self._at : self._at + length])
        self._at += length
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            if most is None:  # texts of vocabularies are not always whole characters
                return raw.decode("utf-8", "surrogateescape")
            raise self._wrong(f"{what} is not UTF-8: {raw[:40]!r}") from None

    def _require(self, count: int, what: str) -> None:
        left = len(self._bytes) - self._at
        if count > left:
            raise self._wrong(f"{what} cannot lie in the {left} bytes that are left at {self._at}")
        if self._at + count > _LONGEST_HEADER:
            raise self._wrong(f"{what} would make metadata and names longer than {_LONGEST_HEADER} bytes, which no model's are")

    def _wrong(self, text: str) -> SourceError:
        return SourceError(f"{self._path}: {text}")
