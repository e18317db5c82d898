"""One function of a decoder while it is being built: the operations that family modules use."""

from __future__ import annotations

import numpy as np
from coremltools.converters.mil.mil import Builder as mb
from coremltools.converters.mil.mil import Var

from . import ranking, rope
from .attention import Cache, attention
from .layouts import LAYOUTS
from .network import Inputs, Network
from .norms import layer_norm, rms_norm


class Decoder:
    """The state that the layers of one function share: inputs, cache, rows of position tables, masks."""

    def __init__(self, network: Network, inputs: Inputs, top_k: int | None = None) -> None:
        self.architecture = network.architecture
        self.inputs = inputs
        self._network = network
        self._top_k = top_k
        self._layout = LAYOUTS[network.layout](network)
        self._cache = Cache(inputs)
        self._rotations: dict[bool, tuple[Var, Var]] = {}

    def has(self, name: str) -> bool:
        """Whether the network has a tensor of this name."""
        return name in self._network.weights

    # --- tensors ---

    def embed(self, name: str = "token_embd.weight", scale: float = 1.0) -> Var:
        """The embeddings of the input tokens, times `scale`, which some families need."""
        x = self._layout.embed(self.inputs.input_ids, name)
        return x if scale == 1 else mb.mul(x=x, y=np.float16(scale))

    def add_positions(self, x: Var, name: str = "position_embd.weight") -> Var:
        """Adds learned positions."""
        ids = mb.reshape(x=self.inputs.position_ids, shape=[1, self.inputs.tokens])
        return mb.add(x=x, y=self._layout.embed(ids, name))

    def linear(self, x: Var, name: str) -> Var:
        """The product with `name`.weight, plus `name`.bias if the network has it."""
        bias = f"{name}.bias" if self.has(f"{name}.bias") else None
        return self._layout.project(x, f"{name}.weight", bias)

    def rms_norm(self, x: Var, name: str, epsilon: float | None = None, scale: float = 1.0) -> Var:
        epsilon = self.architecture.norm_epsilon if epsilon is None else epsilon
        return rms_norm(x, self._layout.vector(f"{name}.weight"), epsilon, self._layout.axis, scale)

    def layer_norm(self, x: Var, name: str) -> Var:
        gain, bias = self._layout.vector(f"{name}.weight"), self._layout.vector(f"{name}.bias")
        return layer_norm(x, gain, bias, self.architecture.norm_epsilon, self._layout.axis)

    # --- attention ---

    def heads(self, x: Var, count: int, norm: str | None = None) -> Var:
        """Activations as heads [1, count, N, D], each normalised by the named norm, if any."""
        x = self._layout.to_heads(x, count)
        if norm is None:
            return x
        return rms_norm(x, self._layout.plain(f"{norm}.weight"), self.architecture.norm_epsilon, -1)

    def rotate(self, x: Var, layer: int) -> Var:
        """Rotates heads by the positions of their tokens."""
        return rope.rotate(x, *self._rotation(self._has_own_theta(layer)))

    def attend(self, layer: int, queries: Var, keys: Var, values: Var) -> Var:
        """Stores the chunk's keys and values and attends over the whole cache; returns activations of width Q * D."""
        all_keys, all_values = self._cache.append(layer, keys, values)
        mixed = attention(queries, all_keys, all_values, self._mask(layer), self.architecture.scale)
        return self._layout.from_heads(mixed)

    def _has_own_theta(self, layer: int) -> bool:
        return self.architecture.local_theta is not None and layer in self.architecture.local_layers

    def _rotation(self, local: bool) -> tuple[Var, Var]:
        if local not in self._rotations:
            a = self.architecture
            theta = a.local_theta if local else None
            factors = None if local else a.rope_factors
            tables = rope.tables(a, self._network.positions, a.rope_theta if theta is None else theta, factors)
            self._rotations[local] = rope.rows(tables, self.inputs.position_ids, "rope_local" if local else "rope")
        return self._rotations[local]

    def _mask(self, layer: int) -> Var:
        """The attention mask of a layer. Masks depend on positions, which only the host knows: slots are reused in rotation."""
        local = layer in self.architecture.local_layers and self.inputs.local_mask is not None
        return self.inputs.local_mask if local else self.inputs.causal_mask

    # --- output ---

    def requested(self, x: Var) -> Var:
        """The token whose logits the caller needs; in the score function, all tokens.

        Selecting it before the output layer saves N-1 rows of the largest product.
        """
        return x if self.inputs.last_index is None else self._layout.token(x, self.inputs.last_index)

    def logits(self, x: Var) -> Var | tuple[Var, Var]:
        """The result of the function: the most likely tokens and their logits, [1, K] each; or logits [1, V]; or
        log-probabilities [1, N] of the targets.
        """
        bias = "output.bias" if self.has("output.bias") else None
        head = "token_embd.weight" if self.architecture.tied_embeddings else "output.weight"
        parts = [self._layout.scores(part) for part in self._layout.project_in_parts(x, head, bias)]
        if self._top_k is not None:
            return ranking.most_likely(parts, self._top_k)
        scores = parts[0] if len(parts) == 1 else mb.concat(values=parts, axis=1)
        if self.inputs.target_ids is None:
            scores.name = "logits"
            return scores
        return ranking.log_probabilities(scores, self.inputs.target_ids)
