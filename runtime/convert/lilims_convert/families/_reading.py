"""Reading of sources for family modules: configurations with missing keys, and tables of tensor names."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..blocks.rope import llama3_factors
from ..sources import SourceError, shown
from ..sources.tensors import Selected, SourceTensor, equal, whole

_LARGEST = 2**31 - 1  # the largest dimension that is accepted
_MOST_LAYERS = 1000  # names and shapes are computed for each layer
_WIDEST_HEAD = 1 << 16


class Values:
    """The description of a network in a source: GGUF metadata under `<architecture>.`, or a config.json."""

    def __init__(self, values: Mapping[str, object], prefix: str = "") -> None:
        self._values, self._prefix = values, prefix

    def over(self, defaults: Mapping[str, object]) -> Values:
        """The same description, with defaults for missing values."""
        stated = {key: value for key, value in self._values.items() if value is not None}
        return Values({**{self._prefix + key: value for key, value in defaults.items()}, **stated}, self._prefix)

    def get(self, key: str, default: object = None) -> object:
        """A value; `default` if it is missing or null."""
        value = self._values.get(self._prefix + key)
        return default if value is None else value

    def whole(self, key: str, default: int | None = None, most: int = _LARGEST) -> int:
        """A whole number from 1 to `most`, possibly written as a float. Raises SourceError."""
        value = self._number(key, default)
        if value != int(value) or not 1 <= value <= most:
            raise SourceError(f"{self._prefix}{key} is {shown(value)}; must be a whole number from 1 to {most}")
        return int(value)

    def layers(self, key: str) -> int:
        """The number of layers, limited so that their names can be listed. Raises SourceError."""
        return self.whole(key, most=_MOST_LAYERS)

    def number(self, key: str, default: float | None = None) -> float:
        """A number above 0: a base, factor, scale or epsilon. Raises SourceError."""
        value = self._number(key, default)
        if value <= 0:
            raise SourceError(f"{self._prefix}{key} is {shown(value)}; must be a number above 0")
        return float(value)

    def flag(self, key: str, default: bool) -> bool:
        """True or false. Raises SourceError."""
        value = self.get(key, default)
        if not isinstance(value, bool):
            raise SourceError(f"{self._prefix}{key} is {shown(value)}; must be true or false")
        return value

    def refuse(self, key: str, *harmless: object, why: str) -> None:
        """Raises SourceError for a setting that is not supported, unless it is missing or has a harmless value."""
        value = self.get(key)
        if value is not None and value not in harmless:
            raise SourceError(f"{self._prefix}{key} is {shown(value)}: {why}")

    def _number(self, key: str, default: float | None) -> float:
        value = self.get(key, default)
        if isinstance(value, list) and value and all(v == value[0] for v in value):
            value = value[0]  # the same number for every layer
        if value is None:
            raise SourceError(f"{self._prefix}{key} is missing")
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < 1e300:
            raise SourceError(f"{self._prefix}{key} is {shown(value)}; must be a number")
        return value


def flattened(config: Mapping[str, object]) -> dict[str, object]:
    """A config.json with its rotary settings at the top level, as written by transformers up to version 4.

    Version 5 writes `rope_parameters`: one set of them, or one for each kind of layer.
    """
    nested = config.get("rope_parameters")
    if nested is None:
        return dict(config)
    if not isinstance(nested, Mapping):
        raise SourceError(f"rope_parameters is {shown(nested)}; must be an object")
    flat = {key: value for key, value in config.items() if key != "rope_parameters"}
    if any(isinstance(value, Mapping) for value in nested.values()):
        unknown = sorted(set(nested) - {"full_attention", "sliding_attention"})
        if unknown or not all(isinstance(value, Mapping) for value in nested.values()):
            raise SourceError(f"rope_parameters are for {', '.join(map(repr, nested))}; supported: full_attention and sliding_attention")
        local = nested.get("sliding_attention", {})
        if local.get("rope_type", "default") != "default":
            raise SourceError(f"rope_parameters of sliding_attention are of kind {shown(local['rope_type'])}; only default is supported")
        if "rope_theta" in local:
            flat["rope_local_base_freq"] = local["rope_theta"]
        nested = nested.get("full_attention", {})
    for key in ("rope_theta", "partial_rotary_factor"):
        if key in nested:
            flat[key] = nested[key]
    if nested.get("rope_type", "default") != "default":
        flat["rope_scaling"] = dict(nested)
    return flat


def rope_factors(config: Values, theta: float, rotated: int) -> tuple[float, ...] | None:
    """The factors of config.json's rope_scaling. Raises SourceError for kinds that depend on the length of the text."""
    stated = config.get("rope_scaling")
    if stated is None:
        return None
    if not isinstance(stated, dict):
        raise SourceError(f"rope_scaling is {shown(stated)}; must be an object")
    scaling = Values(stated)
    kind = scaling.get("rope_type", scaling.get("type", "default"))
    if kind == "default":
        return None
    if kind not in ("linear", "llama3"):
        raise SourceError(f"rope_scaling of kind {shown(kind)} is not supported; default, linear and llama3 are")
    try:
        factor = scaling.number("factor")
        if kind == "linear":
            return (factor,) * _half(rotated)
        low, high = scaling.number("low_freq_factor"), scaling.number("high_freq_factor")
        if low >= high:
            raise SourceError(f"low_freq_factor {low:g} must be below high_freq_factor {high:g}")
        return llama3_factors(theta, _half(rotated), factor, (low, high), scaling.number("original_max_position_embeddings"))
    except SourceError as error:
        raise SourceError(f"rope_scaling: {error}") from None


