"""The dimensions of a decoder-only network, as a checkpoint states them and as the program builders need them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

# Ranges that an fp16 program can be built with. Outside them a table or a constant would be 0, infinite or NaN.
_RANGES = {
    "norm_epsilon": (1e-12, 1.0),
    "rope_theta": (1.0, 1e12),
    "local_theta": (1.0, 1e12),
    "rope_factors": (1e-6, 1e6),
    "attention_scale": (2.0**-24, 1e4),
}


@dataclass(frozen=True)
class Architecture:
    """One network's dimensions. Lengths are in elements, positions in tokens."""

    family: str  # a module of lilims_convert.families
    layers: int
    hidden: int  # width of the residual stream
    heads: int  # query heads
    kv_heads: int  # key and value heads; divides `heads`
    head_dim: int
    intermediate: int  # width of the feed-forward layer
    vocab: int
    context: int  # longest sequence the network was trained for
    rope_theta: float = 10000.0
    norm_epsilon: float = 1e-5
    tied_embeddings: bool = True  # the output layer is the token embedding
    # Fields that only some networks need.
    rotary_dim: int | None = None  # elements of a head that rotary positions rotate; None: all
    rope_factors: tuple[float, ...] | None = None  # divisors of the rotary frequencies; None: all 1
    local_theta: float | None = None  # rope_theta of local layers; None: the same as rope_theta
    window: int | None = None  # tokens that a local layer attends to, including the current one
    local_layers: tuple[int, ...] = ()
    attention_scale: float | None = None  # None: head_dim ** -0.5
    query_bias: bool = False  # the projections to queries, keys and values have biases

    def __post_init__(self) -> None:
        for field in ("layers", "hidden", "heads", "kv_heads", "head_dim", "intermediate", "vocab", "context"):
            if getattr(self, field) < 1:
                raise ValueError(f"architecture: {field} = {getattr(self, field)}: must be positive")
        if self.heads % self.kv_heads:
            raise ValueError(f"architecture: {self.heads} heads are not a multiple of {self.kv_heads} key-value heads")
        if self.rotated % 2 or self.rotated > self.head_dim:
            raise ValueError(
                f"architecture: rotary positions on {self.rotated} of {self.head_dim} elements of a head: must be even, and at most all"
            )
        if self.rope_factors is not None and len(self.rope_factors) != self.rotated // 2:
            raise ValueError(f"architecture: {len(self.rope_factors)} rope factors for {self.rotated // 2} frequencies")
        if self.local_layers and not self.window:
            raise ValueError("architecture: local layers need a window")
        for what, (least, most) in _RANGES.items():
            stated = getattr(self, what)
            for value in stated if isinstance(stated, tuple) else () if stated is None else (stated,):
                if not least <= value <= most:
                    raise ValueError(f"architecture: {what} = {value:g}: must be {least:g} to {most:g}")

    @property
    def group(self) -> int:
        """Query heads that share one key-value head."""
        return self.heads // self.kv_heads

    @property
    def rotated(self) -> int:
        """Elements of a head that rotary positions rotate."""
        return self.head_dim if self.rotary_dim is None else self.rotary_dim

    @property
    def scale(self) -> float:
        """The factor on the products of queries and keys."""
        return self.head_dim**-0.5 if self.attention_scale is None else self.attention_scale

    def to_dict(self) -> dict[str, Any]:
        """The values for JSON; fields that only some networks need are left out if they have their defaults."""
        values = asdict(self)
        for field in fields(self)[_ORDINARY:]:
            if values[field.name] == field.default:
                del values[field.name]
        return {key: list(value) if isinstance(value, tuple) else value for key, value in values.items()}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Architecture:
        """The inverse of `to_dict`. Raises ValueError for unknown keys and impossible dimensions."""
        known = {f.name for f in fields(cls)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise ValueError(f"architecture: unknown keys {', '.join(unknown)}; known: {', '.join(sorted(known))}")
        arguments: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
        return cls(**arguments)


# The number of fields that `to_dict` always writes; those after them only if they differ from their defaults.
_ORDINARY = [field.name for field in fields(Architecture)].index("rotary_dim")
