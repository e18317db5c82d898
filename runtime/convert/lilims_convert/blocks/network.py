"""The network that a program is built from, and the inputs of the function being built."""

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
    local_mask: Var | None = None  # fp16 [1, 1, N, C]; in networks with local layers
    last_index: Var | None = None  # int32 [1]; in all functions but score
    target_ids: Var | None = None  # int32 [1, N]; in score only

    @property
    def tokens(self) -> int:
        """N, tokens per call."""
        return int(self.input_ids.shape[1])


@dataclass(frozen=True)
class Network:
    """A network whose tensors are in the weight file."""

    architecture: Architecture
    weights: dict[str, Weight]
    context: int  # C
    positions: int  # length of the position tables, at least C
    layout: str = "gpu"  # a key of layouts.LAYOUTS
    top_k: int | None = None  # number of most likely tokens that prefill and decode return; None: all logits
    blobs: Blobs = field(default_factory=Blobs)

    @property
    def local_window(self) -> int | None:
        """Positions that local layers attend to, including the current one; None if the window hides nothing."""
        window = self.architecture.window
        return window if self.architecture.local_layers and window is not None and window < self.positions else None
