"""GPT-2: learned positions, layer norms before sub-layers, one fused matrix for queries, keys and values."""

from __future__ import annotations

from collections.abc import Mapping

from coremltools.converters.mil.mil import Builder as mb
from coremltools.converters.mil.mil import Var

from ..architecture import Architecture
from ..blocks.decoder import Decoder
from ..sources.tensors import SourceTensor, Transposed
from . import _plain
from ._reading import Values, renamed, split_rows

GGUF = ("gpt2",)
HUGGING_FACE = ("gpt2",)

_OUTER = {
    "token_embd.weight": "wte.weight",
    "position_embd.weight": "wpe.weight",
    "output_norm.weight": "ln_f.weight",
    "output_norm.bias": "ln_f.bias",
}
_INNER = {"attn_norm": "ln_1", "attn_qkv": "attn.c_attn", "attn_output": "attn.c_proj", "ffn_norm": "ln_2",
          "ffn_up": "mlp.c_fc", "ffn_down": "mlp.c_proj"}  # fmt: skip


def from_gguf(values: Values, tensors: Mapping[str, SourceTensor]) -> Architecture:
    hidden, heads = values.whole("embedding_length"), values.whole("attention.head_count")
    vocab, context = tensors["token_embd.weight"].shape[0], tensors["position_embd.weight"].shape[0]
    return _architecture(hidden, heads, values.whole("block_count"), values.whole("feed_forward_length"), vocab, context,
                         values.number("attention.layer_norm_epsilon", 1e-5))  # fmt: skip


def from_config(config: Values) -> Architecture:
    config.refuse("scale_attn_by_inverse_layer_idx", False, why="scaling by layer is not supported")
    config.refuse("activation_function", "gelu_new", "gelu_pytorch_tanh", why="only GELU by tanh is supported")
    hidden = config.whole("n_embd")
    return _architecture(hidden, config.whole("n_head"), config.whole("n_layer"), config.whole("n_inner", 4 * hidden),
                         config.whole("vocab_size"), config.whole("n_positions"), config.number("layer_norm_epsilon", 1e-5))  # fmt: skip


def _architecture(hidden: int, heads: int, layers: int, intermediate: int, vocab: int, context: int, epsilon: float) -> Architecture:
    return Architecture(
        family="gpt2", layers=layers, hidden=hidden, heads=heads, kv_heads=heads, head_dim=hidden // heads,
        intermediate=intermediate, vocab=vocab, context=context, norm_epsilon=epsilon, query_bias=True, rotary_dim=0,
    )  # fmt: skip


def gguf_tensors(a: Architecture, tensors: Mapping[str, SourceTensor]) -> dict[str, SourceTensor]:
    found = dict(tensors)
    found.pop("output.weight", None)  # a copy of the embedding
    return _split(a, found)


def checkpoint_tensors(a: Architecture, tensors: Mapping[str, SourceTensor]) -> dict[str, SourceTensor]:
    """Matrices of this family's checkpoints are [in, out]; some have every name under `transformer.`."""
    prefix = "transformer." if "transformer.wte.weight" in tensors else ""
    inner = {f"{ours}.{kind}": f"{prefix}h.{{n}}.{theirs}.{kind}" for ours, theirs in _INNER.items() for kind in ("weight", "bias")}
    found = renamed(a.layers, tensors, {ours: prefix + theirs for ours, theirs in _OUTER.items()}, inner)
    turned = ("attn_qkv.weight", "attn_output.weight", "ffn_up.weight", "ffn_down.weight")
    return _split(a, {name: Transposed(tensor) if name.endswith(turned) else tensor for name, tensor in found.items()})


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
    return d.logits(d.layer_norm(d.wanted(x), "output_norm"))
