"""What a program is built from: dimensions, stored tensors, lengths, and the function's inputs."""

from __future__ import annotations

from dataclasses import dataclass, field

from coremltools.converters.mil.mil import Var

from ..architecture import Architecture
from ..weights import Blobs, Weight


@dataclass(frozen=True)
class Inputs:
    """The interface of docs/model-contract.md as variables of the function being built."""

    input_ids: Var  # int32 [1, N]
    position_ids: Var  # int32 [N]
    cache_slot: Var  # int32 [1]
    causal_mask: Var  # fp16 [1, 1, N, C]
    kv_cache: Var  # state, fp16 [2*layers, K, C, D]
    local_mask: Var | None = None  # fp16 [1, 1, N, C]; functions of networks with local layers have it
    last_index: Var | None = None  # int32 [1]; all but score have it
    target_ids: Var | None = None  # int32 [1, N]; score has it

    @property
    def tokens(self) -> int:
        return self.input_ids.shape[1]


@dataclass(frozen=True)
class Network:
    """A network with its tensors in the weight file."""

    architecture: Architecture
    weights: dict[str, Weight]
    context: int  # C
    positions: int  # absolute positions that position tables cover, at least C
    layout: str = "gpu"  # a key of layouts.LAYOUTS
    top_k: int | None = None  # most likely tokens that prefill and decode give; None: the logits of all
    blobs: Blobs = field(default_factory=Blobs)

    @property
    def local_window(self) -> int | None:
        """How many positions back local layers see, the current one counted; None where that hides nothing."""
        a = self.architecture
        return a.window if a.local_layers and a.window < self.positions else None
