"""GPT-2: learned positions, layer norms before sub-layers, one fused matrix for queries, keys and values."""

from __future__ import annotations

from collections.abc import Mapping

from coremltools.converters.mil.mil import Builder as mb
from coremltools.converters.mil.mil import Var

from ..architecture import Architecture
from ..blocks.decoder import Decoder
from ..sources import SourceError
from ..sources.tensors import SourceTensor, Transposed
from . import _gated, _plain
from ._reading import Values, renamed, split_rows, tied

GGUF = ("gpt2",)
HUGGING_FACE = ("gpt2",)

_OUTER = {
    "token_embd.weight": "wte.weight",
    "position_embd.weight": "wpe.weight",
    "output_norm.weight": "ln_f.weight",
    "output_norm.bias": "ln_f.bias",
    "output.weight": "lm_head.weight",
}
_INNER = {"attn_norm": "ln_1", "attn_qkv": "attn.c_attn", "attn_output": "attn.c_proj", "ffn_norm": "ln_2",
          "ffn_up": "mlp.c_fc", "ffn_down": "mlp.c_proj"}  # fmt: skip


def from_gguf(values: Values, tensors: Mapping[str, SourceTensor]) -> Architecture:
    if "position_embd.weight" not in tensors:
        raise SourceError("has no position_embd.weight")
    hidden, heads = values.whole("embedding_length"), values.whole("attention.head_count")
    return Architecture(
        family="gpt2", layers=values.layers("block_count"), hidden=hidden, heads=heads, kv_heads=heads, head_dim=hidden // heads,
        intermediate=values.whole("feed_forward_length"), vocab=tensors["token_embd.weight"].shape[0],
        context=tensors["position_embd.weight"].shape[0], norm_epsilon=values.number("attention.layer_norm_epsilon", 1e-5),
        tied_embeddings=tied(tensors), rotary_dim=0, query_bias=True,
    )  # fmt: skip


def from_config(config: Values) -> Architecture:
    config.refuse("scale_attn_by_inverse_layer_idx", False, why="scaling by layer is not supported")
    config.refuse("scale_attn_weights", True, why="unscaled scores are not supported")
    config.refuse("add_cross_attention", False, why="cross-attention is not supported")
    config.refuse("activation_function", *_gated.GELU, why="only the tanh approximation of GELU is supported")
    hidden, heads = config.whole("n_embd"), config.whole("n_head")
    return Architecture(
        family="gpt2", layers=config.layers("n_layer"), hidden=hidden, heads=heads, kv_heads=heads, head_dim=hidden // heads,
        intermediate=config.whole("n_inner", 4 * hidden), vocab=config.whole("vocab_size"), context=config.whole("n_positions"),
        norm_epsilon=config.number("layer_norm_epsilon", 1e-5), tied_embeddings=config.flag("tie_word_embeddings", True),
        rotary_dim=0, query_bias=True,
    )  # fmt: skip


def gguf_tensors(a: Architecture, tensors: Mapping[str, SourceTensor]) -> dict[str, SourceTensor]:
    return _split(a, dict(tensors))


def checkpoint_tensors(a: Architecture, tensors: Mapping[str, SourceTensor]) -> dict[str, SourceTensor]:
    """Matrices of this family's checkpoints are [in, out]."""
    inner = {f"{ours}.{kind}": f"h.{{n}}.{theirs}.{kind}" for ours, theirs in _INNER.items() for kind in ("weight", "bias")}
    found = renamed(a.layers, tensors, _OUTER, inner)
    transposed = ("attn_qkv.weight", "attn_output.weight", "ffn_up.weight", "ffn_down.weight")
    return _split(a, {name: Transposed(tensor) if name.endswith(transposed) else tensor for name, tensor in found.items()})


def _split(a: Architecture, found: dict[str, SourceTensor]) -> dict[str, SourceTensor]:
    for layer in range(a.layers):
        for kind in ("weight", "bias"):
            parts = {f"blk.{layer}.attn_{part}.{kind}": a.hidden for part in "qkv"}
            split_rows(found, f"blk.{layer}.attn_qkv.{kind}", parts)
    return found


def tensor_shapes(a: Architecture) -> dict[str, tuple[int, ...]]:
    return _plain.tensor_shapes(a, learned_positions=True)


def forward(d: Decoder) -> Var:
    x = d.add_positions(d.embed())
    for layer in range(d.architecture.layers):
        x = mb.add(x=x, y=_plain.self_attention(d, layer, d.layer_norm(x, f"blk.{layer}.attn_norm"), rotary=False))
        x = mb.add(x=x, y=_plain.feed_forward(d, layer, d.layer_norm(x, f"blk.{layer}.ffn_norm")))
    return d.logits(d.layer_norm(d.requested(x), "output_norm"))