def gguf_rope_factors(values: Values, tensors: Mapping[str, SourceTensor], rotated: int) -> tuple[float, ...] | None:
    """The factors of a GGUF file, which has them as a tensor or as one linear factor."""
    if "rope_freqs.weight" in tensors:
        factors = tensors["rope_freqs.weight"]
        if factors.shape != (_half(rotated),):
            raise SourceError(f"rope_freqs.weight has shape {list(factors.shape)}, expected [{_half(rotated)}]")
        return tuple(float(f) for f in whole(factors))
    values.refuse("rope.scaling.type", "none", "linear", why="only linear scaling and factors stored as rope_freqs are supported")
    if values.get("rope.scaling.type") == "linear":
        return (values.number("rope.scaling.factor"),) * _half(rotated)
    return None


def _half(rotated: int) -> int:
    """The number of rotary frequencies, limited because there is a factor for each. Raises SourceError."""
    if rotated > _WIDEST_HEAD:
        raise SourceError(f"rotary positions on {rotated} elements of a head; at most {_WIDEST_HEAD} are supported")
    return rotated // 2


# Prefixes of tensor names, which depend on the class that saved the network: the network alone (none), with an output layer
# (model., transformer.), or as a part of a larger network. Longer ones first.
_PREFIXES = ("language_model.model.", "model.language_model.", "language_model.", "model.", "transformer.")


def bare(tensors: Mapping[str, SourceTensor]) -> dict[str, SourceTensor]:
    """A checkpoint's tensors without the prefixes of its class. Raises SourceError if two get the same name."""
    found: dict[str, SourceTensor] = {}
    for name, tensor in tensors.items():
        prefix = next((prefix for prefix in _PREFIXES if name.startswith(prefix)), "")
        short = name[len(prefix) :]
        if short in found:
            raise SourceError(f"tensor {shown(short)} occurs twice, as {shown(name)} and with another prefix")
        found[short] = tensor
    return found


def tied(tensors: Mapping[str, SourceTensor]) -> bool:
    """Whether the output layer of a GGUF file is its embedding: missing, or a copy."""
    return "output.weight" not in tensors or equal(tensors["output.weight"], tensors["token_embd.weight"])


def renamed(layers: int, tensors: Mapping[str, SourceTensor], outer: dict[str, str], inner: dict[str, str]) -> dict[str, SourceTensor]:
    """Tensors by canonical names; missing ones are left out. `inner` are the names of a layer's tensors, with {n} for its number."""
    table = {theirs: ours for ours, theirs in outer.items()}
    for number in range(layers):
        table.update({theirs.format(n=number): f"blk.{number}.{ours}" for ours, theirs in inner.items()})
    return {ours: tensors[theirs] for theirs, ours in table.items() if theirs in tensors}


def split_rows(tensors: dict[str, SourceTensor], fused: str, parts: dict[str, int]) -> None:
    """Replaces a fused matrix or bias by its parts; `parts` are their names and numbers of rows, in order."""
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
    """The shapes of the tensors of all layers, from those of one layer."""
    return {f"blk.{number}.{name}": shape for number in range(layers) for name, shape in inner.items()}
