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

from . import SourceError, shown
from .blocks import bfloat16
from .tensors import FileTensor, MappedBytes, open_mapped

# Bytes of JSON, which takes up to thirty times as much memory when it is read. The longest headers and indices that are
# published have some hundred kilobytes.
_LONGEST_HEADER = 16 << 20
_INDEX = "model.safetensors.index.json"


def _as(dtype: str) -> Callable[[np.ndarray], np.ndarray]:
    return lambda data: np.ascontiguousarray(data).view(dtype).astype(np.float32)


# Bytes an element and decoder, by the name in the file.
TYPES: dict[str, tuple[int, Callable[[np.ndarray], np.ndarray]]] = {
    "F64": (8, _as("<f8")),
    "F32": (4, _as("<f4")),
    "F16": (2, _as("<f2")),
    "BF16": (2, bfloat16),
}
# Types that no weight has; tensors of them lie beside the weights: masks, positions, parts of quantised matrices.
_OTHERS = {"BOOL": 1, "U8": 1, "I8": 1, "F8_E4M3": 1, "F8_E5M2": 1, "I16": 2, "U16": 2, "I32": 4, "U32": 4, "I64": 8, "U64": 8}


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
            raise SourceError(f"{index}: {shown(name)} is no file of the same directory")
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
        raise SourceError(f"{index}: {len(absent)} tensors are not where it says, the first is {shown(absent[0])} in {places[absent[0]]}")
    return ModelDirectory(directory, config, tensors, [directory / name for name in names])


def read_file(path: Path) -> dict[str, FileTensor]:
    """The tensors of one .safetensors file by name, also those that are no weights: what is used of them is for the caller."""
    try:
        size = Path(path).stat().st_size
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror or error}") from None
    if size < 8:
        raise SourceError(f"{path}: {size} bytes are no safetensors file")
    file = open_mapped(path)
    length = int.from_bytes(file.view(0, 8).tobytes(), "little")
    if length > size - 8:
        raise SourceError(f"{path}: its header of {length} bytes cannot lie in the file's {size}; was its download cut short?")
    if length > _LONGEST_HEADER:
        raise SourceError(f"{path}: a header of {length} bytes; at most {_LONGEST_HEADER} are read")
    header = _parse(path, file.view(8, length).tobytes())
    if not isinstance(header, dict):
        raise SourceError(f"{path}: its header is no object")
    header.pop("__metadata__", None)
    tensors = {name: _tensor(path, file, 8 + length, name, entry) for name, entry in header.items()}
    _refuse_overlap(path, tensors)
    return tensors


def _tensor(path: Path, file: MappedBytes, start: int, name: str, entry: object) -> FileTensor:
    def wrong(text: str) -> SourceError:
        return SourceError(f"{path}: tensor {shown(name)}: {text}")

    if not isinstance(entry, dict):
        raise wrong("its entry is no object")
    kind, shape, place = entry.get("dtype"), entry.get("shape"), entry.get("data_offsets")
    if not _sizes(shape) or not _sizes(place) or len(place) != 2:
        raise wrong("its shape or data_offsets are not lists of sizes")
    if not isinstance(kind, str) or kind not in TYPES and kind not in _OTHERS:
        raise wrong(f"type {shown(kind)} is not known")
    width, decode = TYPES.get(kind) or (_OTHERS[kind], _refuse)
    count = math.prod(shape)
    if place[1] - place[0] != count * width:
        raise wrong(f"{place[1] - place[0]} bytes for {count} elements of {kind}")
    if start + place[1] > file.size:
        raise wrong(f"it ends at byte {start + place[1]}, the file has {file.size}: was its download cut short?")
    rows = shape[0] if shape and shape[0] else 1
    return FileTensor(tuple(shape), kind, count // rows * width, start + place[0], file, decode)


def _refuse(_: np.ndarray) -> np.ndarray:
    raise SourceError(f"its type is none of {', '.join(TYPES)}")


def _sizes(values: object) -> bool:
    return isinstance(values, list) and all(type(v) is int and 0 <= v < 1 << 48 for v in values)


def _refuse_overlap(path: Path, tensors: dict[str, FileTensor]) -> None:
    ranges = sorted((t.offset, t.offset + t.row_bytes * math.prod(t.shape[:1]), name) for name, t in tensors.items() if t.row_bytes)
    for (_, end, name), (begin, _, other) in zip(ranges, ranges[1:]):
        if begin < end:
            raise SourceError(f"{path}: tensors {shown(name)} and {shown(other)} lie over each other")


def _json(path: Path) -> object:
    try:
        size = path.stat().st_size
        if size > _LONGEST_HEADER:
            raise SourceError(f"{path}: {size} bytes of JSON; at most {_LONGEST_HEADER} are read")
        return _parse(path, path.read_bytes())
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror or error}") from None


def _parse(path: Path, text: bytes) -> object:
    def unique(pairs: list) -> dict:
        values = dict(pairs)
        if len(values) != len(pairs):
            seen: set[str] = set()
            twice = next(name for name, _ in pairs if name in seen or seen.add(name))
            raise SourceError(f"{path}: {shown(twice)} is given twice")
        return values

    try:
        return json.loads(text.decode("utf-8"), object_pairs_hook=unique)
    except SourceError:
        raise
    except (ValueError, RecursionError) as error:
        raise SourceError(f"{path}: is not JSON: {error}") from None
