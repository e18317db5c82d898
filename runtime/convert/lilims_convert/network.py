"""The Llama-style network in JAX, float32, for training only. Tensors have the canonical names of `checkpoint`."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from . import families
from .architecture import Architecture

Tensors = dict[str, jax.Array]


def initialise(architecture: Architecture, seed: int) -> Tensors:
    """Small normal values; what is added to the residual stream starts smaller the deeper the network is."""
    random = np.random.default_rng(seed)
    tensors = {}
    for name, shape in families.find(architecture.family).tensor_shapes(architecture).items():
        if name.endswith("norm.weight"):
            value = np.ones(shape)
        else:
            value = random.normal(0, 0.02 if name == "token_embd.weight" else shape[-1] ** -0.5 * 0.6, shape)
        if name.endswith(("attn_output.weight", "ffn_down.weight")):
            value = value / np.sqrt(2 * architecture.layers)
        tensors[name] = jnp.asarray(value, jnp.float32)
    return tensors


def logits(architecture: Architecture, tensors: Tensors, ids: jax.Array) -> jax.Array:
    """ids int [batch, tokens] -> float32 [batch, tokens, vocab]."""
    a = architecture
    x = tensors["token_embd.weight"][ids]
    angle = jnp.arange(ids.shape[1])[:, None] * a.rope_theta ** (-jnp.arange(a.head_dim // 2) * 2.0 / a.head_dim)
    turn = jnp.cos(angle)[:, None], jnp.sin(angle)[:, None]
    future = jnp.triu(jnp.full((ids.shape[1],) * 2, -1e9), 1)
    for layer in range(a.layers):
        block = {name.split(".")[2]: value for name, value in tensors.items() if name.startswith(f"blk.{layer}.")}
        x = x + _attention(a, block, _norm(x, block["attn_norm"], a.norm_epsilon), turn, future)
        h = _norm(x, block["ffn_norm"], a.norm_epsilon)
        x = x + (jax.nn.silu(h @ block["ffn_gate"].T) * (h @ block["ffn_up"].T)) @ block["ffn_down"].T
    head = tensors["token_embd.weight" if a.tied_embeddings else "output.weight"]
    return _norm(x, tensors["output_norm.weight"], a.norm_epsilon) @ head.T


def loss(architecture: Architecture, tensors: Tensors, rows: jax.Array) -> jax.Array:
    """Mean negative log-likelihood of each row's tokens but the first."""
    scores = jax.nn.log_softmax(logits(architecture, tensors, rows[:, :-1]))
    return -jnp.take_along_axis(scores, rows[:, 1:, None], axis=-1).mean()


def _norm(x: jax.Array, gain: jax.Array, epsilon: float) -> jax.Array:
    return x * jax.lax.rsqrt((x * x).mean(-1, keepdims=True) + epsilon) * gain


def _rotate(x: jax.Array, turn: tuple[jax.Array, jax.Array]) -> jax.Array:
    (cosine, sine), (left, right) = turn, jnp.split(x, 2, axis=-1)
    return jnp.concatenate([left * cosine - right * sine, right * cosine + left * sine], axis=-1)


def _attention(a: Architecture, block: Tensors, x: jax.Array, turn, future: jax.Array) -> jax.Array:
    batch, tokens, _ = x.shape
    queries = _rotate((x @ block["attn_q"].T).reshape(batch, tokens, a.heads, a.head_dim), turn)
    keys = _rotate((x @ block["attn_k"].T).reshape(batch, tokens, a.kv_heads, a.head_dim), turn)
    values = (x @ block["attn_v"].T).reshape(batch, tokens, a.kv_heads, a.head_dim)
    queries = queries.reshape(batch, tokens, a.kv_heads, a.group, a.head_dim)
    scores = jnp.einsum("btkgd,bskd->bkgts", queries, keys) * a.head_dim**-0.5 + future
    mixed = jnp.einsum("bkgts,bskd->btkgd", jax.nn.softmax(scores), values)
    return mixed.reshape(batch, tokens, a.heads * a.head_dim) @ block["attn_output"].T
