"""The common parts of Llama, Qwen and Gemma: RMSNorm, rotary positions, grouped queries, a gated feed-forward layer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from coremltools.converters.mil.mil import Builder as mb
from coremltools.converters.mil.mil import Var

from ..architecture import Architecture
from ..blocks.decoder import Decoder
from ..sources.tensors import SourceTensor
from ._reading import Values, block_shapes, gguf_rope_factors, renamed, rope_factors, tied

Activation = Callable[[Var], Var]

_OUTER = {"token_embd.weight": "embed_tokens.weight", "output_norm.weight": "norm.weight", "output.weight": "lm_head.weight"}
INNER = {
    "attn_norm.weight": "layers.{n}.input_layernorm.weight",
    "attn_q.weight": "layers.{n}.self_attn.q_proj.weight",
    "attn_k.weight": "layers.{n}.self_attn.k_proj.weight",
    "attn_v.weight": "layers.{n}.self_attn.v_proj.weight",
    "attn_q.bias": "layers.{n}.self_attn.q_proj.bias",
    "attn_k.bias": "layers.{n}.self_attn.k_proj.bias",
    "attn_v.bias": "layers.{n}.self_attn.v_proj.bias",
    "attn_q_norm.weight": "layers.{n}.self_attn.q_norm.weight",
    "attn_k_norm.weight": "layers.{n}.self_attn.k_norm.weight",
    "attn_output.weight": "layers.{n}.self_attn.o_proj.weight",
    "ffn_norm.weight": "layers.{n}.post_attention_layernorm.weight",
    "ffn_gate.weight": "layers.{n}.mlp.gate_proj.weight",
    "ffn_up.weight": "layers.{n}.mlp.up_proj.weight",
    "ffn_down.weight": "layers.{n}.mlp.down_proj.weight",
}


def from_gguf(family: str, values: Values, tensors: Mapping[str, SourceTensor], **more: Any) -> Architecture:
    """The dimensions of a GGUF file; `more` are fields that a family adds or overrides."""
    hidden, heads = values.whole("embedding_length"), values.whole("attention.head_count")
    head_dim = values.whole("attention.key_length", hidden // heads)
    rotated = values.whole("rope.dimension_count", head_dim)
    return Architecture(
        **{
            "family": family,
            "layers": values.layers("block_count"),
            "hidden": hidden,
            "heads": heads,
            "kv_heads": values.whole("attention.head_count_kv", heads),
            "head_dim": head_dim,
            "intermediate": values.whole("feed_forward_length"),
            "vocab": tensors["token_embd.weight"].shape[0],
            "context": values.whole("context_length"),
            "rope_theta": values.number("rope.freq_base", 10000.0),
            "norm_epsilon": values.number("attention.layer_norm_rms_epsilon"),
            "tied_embeddings": tied(tensors),
            "rotary_dim": None if rotated == head_dim else rotated,
            "rope_factors": gguf_rope_factors(values, tensors, rotated),
            "query_bias": "blk.0.attn_q.bias" in tensors,
            **more,
        }
    )


def from_config(family: str, config: Values, **more: Any) -> Architecture:
    """The dimensions of a config.json; `more` are fields that a family adds or overrides."""
    hidden, heads = config.whole("hidden_size"), config.whole("num_attention_heads")
    head_dim = config.whole("head_dim", hidden // heads)
    theta = config.number("rope_theta", 10000.0)
    return Architecture(
        **{
            "family": family,
            "layers": config.layers("num_hidden_layers"),
            "hidden": hidden,
            "heads": heads,
            "kv_heads": config.whole("num_key_value_heads", heads),
            "head_dim": head_dim,
            "intermediate": config.whole("intermediate_size"),
            "vocab": config.whole("vocab_size"),
            "context": config.whole("max_position_embeddings"),
            "rope_theta": theta,
            "norm_epsilon": config.number("rms_norm_eps"),
            "tied_embeddings": config.flag("tie_word_embeddings", False),
            "rope_factors": rope_factors(config, theta, head_dim),
            **more,
        }
    )


def checkpoint_tensors(a: Architecture, tensors: Mapping[str, SourceTensor], inner: dict[str, str] = INNER) -> dict[str, SourceTensor]:
    """A checkpoint's tensors by canonical names; `inner` are the names of a layer's tensors."""
    return renamed(a.layers, tensors, _OUTER, inner)


def tensor_shapes(a: Architecture, head_norms: bool = False) -> dict[str, tuple[int, ...]]:
    """Canonical name -> shape of every tensor of a checkpoint."""
    queries, keys = a.heads * a.head_dim, a.kv_heads * a.head_dim
    inner: dict[str, tuple[int, ...]] = {
        "attn_norm.weight": (a.hidden,),
        "attn_q.weight": (queries, a.hidden),
        "attn_k.weight": (keys, a.hidden),
        "attn_v.weight": (keys, a.hidden),
        "attn_output.weight": (a.hidden, queries),
        "ffn_norm.weight": (a.hidden,),
        "ffn_gate.weight": (a.intermediate, a.hidden),
        "ffn_up.weight": (a.intermediate, a.hidden),
        "ffn_down.weight": (a.hidden, a.intermediate),
    }
    if a.query_bias:
        inner.update({"attn_q.bias": (queries,), "attn_k.bias": (keys,), "attn_v.bias": (keys,)})
    if head_norms:
        inner.update({"attn_q_norm.weight": (a.head_dim,), "attn_k_norm.weight": (a.head_dim,)})
    shapes = {"token_embd.weight": (a.vocab, a.hidden), **block_shapes(a.layers, inner), "output_norm.weight": (a.hidden,)}
    if not a.tied_embeddings:
        shapes["output.weight"] = (a.vocab, a.hidden)
    return shapes


def self_attention(d: Decoder, layer: int, x: Var, head_norms: bool = False) -> Var:
    """Attention over normalised activations."""
    a, block = d.architecture, f"blk.{layer}."
    norms = [f"{block}attn_{part}_norm" if head_norms else None for part in "qk"]
    queries = d.heads(d.linear(x, block + "attn_q"), a.heads, norms[0])
    keys = d.heads(d.linear(x, block + "attn_k"), a.kv_heads, norms[1])
    values = d.heads(d.linear(x, block + "attn_v"), a.kv_heads)
    mixed = d.attend(layer, d.rotate(queries, layer), d.rotate(keys, layer), values)
    return d.linear(mixed, block + "attn_output")


def feed_forward(d: Decoder, layer: int, x: Var, activation: Activation) -> Var:
    """The gated feed-forward layer for normalised activations."""
    block = f"blk.{layer}."
    gate = activation(d.linear(x, block + "ffn_gate"))
    return d.linear(mb.mul(x=gate, y=d.linear(x, block + "ffn_up")), block + "ffn_down")


# Names of the tanh approximation of GELU in configurations.
GELU = ("gelu_pytorch_tanh", "gelu_new")


def silu(x: Var) -> Var:
    """x * sigmoid(x)."""
    return mb.silu(x=x)


def gelu(x: Var) -> Var:
    """The tanh approximation of GELU."""
    return mb.gelu(x=x, mode="TANH_APPROXIMATION")


def forward(d: Decoder, activation: Activation = silu, embedding_scale: float = 1.0, head_norms: bool = False) -> Var:
    """Norm, attention, norm, feed-forward, each added to the residual stream."""
    x = d.embed(scale=embedding_scale)
    for layer in range(d.architecture.layers):
        x = mb.add(x=x, y=self_attention(d, layer, d.rms_norm(x, f"blk.{layer}.attn_norm"), head_norms))
        x = mb.add(x=x, y=feed_forward(d, layer, d.rms_norm(x, f"blk.{layer}.ffn_norm"), activation))
    return d.logits(d.rms_norm(d.requested(x), "output_norm"))
