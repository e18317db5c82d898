"""The shape of a decoder-only network: what a checkpoint says of itself and what the program builders need to know."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields


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

    def __post_init__(self) -> None:
        for field in ("layers", "hidden", "heads", "kv_heads", "head_dim", "intermediate", "vocab", "context"):
            if getattr(self, field) < 1:
                raise ValueError(f"architecture: {field} = {getattr(self, field)}: must be positive")
        if self.heads % self.kv_heads:
            raise ValueError(f"architecture: {self.heads} heads are not a multiple of {self.kv_heads} key-value heads")
        if self.head_dim % 2:
            raise ValueError(f"architecture: head_dim = {self.head_dim}: rotary positions need an even width")

    @property
    def group(self) -> int:
        """Query heads that share one key-value head."""
        return self.heads // self.kv_heads

    def to_dict(self) -> dict:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict) -> "Architecture":
        known = {f.name for f in fields(cls)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise ValueError(f"architecture: unknown keys {', '.join(unknown)}; known are {', '.join(sorted(known))}")
        return cls(**values)
