"""The common parts of GPT-2, GPT-Neo and Phi-2: layer norms and biases, and a feed-forward layer of two products."""

from __future__ import annotations

from coremltools.converters.mil.mil import Var

from ..architecture import Architecture
from ..blocks.decoder import Decoder
from ._gated import gelu
from ._reading import block_shapes


def tensor_shapes(a: Architecture, learned_positions: bool, parallel: bool = False) -> dict[str, tuple[int, ...]]:
    """Canonical name -> shape of every tensor. A parallel block has one norm for both sub-layers."""
    width = a.heads * a.head_dim
    inner: dict[str, tuple[int, ...]] = {"attn_norm.weight": (a.hidden,), "attn_norm.bias": (a.hidden,)}
    for part in "qkv":
        inner[f"attn_{part}.weight"] = (width, a.hidden)
        if a.query_bias:
            inner[f"attn_{part}.bias"] = (width,)
    inner.update({"attn_output.weight": (a.hidden, width), "attn_output.bias": (a.hidden,)})
    if not parallel:
        inner.update({"ffn_norm.weight": (a.hidden,), "ffn_norm.bias": (a.hidden,)})
    inner.update({"ffn_up.weight": (a.intermediate, a.hidden), "ffn_up.bias": (a.intermediate,)})
    inner.update({"ffn_down.weight": (a.hidden, a.intermediate), "ffn_down.bias": (a.hidden,)})
    shapes: dict[str, tuple[int, ...]] = {"token_embd.weight": (a.vocab, a.hidden)}
    if learned_positions:
        shapes["position_embd.weight"] = (a.context, a.hidden)
    shapes.update({**block_shapes(a.layers, inner), "output_norm.weight": (a.hidden,), "output_norm.bias": (a.hidden,)})
    if not a.tied_embeddings:
        shapes.update({"output.weight": (a.vocab, a.hidden)})
    return shapes


def self_attention(d: Decoder, layer: int, x: Var, rotary: bool) -> Var:
    """Attention over normalised activations, with as many key heads as query heads."""
    a, block = d.architecture, f"blk.{layer}."
    queries, keys, values = (d.heads(d.linear(x, f"{block}attn_{part}"), a.heads) for part in "qkv")
    if rotary:
        queries, keys = d.rotate(queries, layer), d.rotate(keys, layer)
    return d.linear(d.attend(layer, queries, keys, values), block + "attn_output")


def feed_forward(d: Decoder, layer: int, x: Var) -> Var:
    """Two products with a GELU (tanh approximation) between them."""
    block = f"blk.{layer}."
    return d.linear(gelu(d.linear(x, block + "ffn_up")), block + "ffn_down")
