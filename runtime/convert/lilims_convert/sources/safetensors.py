"""A Hugging Face model directory: config.json, and tensors in one or several .safetensors files.

A directory comes in; its configuration and a table of tensors go out. As with GGUF, lengths and offsets are checked
before they are used.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from . import SourceError
from .blocks import bfloat16
from .tensors import FileTensor, MappedBytes, open_mapped

_LONGEST_HEADER = 100 << 20  # bytes, the limit of the format's own library
_INDEX = "model.safetensors.index.json"


def _as(dtype: str) -> Callable[[np.ndarray], np.ndarray]:
    return lambda data: np.ascontiguousarray(data).view(dtype).astype(np.float32)


# Bytes an element and decoder, by the name in the file. Integers are not weights.
_TYPES: dict[str, tuple[int, Callable[[np.ndarray], np.ndarray]]] = {
    "F64": (8, _as("<f8")),
    "F32": (4, _as("<f4")),
    "F16": (2, _as("<f2")),
    "BF16": (2, bfloat16),
}


@dataclass(frozen=True)
class ModelDirectory:
    path: Path
    config: dict
    tensors: dict[str, FileTensor]
    files: list[Path]  # the weight files, in the order in which they are hashed


def read(directory: Path) -> ModelDirectory:
    """Opens every weight file of a directory. Raises SourceError, naming all shards that are missing."""
    directory = Path(directory)
    if not directory.is_dir():
        raise SourceError(f"{directory}: no directory of a model")
    config = _json(directory / "config.json")
    if not isinstance(config, dict):
        raise SourceError(f"{directory / 'config.json'}: an object is wanted")
    index = directory / _INDEX
    if index.exists():
        return _read_shards(directory, config, index)
    single = directory / "model.safetensors"
    if not single.exists():
        other = next(directory.glob("*.bin"), None) or next(directory.glob("*.pt*"), None)
        hint = f"; {other.name} is a Python pickle, which is not read: save the model with safe_serialization=True" if other else ""
        raise SourceError(f"{directory}: holds neither model.safetensors nor {_INDEX}{hint}")
    return ModelDirectory(directory, config, read_file(single), [single])


def _read_shards(directory: Path, config: dict, index: Path) -> ModelDirectory:
    listing = _json(index)
    places = listing.get("weight_map") if isinstance(listing, dict) else None
    if not isinstance(places, dict) or not all(isinstance(name, str) for name in places.values()):
        raise SourceError(f"{index}: has no weight_map of tensors and files")
    names = sorted(set(places.values()))
    for name in names:
        if Path(name).name != name:
            raise SourceError(f"{index}: {name!r} is no file of the same directory")
    missing = [name for name in names if not (directory / name).exists()]
    if missing:
        raise SourceError(f"{directory}: {len(missing)} of {len(names)} shards are missing: {', '.join(missing)}")
    tensors: dict[str, FileTensor] = {}
    for name in names:
        for tensor_name, tensor in read_file(directory / name).items():
            if tensor_name in tensors:
                raise SourceError(f"{directory}: tensor {tensor_name!r} is in two shards")
            tensors[tensor_name] = tensor
    absent = sorted(set(places) - set(tensors))
    if absent:
        raise SourceError(f"{index}: {len(absent)} tensors are not where it says, the first is {absent[0]!r} in {places[absent[0]]}")
    return ModelDirectory(directory, config, tensors, [directory / name for name in names])


def read_file(path: Path) -> dict[str, FileTensor]:
    """The tensors of one .safetensors file by name."""
    try:
        size = Path(path).stat().st_size
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror or error}") from None
    if size < 8:
        raise SourceError(f"{path}: {size} bytes are no safetensors file")
    file = open_mapped(path)
    length = int.from_bytes(file.view(0, 8).tobytes(), "little")
    if length > min(size - 8, _LONGEST_HEADER):
        raise SourceError(f"{path}: its header of {length} bytes cannot lie in the file's {size}; was its download cut short?")
    header = _parse(path, file.view(8, length).tobytes())
    if not isinstance(header, dict):
        raise SourceError(f"{path}: its header is no object")
    header.pop("__metadata__", None)
    tensors = {name: _tensor(path, file, 8 + length, name, entry) for name, entry in header.items()}
    _refuse_overlap(path, tensors)
    return tensors


def _tensor(path: Path, file: MappedBytes, start: int, name: str, entry: object) -> FileTensor:
    def wrong(text: str) -> SourceError:
        return SourceError(f"{path}: tensor {name!r}: {text}")

    if not isinstance(entry, dict):
        raise wrong("its entry is no object")
    kind, shape, place = entry.get("dtype"), entry.get("shape"), entry.get("data_offsets")
    if not _sizes(shape) or not _sizes(place) or len(place) != 2:
        raise wrong("its shape or data_offsets are not lists of sizes")
    if not isinstance(kind, str) or kind not in _TYPES:
        raise wrong(f"type {kind!r} is not read; read are {', '.join(_TYPES)}")
    width, decode = _TYPES[kind]
    count = math.prod(shape)
    if not shape or count == 0:
        raise wrong(f"shape {shape} holds nothing that is a weight")
    if place[1] - place[0] != count * width:
        raise wrong(f"{place[1] - place[0]} bytes for {count} elements of {kind}")
    if start + place[1] > file.size:
        raise wrong(f"it ends at byte {start + place[1]}, the file has {file.size}: was its download cut short?")
    return FileTensor(tuple(shape), kind, count // shape[0] * width, start + place[0], file, decode)


def _sizes(values: object) -> bool:
    return isinstance(values, list) and all(type(v) is int and 0 <= v < 1 << 48 for v in values)


def _refuse_overlap(path: Path, tensors: dict[str, FileTensor]) -> None:
    ranges = sorted((t.offset, t.offset + t.row_bytes * t.shape[0], name) for name, t in tensors.items())
    for (_, end, name), (begin, _, other) in zip(ranges, ranges[1:]):
        if begin < end:
            raise SourceError(f"{path}: tensors {name!r} and {other!r} lie over each other")


def _json(path: Path) -> object:
    try:
        return _parse(path, path.read_bytes())
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror or error}") from None


def _parse(path: Path, text: bytes) -> object:
    def unique(pairs: list) -> dict:
        values = dict(pairs)
        if len(values) != len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            raise SourceError(f"{path}: {twice!r} is given twice")
        return values

    try:
        return json.loads(text.decode("utf-8"), object_pairs_hook=unique)
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise SourceError(f"{path}: is not JSON: {error}") from None
