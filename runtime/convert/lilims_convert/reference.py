"""An independent forward pass in numpy, float64 over the stored fp16 values: the reference of the executor's tests.

It shares no code with the program builders. It processes a whole sequence at once, without a cache, with the textbook
formulas. Constants that a package stores in fp16 (rotation tables, the attention scale, the root of epsilon) are rounded
in the same way and, with `cache="fp16"`, keys and values are rounded as in the state. It uses float64 because in float32
the summation order of a machine's BLAS decides how a key halfway between two fp16 values is rounded, and fixtures would
differ between machines.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from .architecture import Architecture


def _stored(value: ArrayLike) -> np.ndarray:
    """A constant as stored in the package: rounded to fp16, as float64."""
    return np.asarray(value, np.float16).astype(np.float64)


class Reference:
    """A Llama-style network with dense tensors by canonical names."""

    def __init__(self, architecture: Architecture, tensors: dict[str, np.ndarray], context: int, cache: str = "fp16") -> None:
        if cache not in ("fp16", "fp32"):
            raise ValueError(f"reference: cache {cache!r}: must be fp16 or fp32")
        self.architecture = architecture
        self.context = context
        self._tensors = {name: np.asarray(tensor, np.float64) for name, tensor in tensors.items()}
        self._round_cache = cache == "fp16"
        half = architecture.head_dim // 2
        angle = np.arange(context)[:, None] / architecture.rope_theta ** (np.arange(half)[None, :] / half)
        self._cosine, self._sine = _stored(np.cos(angle)), _stored(np.sin(angle))
        self._scale = _stored(1.0 / np.sqrt(architecture.head_dim))
        self._epsilon = _stored(np.sqrt(architecture.norm_epsilon)) ** 2

    def logits(self, ids: list[int]) -> np.ndarray:
        """Float64 [tokens, vocab]: row i predicts the token after ids[i]."""
        if not 1 <= len(ids) <= self.context:
            raise ValueError(f"reference: {len(ids)} tokens do not fit a context of {self.context}")
        a, tensors = self.architecture, self._tensors
        x = tensors["token_embd.weight"][np.asarray(ids)]
        for layer in range(a.layers):
            block = {name: tensors[f"blk.{layer}.{name}.weight"] for name in _BLOCK}
            x = x + self._attend(self._norm(x, block["attn_norm"]), block)
            h = self._norm(x, block["ffn_norm"])
            gate = h @ block["ffn_gate"].T
            x = x + (gate / (1 + np.exp(-gate)) * (h @ block["ffn_up"].T)) @ block["ffn_down"].T
        head = tensors["token_embd.weight" if a.tied_embeddings else "output.weight"]
        return self._norm(x, tensors["output_norm.weight"]) @ head.T

    def _norm(self, x: np.ndarray, gain: np.ndarray) -> np.ndarray:
        return x / np.sqrt((x * x).mean(-1, keepdims=True) + self._epsilon) * gain

    def _turn(self, x: np.ndarray) -> np.ndarray:
        count, half = x.shape[0], x.shape[-1] // 2
        cosine, sine = self._cosine[:count, None], self._sine[:count, None]
        left, right = x[..., :half], x[..., half:]
        return np.concatenate([left * cosine - right * sine, right * cosine + left * sine], axis=-1)

    def _attend(self, x: np.ndarray, block: dict[str, np.ndarray]) -> np.ndarray:
        a, count = self.architecture, len(x)
        queries = self._turn((x @ block["attn_q"].T).reshape(count, a.heads, a.head_dim))
        keys = self._turn((x @ block["attn_k"].T).reshape(count, a.kv_heads, a.head_dim))
        values = (x @ block["attn_v"].T).reshape(count, a.kv_heads, a.head_dim)
        if self._round_cache:
            keys, values = _stored(keys), _stored(values)
        future = np.triu(np.ones((count, count), bool), 1)
        mixed = np.empty((count, a.heads, a.head_dim))
        for head in range(a.heads):
            shared = head // a.group
            scores = queries[:, head] @ keys[:, shared].T * self._scale
            scores[future] = -np.inf
            scores = np.exp(scores - scores.max(-1, keepdims=True))
            mixed[:, head] = scores / scores.sum(-1, keepdims=True) @ values[:, shared]
        return mixed.reshape(count, -1) @ block["attn_output"].T

    def greedy(self, prompt: list[int], count: int) -> list[int]:
        """The `count` greedy tokens after the prompt; the end-of-text token does not stop it."""
        ids = list(prompt)
        for _ in range(count):
            ids.append(int(self.logits(ids)[-1].argmax()))
        return ids[len(prompt) :]


_BLOCK = ("attn_norm", "attn_q", "attn_k", "attn_v", "attn_output", "ffn_norm", "ffn_gate", "ffn_up", "ffn_down")
