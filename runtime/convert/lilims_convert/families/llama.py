"""Llama 2 and 3, SmolLM2, TinyLlama and models with the same structure: RMSNorm, rotary positions, SwiGLU, no biases."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..architecture import Architecture
from ..sources.tensors import Selected, SourceTensor
from . import _gated
from ._gated import checkpoint_tensors, forward, tensor_shapes
from ._reading import Values

GGUF = ("llama",)
HUGGING_FACE = ("llama",)

__all__ = ["checkpoint_tensors", "forward", "tensor_shapes"]


def from_gguf(values: Values, tensors: Mapping[str, SourceTensor]) -> Architecture:
    values.refuse("expert_count", 0, why="mixtures of experts are not supported")
    return _gated.from_gguf("llama", values, tensors)


def from_config(config: Values) -> Architecture:
    config.refuse("attention_bias", False, why="biases in every projection are not supported")
    config.refuse("mlp_bias", False, why="biases in every projection are not supported")
    config.refuse("hidden_act", "silu", why="only SwiGLU is supported")
    return _gated.from_config("llama", config)


def gguf_tensors(a: Architecture, tensors: Mapping[str, SourceTensor]) -> dict[str, SourceTensor]:
    """Reorders the rows of queries and keys: in GGUF files of this family, rows that are rotated together are neighbours.

    Here they are half a head apart. Whole rows are moved, so blocks of quantised values stay intact.
    """
    found = {name: tensor for name, tensor in tensors.items() if name != "rope_freqs.weight"}
    for layer in range(a.layers):
        for part, heads in (("q", a.heads), ("k", a.kv_heads)):
            for kind in ("weight", "bias"):
                name = f"blk.{layer}.attn_{part}.{kind}"
                if name in found and found[name].shape[0] == heads * a.head_dim:
                    found[name] = Selected(found[name], half_rotation(heads, a.head_dim, a.rotated))
    return found


def half_rotation(heads: int, head_dim: int, rotated: int) -> np.ndarray:
    """For each row of the matrix in half-rotation order, its row in the permuted matrix."""
    pairs = np.arange(rotated).reshape(rotated // 2, 2).T.reshape(-1)
    one_head = np.concatenate([pairs, np.arange(rotated, head_dim)])
    return (np.arange(heads)[:, None] * head_dim + one_head).reshape(-1)
