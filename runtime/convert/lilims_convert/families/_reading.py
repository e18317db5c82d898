"""What family modules read sources with: configurations whose keys may be missing, and tables of tensor names."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..blocks.rope import llama3_factors
from ..sources import SourceError, shown
from ..sources.tensors import Selected, SourceTensor, equal, whole


_LARGEST = 2**31 - 1  # no dimension of a network needs more than 31 bits
_MOST_LAYERS = 1000  # names and shapes are worked out for each: more than this is a lie
_WIDEST_HEAD = 1 << 16


class Values:
    """A source's own description of its network: GGUF metadata under `<architecture>.`, or a config.json."""

    def __init__(self, values: Mapping[str, object], prefix: str = "") -> None:
        self._values, self._prefix = values, prefix

    def over(self, defaults: Mapping[str, object]) -> "Values":
        """The same description, with values for what it leaves out."""
        stated = {key: value for key, value in self._values.items() if value is not None}
        return Values({**{self._prefix + key: value for key, value in defaults.items()}, **stated}, self._prefix)

    def get(self, key: str, default: object = None) -> object:
        value = self._values.get(self._prefix + key)
        return default if value is None else value

    def whole(self, key: str, default: int | None = None, most: int = _LARGEST) -> int:
        """A whole number from 1 on; some configurations write one as a float."""
        value = self._number(key, default)
        if value != int(value) or not 1 <= value <= most:
            raise SourceError(f"{self._prefix}{key} is {shown(value)}; a whole number from 1 to {most} is wanted")
        return int(value)

    def layers(self, key: str) -> int:
        """How many layers there are; few enough to be listed."""
        return self.whole(key, most=_MOST_LAYERS)

    def number(self, key: str, default: float | None = None) -> float:
        """A number above 0, which every base, factor, scale and epsilon is."""
        value = self._number(key, default)
        if value <= 0:
            raise SourceError(f"{self._prefix}{key} is {shown(value)}; a number above 0 is wanted")
        return float(value)

    def flag(self, key: str, default: bool) -> bool:
        value = self.get(key, default)
        if not isinstance(value, bool):
            raise SourceError(f"{self._prefix}{key} is {shown(value)}; true or false is wanted")
        return value

    def refuse(self, key: str, *harmless: object, why: str) -> None:
        """Refuses a setting that the program would not honour, unless it is absent or has a harmless value."""
        value = self.get(key)
        if value is not None and value not in harmless:
            raise SourceError(f"{self._prefix}{key} is {shown(value)}: {why}")

    def _number(self, key: str, default: float | None) -> float:
        value = self.get(key, default)
        if isinstance(value, list) and value and all(v == value[0] for v in value):
            value = value[0]  # one number for each layer, all the same
        if value is None:
            raise SourceError(f"{self._prefix}{key} is missing")
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < 1e300:
            raise SourceError(f"{self._prefix}{key} is {shown(value)}; a number is wanted")
        return value


def flattened(config: Mapping[str, object]) -> dict[str, object]:
    """A config.json whose rotary settings lie at the top, where transformers kept them until its version 4.

    Version 5 writes `rope_parameters`: one set of them, or one for each kind of layer.
    """
    nested = config.get("rope_parameters")
    if nested is None:
        return dict(config)
    if not isinstance(nested, Mapping):
        raise SourceError(f"rope_parameters is {shown(nested)}; an object is wanted")
    flat = {key: value for key, value in config.items() if key != "rope_parameters"}
    if any(isinstance(value, Mapping) for value in nested.values()):
        unknown = sorted(set(nested) - {"full_attention", "sliding_attention"})
        if unknown or not all(isinstance(value, Mapping) for value in nested.values()):
            raise SourceError(f"rope_parameters are for {', '.join(map(repr, nested))}; full_attention and sliding_attention are known")
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


def rope_factors(config: Values, theta: float, turning: int) -> tuple[float, ...] | None:
    """The factors of config.json's rope_scaling; refuses kinds that depend on the length of the text."""
    stated = config.get("rope_scaling")
    if stated is None:
        return None
    if not isinstance(stated, dict):
        raise SourceError(f"rope_scaling is {shown(stated)}; an object is wanted")
    scaling = Values(stated)
    kind = scaling.get("rope_type", scaling.get("type", "default"))
    if kind == "default":
        return None
    if kind not in ("linear", "llama3"):
        raise SourceError(f"rope_scaling of kind {shown(kind)} is not supported; default, linear and llama3 are")
    try:
        factor = scaling.number("factor")
        if kind == "linear":
            return (factor,) * _half(turning)
        low, high = scaling.number("low_freq_factor"), scaling.number("high_freq_factor")
        if low >= high:
            raise SourceError(f"low_freq_factor {low:g} is not below high_freq_factor {high:g}")
        return llama3_factors(theta, _half(turning), factor, (low, high), scaling.number("original_max_position_embeddings"))
    except SourceError as error:
        raise SourceError(f"rope_scaling: {error}") from None


def gguf_rope_factors(values: Values, tensors: Mapping[str, SourceTensor], turning: int) -> tuple[float, ...] | None:
    """The factors that a GGUF file keeps as a tensor, or gives as one linear factor."""
    if "rope_freqs.weight" in tensors:
        factors = tensors["rope_freqs.weight"]
        if factors.shape != (_half(turning),):
            raise SourceError(f"rope_freqs.weight has shape {list(factors.shape)}, want [{_half(turning)}]")
        return tuple(float(f) for f in whole(factors))
    values.refuse("rope.scaling.type", "none", "linear", why="only linear scaling and factors stored as rope_freqs are supported")
    if values.get("rope.scaling.type") == "linear":
        return (values.number("rope.scaling.factor"),) * _half(turning)
    return None


def _half(turning: int) -> int:
    """How many frequencies turn so many elements of a head; there is a factor for each, so not any number will do."""
    if turning > _WIDEST_HEAD:
        raise SourceError(f"{turning} elements of a head turn; at most {_WIDEST_HEAD} are believed")
    return turning // 2


# What stands before the names of a network's own tensors, by which class saved it: the network alone (nothing), with an
# output layer (model., transformer.), or as a part of a larger one. Longer ones first.
_PREFIXES = ("language_model.model.", "model.language_model.", "language_model.", "model.", "transformer.")


def bare(tensors: Mapping[str, SourceTensor]) -> dict[str, SourceTensor]:
    """A checkpoint's tensors without what its class put before their names."""
    found: dict[str, SourceTensor] = {}
    for name, tensor in tensors.items():
        prefix = next((prefix for prefix in _PREFIXES if name.startswith(prefix)), "")
        short = name[len(prefix) :]
        if short in found:
            raise SourceError(f"tensor {shown(short)} is there twice, as {shown(name)} and under another prefix")
        found[short] = tensor
    return found


def tied(tensors: Mapping[str, SourceTensor]) -> bool:
    """Whether a GGUF file's output layer is its embedding: left out, or written a second time."""
    return "output.weight" not in tensors or equal(tensors["output.weight"], tensors["token_embd.weight"])


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
