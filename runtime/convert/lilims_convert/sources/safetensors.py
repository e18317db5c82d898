"""A Hugging Face model directory: config.json, and tensors in one or several .safetensors files.

Input: a directory. Output: its configuration and a table of tensors. As with GGUF, lengths and offsets are checked before
they are used.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from . import SourceError, repeated, shown
from .blocks import bfloat16
from .tensors import FileTensor, MappedBytes, open_mapped

# Bytes of JSON, which takes up to thirty times as much memory when parsed. The largest published headers and indices have
# a few hundred kilobytes.
_LONGEST_HEADER = 16 << 20
_INDEX = "model.safetensors.index.json"


def _as(dtype: str) -> Callable[[np.ndarray], np.ndarray]:
    return lambda data: np.ascontiguousarray(data).view(dtype).astype(np.float32)


# Bytes per element and decoder, by name in the file.
TYPES: dict[str, tuple[int, Callable[[np.ndarray], np.ndarray]]] = {
    "F64": (8, _as("<f8")),
    "F32": (4, _as("<f4")),
    "F16": (2, _as("<f2")),
    "BF16": (2, bfloat16),
}
# Types of tensors that are not weights but are in the same files: masks, positions, parts of quantised matrices.
_OTHERS = {"BOOL": 1, "U8": 1, "I8": 1, "F8_E4M3": 1, "F8_E5M2": 1, "I16": 2, "U16": 2, "I32": 4, "U32": 4, "I64": 8, "U64": 8}


@dataclass(frozen=True)
class ModelDirectory:
    """An opened directory."""

    path: Path
    config: dict[str, Any]
    tensors: dict[str, FileTensor]
    files: list[Path]  # the weight files, in the order of hashing


def read(directory: Path) -> ModelDirectory:
    """Opens every weight file of a directory. Raises SourceError, naming all shards that are missing."""
    directory = Path(directory)
    if not directory.is_dir():
        raise SourceError(f"{directory}: not a model directory")
    config = _json(directory / "config.json")
    if not isinstance(config, dict):
        raise SourceError(f"{directory / 'config.json'}: must be a JSON object")
    index = directory / _INDEX
    if index.exists():
        return _read_shards(directory, config, index)
    single = directory / "model.safetensors"
    if not single.exists():
        other = next(directory.glob("*.bin"), None) or next(directory.glob("*.pt*"), None)
        hint = f"; {other.name} is a Python pickle, which is not supported: save the model with safe_serialization=True" if other else ""
        raise SourceError(f"{directory}: has neither model.safetensors nor {_INDEX}{hint}")
    return ModelDirectory(directory, config, read_file(single), [single])


def _read_shards(directory: Path, config: dict[str, Any], index: Path) -> ModelDirectory:
    listing = _json(index)
    places = listing.get("weight_map") if isinstance(listing, dict) else None
    if not isinstance(places, dict) or not all(isinstance(name, str) for name in places.values()):
        raise SourceError(f"{index}: has no weight_map from tensors to files")
    names = sorted(set(places.values()))
    for name in names:
        if Path(name).name != name:
            raise SourceError(f"{index}: {shown(name)} is not a file of the same directory")
    missing = [name for name in names if not (directory / name).exists()]
    if missing:
        raise SourceError(f"{directory}: {len(missing)} of {len(names)} shards are missing: {', '.join(missing)}")
    tensors: dict[str, FileTensor] = {}
    for name in names:
        for tensor_name, tensor in read_file(directory / name).items():
            if tensor_name in tensors:
                raise SourceError(f"{directory}: tensor {shown(tensor_name)} is in two shards")
            tensors[tensor_name] = tensor
    absent = sorted(set(places) - set(tensors))
    if absent:
        raise SourceError(f"{index}: {len(absent)} tensors are not in their shards; the first is {shown(absent[0])} in {places[absent[0]]}")
    return ModelDirectory(directory, config, tensors, [directory / name for name in names])


def read_file(path: Path) -> dict[str, FileTensor]:
    """All tensors of a .safetensors file by name, including those that are not weights. Raises SourceError."""
    try:
        size = Path(path).stat().st_size
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror or error}") from None
    if size < 8:
        raise SourceError(f"{path}: not a safetensors file: {size} bytes is less than the header")
    file = open_mapped(path)
    length = int.from_bytes(file.view(0, 8).tobytes(), "little")
    if length > size - 8:
        raise SourceError(f"{path}: a header of {length} bytes does not fit in the file of {size}; is the download incomplete?")
    if length > _LONGEST_HEADER:
        raise SourceError(f"{path}: a header of {length} bytes; at most {_LONGEST_HEADER} are supported")
    header = _parse(path, file.view(8, length).tobytes())
    if not isinstance(header, dict):
        raise SourceError(f"{path}: the header is not a JSON object")
    header.pop("__metadata__", None)
    tensors = {name: _tensor(path, file, 8 + length, name, entry) for name, entry in header.items()}
    _refuse_overlap(path, tensors)
    return tensors


def _tensor(path: Path, file: MappedBytes, start: int, name: str, entry: object) -> FileTensor:
    def wrong(text: str) -> SourceError:
        return SourceError(f"{path}: tensor {shown(name)}: {text}")

    if not isinstance(entry, dict):
        raise wrong("the entry is not a JSON object")
    kind, shape, place = entry.get("dtype"), _sizes(entry.get("shape")), _sizes(entry.get("data_offsets"))
    if shape is None or place is None or len(place) != 2:
        raise wrong("shape or data_offsets are not lists of sizes")
    if not isinstance(kind, str) or (kind not in TYPES and kind not in _OTHERS):
        raise wrong(f"unknown type {shown(kind)}")
    width, decode = TYPES.get(kind) or (_OTHERS[kind], _refuse)
    count = math.prod(shape)
    if place[1] - place[0] != count * width:
        raise wrong(f"{place[1] - place[0]} bytes for {count} elements of {kind}")
    if start + place[1] > file.size:
        raise wrong(f"ends at byte {start + place[1]}, the file has {file.size}: is the download incomplete?")
    rows = shape[0] if shape and shape[0] else 1
    return FileTensor(tuple(shape), kind, count // rows * width, start + place[0], file, decode)


def _refuse(_: np.ndarray) -> np.ndarray:
    raise SourceError(f"the type must be one of {', '.join(TYPES)}")


def _sizes(values: object) -> list[int] | None:
    """A list of sizes or offsets; None if it is anything else."""
    return values if isinstance(values, list) and all(type(v) is int and 0 <= v < 1 << 48 for v in values) else None


def _refuse_overlap(path: Path, tensors: dict[str, FileTensor]) -> None:
    ranges = sorted((t.offset, t.offset + t.row_bytes * math.prod(t.shape[:1]), name) for name, t in tensors.items() if t.row_bytes)
    for (_, end, name), (begin, _, other) in itertools.pairwise(ranges):
        if begin < end:
            raise SourceError(f"{path}: tensors {shown(name)} and {shown(other)} overlap")


def _json(path: Path) -> object:
    try:
        size = path.stat().st_size
        if size > _LONGEST_HEADER:
            raise SourceError(f"{path}: {size} bytes of JSON; at most {_LONGEST_HEADER} are supported")
        return _parse(path, path.read_bytes())
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror or error}") from None


def _parse(path: Path, text: bytes) -> object:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        twice = repeated(name for name, _ in pairs)
        if twice is not None:
            raise SourceError(f"{path}: {shown(twice)} occurs twice")
        return dict(pairs)

    try:
        return json.loads(text.decode("utf-8"), object_pairs_hook=unique)
    except SourceError:
        raise
    except (ValueError, RecursionError) as error:
        raise SourceError(f"{path}: not JSON: {error}") from None
