"""Phi-2: attention and feed-forward in parallel after one layer norm, rotary positions on a part of each head."""

from __future__ import annotations

from collections.abc import Mapping

from coremltools.converters.mil.mil import Builder as mb
from coremltools.converters.mil.mil import Var

from ..architecture import Architecture
from ..blocks.decoder import Decoder
from ..sources.tensors import SourceTensor
from . import _gated, _plain
from ._reading import Values, renamed, rope_factors, split_rows

GGUF = ("phi2",)
HUGGING_FACE = ("phi",)

_OUTER = {"token_embd.weight": "embed_tokens.weight", "output_norm.weight": "final_layernorm.weight",
          "output_norm.bias": "final_layernorm.bias", "output.weight": "lm_head.weight", "output.bias": "lm_head.bias"}  # fmt: skip
_INNER = {"attn_norm": "input_layernorm", "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj",
          "attn_output": "self_attn.dense", "ffn_up": "mlp.fc1", "ffn_down": "mlp.fc2"}  # fmt: skip


def from_gguf(values: Values, tensors: Mapping[str, SourceTensor]) -> Architecture:
    hidden, heads = values.whole("embedding_length"), values.whole("attention.head_count")
    return Architecture(
        family="phi2", layers=values.layers("block_count"), hidden=hidden, heads=heads, kv_heads=heads, head_dim=hidden // heads,
        intermediate=values.whole("feed_forward_length"), vocab=tensors["token_embd.weight"].shape[0],
        context=values.whole("context_length"), rope_theta=values.number("rope.freq_base", 10000.0),
        norm_epsilon=values.number("attention.layer_norm_epsilon"), tied_embeddings=False,
        rotary_dim=values.whole("rope.dimension_count"), query_bias=True,
    )  # fmt: skip


def from_config(config: Values) -> Architecture:
    config.refuse("qk_layernorm", False, why="norms over heads are not supported")
    config.refuse("tie_word_embeddings", False, why="tied embeddings are not supported")
    config.refuse("hidden_act", *_gated.GELU, why="only the tanh approximation of GELU is supported")
    hidden, heads = config.whole("hidden_size"), config.whole("num_attention_heads")
    config.refuse("num_key_value_heads", heads, why="grouped queries are not supported")
    rotated = int(hidden // heads * config.number("partial_rotary_factor", 0.5))
    theta = config.number("rope_theta", 10000.0)
    return Architecture(
        family="phi2", layers=config.layers("num_hidden_layers"), hidden=hidden, heads=heads, kv_heads=heads,
        head_dim=hidden // heads, intermediate=config.whole("intermediate_size"), vocab=config.whole("vocab_size"),
        context=config.whole("max_position_embeddings"), rope_theta=theta, norm_epsilon=config.number("layer_norm_eps"),
        tied_embeddings=False, rotary_dim=rotated, rope_factors=rope_factors(config, theta, rotated), query_bias=True,
    )  # fmt: skip


def gguf_tensors(a: Architecture, tensors: Mapping[str, SourceTensor]) -> dict[str, SourceTensor]:
    found = dict(tensors)
    for layer in range(a.layers):
        for kind in ("weight", "bias"):
            parts = {f"blk.{layer}.attn_{part}.{kind}": a.hidden for part in "qkv"}
            split_rows(found, f"blk.{layer}.attn_qkv.{kind}", parts)
    return found


def checkpoint_tensors(a: Architecture, tensors: Mapping[str, SourceTensor]) -> dict[str, SourceTensor]:
    inner = {f"{ours}.{kind}": f"layers.{{n}}.{theirs}.{kind}" for ours, theirs in _INNER.items() for kind in ("weight", "bias")}
    return renamed(a.layers, tensors, _OUTER, inner)


def tensor_shapes(a: Architecture) -> dict[str, tuple[int, ...]]:
    return {**_plain.tensor_shapes(a, learned_positions=False, parallel=True), "output.bias": (a.vocab,)}


def forward(d: Decoder) -> Var:
    x = d.embed()
    for layer in range(d.architecture.layers):
        normed = d.layer_norm(x, f"blk.{layer}.attn_norm")
        mixed = _plain.self_attention(d, layer, normed, rotary=True)
        x = mb.add(x=x, y=mb.add(x=mixed, y=_plain.feed_forward(d, layer, normed)))
    return d.logits(d.layer_norm(d.requested(x), "output_norm"))
