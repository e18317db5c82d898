"""The Llama-style network in JAX, float32, for training only. Tensors have the canonical names of lilims_convert.checkpoint."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from lilims_convert import families
from lilims_convert.architecture import Architecture

from .optimiser import Tensors


def initialise(architecture: Architecture, seed: int) -> Tensors:
    """Initial tensors from which a few million tokens are enough to learn to repeat a character's name.

    Copying a name from earlier in the story is the last thing that a network of this size learns. Three choices make it
    possible. Token embeddings start as large as what the layers add to them, so the last layer can still tell which name
    was there. Queries start equal to keys, so a token attends to equal tokens. The output projection starts as the
    transpose of the value projection, so attention passes on what it reads instead of noise.
    """
    a, random = architecture, np.random.default_rng(seed)
    tensors: dict[str, np.ndarray] = {}
    for name, shape in families.find(a.family).tensor_shapes(a).items():
        kind = name.split(".")[-2]
        if kind.endswith("norm"):
            tensors[name] = np.ones(shape)
        elif kind == "token_embd":
            tensors[name] = random.normal(0, 0.1 if a.tied_embeddings else 1.0, shape)
        elif kind in ("output", "ffn_down"):
            tensors[name] = np.zeros(shape)
        else:
            tensors[name] = random.normal(0, shape[-1] ** -0.5, shape)
    for layer in range(a.layers):
        keys, values = (tensors[f"blk.{layer}.attn_{kind}.weight"] for kind in "kv")
        tensors[f"blk.{layer}.attn_q.weight"] = _per_query_head(a, keys)
        tensors[f"blk.{layer}.attn_output.weight"] = _per_query_head(a, values).T / a.heads
    return {name: jnp.asarray(value, jnp.float32) for name, value in tensors.items()}


def _per_query_head(a: Architecture, rows: np.ndarray) -> np.ndarray:
    """The rows of each key-value head, repeated for every query head that shares it."""
    return np.repeat(rows.reshape(a.kv_heads, a.head_dim, -1), a.group, axis=0).reshape(a.heads * a.head_dim, -1)


def logits(architecture: Architecture, tensors: Tensors, ids: jax.Array, owners: jax.Array | None = None) -> jax.Array:
    """ids int [batch, tokens] -> float32 [batch, tokens, vocab]. A token attends to earlier tokens with the same owner."""
    a = architecture
    hidden = jnp.triu(jnp.ones((ids.shape[1],) * 2, bool), 1)[None]
    if owners is not None:
        hidden = hidden | (owners[:, :, None] != owners[:, None, :])
    mask = jnp.where(hidden, -1e9, 0.0)[:, None, None]
    x = tensors["token_embd.weight"][ids]
    angle = jnp.arange(ids.shape[1])[:, None] * a.rope_theta ** (-jnp.arange(a.head_dim // 2) * 2.0 / a.head_dim)
    turn = jnp.cos(angle)[:, None], jnp.sin(angle)[:, None]
    for layer in range(a.layers):
        block = {name.split(".")[2]: value for name, value in tensors.items() if name.startswith(f"blk.{layer}.")}
        x = x + _attention(a, block, _norm(x, block["attn_norm"], a.norm_epsilon), turn, mask)
        h = _norm(x, block["ffn_norm"], a.norm_epsilon)
        x = x + (jax.nn.silu(h @ block["ffn_gate"].T) * (h @ block["ffn_up"].T)) @ block["ffn_down"].T
    head = tensors["token_embd.weight" if a.tied_embeddings else "output.weight"]
    return _norm(x, tensors["output_norm.weight"], a.norm_epsilon) @ head.T


def loss(architecture: Architecture, tensors: Tensors, rows: jax.Array, owners: jax.Array | None = None) -> jax.Array:
    """Mean negative log-likelihood of every token of a row except the first."""
    seen = None if owners is None else owners[:, :-1]
    scores = jax.nn.log_softmax(logits(architecture, tensors, rows[:, :-1], seen))
    return -jnp.take_along_axis(scores, rows[:, 1:, None], axis=-1).mean()


def _norm(x: jax.Array, gain: jax.Array, epsilon: float) -> jax.Array:
    return x * jax.lax.rsqrt((x * x).mean(-1, keepdims=True) + epsilon) * gain


def _rotate(x: jax.Array, turn: tuple[jax.Array, jax.Array]) -> jax.Array:
    (cosine, sine), (left, right) = turn, jnp.split(x, 2, axis=-1)
    return jnp.concatenate([left * cosine - right * sine, right * cosine + left * sine], axis=-1)


def _attention(a: Architecture, block: Tensors, x: jax.Array, turn: tuple[jax.Array, jax.Array], mask: jax.Array) -> jax.Array:
    batch, tokens, _ = x.shape
    queries = _rotate((x @ block["attn_q"].T).reshape(batch, tokens, a.heads, a.head_dim), turn)
    keys = _rotate((x @ block["attn_k"].T).reshape(batch, tokens, a.kv_heads, a.head_dim), turn)
    values = (x @ block["attn_v"].T).reshape(batch, tokens, a.kv_heads, a.head_dim)
    queries = queries.reshape(batch, tokens, a.kv_heads, a.group, a.head_dim)
    scores = jnp.einsum("btkgd,bskd->bkgts", queries, keys) * a.head_dim**-0.5 + mask
    mixed = jnp.einsum("bkgts,bskd->btkgd", jax.nn.softmax(scores), values)
    return mixed.reshape(batch, tokens, a.heads * a.head_dim) @ block["attn_output"].T
