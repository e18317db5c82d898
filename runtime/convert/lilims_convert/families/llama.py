"""The Llama family: RMSNorm, rotary positions by half-rotation, grouped queries, SwiGLU, no biases.

Comes in: a `Network` with the tensors of `tensor_shapes`. Goes out: the logits variable of the function being built.
"""

from __future__ import annotations

from coremltools.converters.mil.mil import Builder as mb
from coremltools.converters.mil.mil import Var

from ..architecture import Architecture
from .blocks import Cache, Inputs, Network, attention, rms_norm, rope_tables, rotate, to_heads


def tensor_shapes(architecture: Architecture) -> dict[str, tuple[int, ...]]:
    """Canonical name -> shape of every tensor of a checkpoint."""
    a = architecture
    shapes: dict[str, tuple[int, ...]] = {"token_embd.weight": (a.vocab, a.hidden)}
    for layer in range(a.layers):
        block = f"blk.{layer}."
        shapes[block + "attn_norm.weight"] = (a.hidden,)
        shapes[block + "attn_q.weight"] = (a.heads * a.head_dim, a.hidden)
        shapes[block + "attn_k.weight"] = (a.kv_heads * a.head_dim, a.hidden)
        shapes[block + "attn_v.weight"] = (a.kv_heads * a.head_dim, a.hidden)
        shapes[block + "attn_output.weight"] = (a.hidden, a.heads * a.head_dim)
        shapes[block + "ffn_norm.weight"] = (a.hidden,)
        shapes[block + "ffn_gate.weight"] = (a.intermediate, a.hidden)
        shapes[block + "ffn_up.weight"] = (a.intermediate, a.hidden)
        shapes[block + "ffn_down.weight"] = (a.hidden, a.intermediate)
    shapes["output_norm.weight"] = (a.hidden,)
    if not a.tied_embeddings:
        shapes["output.weight"] = (a.vocab, a.hidden)
    return shapes


def forward(network: Network, inputs: Inputs) -> Var:
    """Logits fp16 [1, V] of the token at `last_index`; the cache state is updated on the way."""
    a = network.architecture
    embedding = network.emit("token_embd.weight")
    x = mb.gather(x=embedding, indices=inputs.input_ids, axis=0, validate_indices=False)
    rotation = _rotations(network, inputs)
    cache = Cache(inputs)
    for layer in range(a.layers):
        x = mb.add(x=x, y=_self_attention(network, inputs, layer, x, rotation, cache))
        x = mb.add(x=x, y=_feed_forward(network, layer, x), name=f"blk_{layer}_out")
    # Only one token's logits are wanted: picking it before the output layer saves N-1 rows of the largest product.
    x = mb.gather(x=x, indices=inputs.last_index, axis=1, validate_indices=False)
    x = rms_norm(x, network.emit("output_norm.weight"), a.norm_epsilon, "output_norm")
    head = embedding if a.tied_embeddings else network.emit("output.weight")
    logits = mb.linear(x=x, weight=head)
    return mb.squeeze(x=logits, axes=[1], name="logits")


def _rotations(network: Network, inputs: Inputs) -> tuple[Var, Var]:
    a = network.architecture
    tables = rope_tables(network.context, a.head_dim, a.rope_theta)
    cosine, sine = (
        mb.gather(x=mb.const(val=table, name=f"rope_{name}"), indices=inputs.position_ids, axis=0, validate_indices=False)
        for name, table in zip(("cos", "sin"), tables)
    )
    return cosine, sine


def _self_attention(
    network: Network, inputs: Inputs, layer: int, x: Var, rotation: tuple[Var, Var], cache: Cache
) -> Var:
    a, block = network.architecture, f"blk.{layer}."
    normed = rms_norm(x, network.emit(block + "attn_norm.weight"), a.norm_epsilon, f"blk_{layer}_attn_norm")
    queries = to_heads(mb.linear(x=normed, weight=network.emit(block + "attn_q.weight")), a.heads, a.head_dim)
    keys = to_heads(mb.linear(x=normed, weight=network.emit(block + "attn_k.weight")), a.kv_heads, a.head_dim)
    values = to_heads(mb.linear(x=normed, weight=network.emit(block + "attn_v.weight")), a.kv_heads, a.head_dim)
    queries = rotate(queries, *rotation, f"blk_{layer}_queries")
    keys = rotate(keys, *rotation, f"blk_{layer}_keys")
    all_keys, all_values = cache.append(layer, keys, values)
    mixed = attention(queries, all_keys, all_values, inputs.causal_mask, a.head_dim**-0.5)
    return mb.linear(x=mixed, weight=network.emit(block + "attn_output.weight"))


def _feed_forward(network: Network, layer: int, x: Var) -> Var:
    a, block = network.architecture, f"blk.{layer}."
    normed = rms_norm(x, network.emit(block + "ffn_norm.weight"), a.norm_epsilon, f"blk_{layer}_ffn_norm")
    gate = mb.silu(x=mb.linear(x=normed, weight=network.emit(block + "ffn_gate.weight")))
    up = mb.linear(x=normed, weight=network.emit(block + "ffn_up.weight"))
    return mb.linear(x=mb.mul(x=gate, y=up), weight=network.emit(block + "ffn_down.weight"))
