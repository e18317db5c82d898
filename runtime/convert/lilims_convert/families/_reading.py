"""What family modules read sources with: configurations whose keys may be missing, and tables of tensor names."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..blocks.rope import llama3_factors
from ..sources import SourceError
from ..sources.tensors import Selected, SourceTensor, whole


class Values:
    """A source's own description of its network: GGUF metadata under `<architecture>.`, or a config.json."""

    def __init__(self, values: Mapping[str, object], prefix: str = "") -> None:
        self._values, self._prefix = values, prefix

    def get(self, key: str, default: object = None) -> object:
        value = self._values.get(self._prefix + key)
        return default if value is None else value

    def whole(self, key: str, default: int | None = None) -> int:
        """A whole number; some configurations write one as a float."""
        value = self._number(key, default)
        if value != int(value):
            raise SourceError(f"{self._prefix}{key} is {value!r}; a whole number is wanted")
        return int(value)

    def number(self, key: str, default: float | None = None) -> float:
        return float(self._number(key, default))

    def refuse(self, key: str, *harmless: object, why: str) -> None:
        """Refuses a setting that the program would not honour, unless it is absent or has a harmless value."""
        value = self.get(key)
        if value is not None and value not in harmless:
            raise SourceError(f"{self._prefix}{key} is {value!r}: {why}")

    def _number(self, key: str, default: float | None) -> float:
        value = self.get(key, default)
        if isinstance(value, list) and value and all(v == value[0] for v in value):
            value = value[0]  # one number for each layer, all the same
        if value is None:
            raise SourceError(f"{self._prefix}{key} is missing")
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not np.isfinite(value):
            raise SourceError(f"{self._prefix}{key} is {value!r}; a number is wanted")
        return value


def flattened(config: Mapping[str, object]) -> dict[str, object]:
    """A config.json whose rotary settings lie at the top, where transformers kept them until its version 4.

    Version 5 writes `rope_parameters`: one set of them, or one for each kind of layer.
    """
    nested = config.get("rope_parameters")
    if not isinstance(nested, Mapping):
        return dict(config)
    flat = {key: value for key, value in config.items() if key != "rope_parameters"}
    if any(isinstance(value, Mapping) for value in nested.values()):
        unknown = sorted(set(nested) - {"full_attention", "sliding_attention"})
        if unknown or not all(isinstance(value, Mapping) for value in nested.values()):
            raise SourceError(f"rope_parameters are for {', '.join(map(repr, nested))}; full_attention and sliding_attention are known")
        local = nested.get("sliding_attention", {})
        if local.get("rope_type", "default") != "default":
            raise SourceError(f"rope_parameters of sliding_attention are of kind {local['rope_type']!r}; only default is supported")
        if "rope_theta" in local:
            flat["rope_local_base_freq"] = local["rope_theta"]
        nested = nested.get("full_attention", {})
    for key in ("rope_theta", "partial_rotary_factor"):
        if key in nested:
            flat[key] = nested[key]
    if nested.get("rope_type", "default") != "default":
        flat["rope_scaling"] = dict(nested)
    return flat


def rope_factors(config: Values, theta: float, turning: int) -> tuple[float, ...] | None:
    """The factors of config.json's rope_scaling; refuses kinds that depend on the length of the text."""
    scaling = config.get("rope_scaling")
    if not isinstance(scaling, dict):
        return None
    kind = scaling.get("rope_type", scaling.get("type"))
    if kind in (None, "default"):
        return None
    try:
        if kind == "linear":
            return (float(scaling["factor"]),) * (turning // 2)
        if kind == "llama3":
            return llama3_factors(theta, turning // 2, scaling)
    except KeyError as key:
        raise SourceError(f"rope_scaling has no {key}") from None
    raise SourceError(f"rope_scaling of kind {kind!r} is not supported; default, linear and llama3 are")


def gguf_rope_factors(values: Values, tensors: Mapping[str, SourceTensor], turning: int) -> tuple[float, ...] | None:
    """The factors that a GGUF file keeps as a tensor, or gives as one linear factor."""
    if "rope_freqs.weight" in tensors:
        return tuple(float(f) for f in whole(tensors["rope_freqs.weight"]))
    values.refuse("rope.scaling.type", "none", "linear", why="only linear scaling and factors stored as rope_freqs are supported")
    if values.get("rope.scaling.type") == "linear":
        return (values.number("rope.scaling.factor"),) * (turning // 2)
    return None


def renamed(layers: int, tensors: Mapping[str, SourceTensor], outer: dict[str, str], inner: dict[str, str]) -> dict[str, SourceTensor]:
    """Tensors by canonical names. `inner` names are of layer 0 with its number as {n}; what is absent is left out."""
    table = {theirs: ours for ours, theirs in outer.items()}
    for number in range(layers):
        table.update({theirs.format(n=number): f"blk.{number}.{ours}" for ours, theirs in inner.items()})
    return {ours: tensors[theirs] for theirs, ours in table.items() if theirs in tensors}


def split_rows(tensors: dict[str, SourceTensor], fused: str, parts: dict[str, int]) -> None:
    """Replaces a fused matrix or bias by its parts, each so many rows of it, in order."""
    if fused not in tensors:
        return
    source = tensors.pop(fused)
    if source.shape[0] != sum(parts.values()):
        raise SourceError(f"{fused} has {source.shape[0]} rows, its parts have {sum(parts.values())}")
    start = 0
    for name, rows in parts.items():
        tensors[name] = Selected(source, np.arange(start, start + rows))
        start += rows


def block_shapes(layers: int, inner: dict[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    """Shapes of every layer's tensors from those of one."""
    return {f"blk.{number}.{name}": shape for number in range(layers) for name, shape in inner.items()}
