"""GPT-Neo, for example TinyStories-1M: GPT-2 with unscaled scores and, in alternate layers, a window of 256 tokens."""

from __future__ import annotations

from collections.abc import Mapping

from ..architecture import Architecture
from ..sources import SourceError, shown
from ..sources.tensors import SourceTensor
from ._gated import GELU
from ._reading import Values, renamed
from .gpt2 import forward, tensor_shapes

GGUF = ()
HUGGING_FACE = ("gpt_neo",)

__all__ = ["forward", "tensor_shapes"]

_OUTER = {
    "token_embd.weight": "wte.weight",
    "position_embd.weight": "wpe.weight",
    "output_norm.weight": "ln_f.weight",
    "output_norm.bias": "ln_f.bias",
    "output.weight": "lm_head.weight",
}
_INNER = {"attn_norm": "ln_1", "attn_q": "attn.attention.q_proj", "attn_k": "attn.attention.k_proj",
          "attn_v": "attn.attention.v_proj", "attn_output": "attn.attention.out_proj", "ffn_norm": "ln_2",
          "ffn_up": "mlp.c_fc", "ffn_down": "mlp.c_proj"}  # fmt: skip


def from_gguf(values: Values, tensors: Mapping[str, SourceTensor]) -> Architecture:
    raise SourceError("GGUF files of GPT-Neo do not exist; convert the checkpoint")


def from_config(config: Values) -> Architecture:
    config.refuse("activation_function", *GELU, why="only the tanh approximation of GELU is supported")
    hidden, heads, layers = config.whole("hidden_size"), config.whole("num_heads"), config.layers("num_layers")
    return Architecture(
        family="gpt_neo", layers=layers, hidden=hidden, heads=heads, kv_heads=heads, head_dim=hidden // heads,
        intermediate=config.whole("intermediate_size", 4 * hidden), vocab=config.whole("vocab_size"),
        context=config.whole("max_position_embeddings"), norm_epsilon=config.number("layer_norm_epsilon", 1e-5),
        rotary_dim=0, attention_scale=1.0, window=config.whole("window_size", 256), local_layers=_local(config, layers),
        tied_embeddings=config.flag("tie_word_embeddings", True),
    )  # fmt: skip


def _local(config: Values, layers: int) -> tuple[int, ...]:
    """attention_layers lists the kind of each layer; if it is missing, attention_types is [[[kinds], repetitions], …]."""
    kinds = config.get("attention_layers")
    if not isinstance(kinds, list):
        kinds = _repeated(config.get("attention_types"), layers)
    if len(kinds) != layers or not all(kind in ("global", "local") for kind in kinds):
        raise SourceError(f"attention_types lists {len(kinds)} layers; must be global or local for each of {layers} layers")
    return tuple(layer for layer, kind in enumerate(kinds) if kind == "local")


def _repeated(types: object, layers: int) -> list[object]:
    kinds: list[object] = []
    for turn in types if isinstance(types, list) else [None]:
        match turn:
            case [[*names], int(times)] if 0 < times <= layers and len(names) <= layers:
                kinds += names * times
            case _:
                raise SourceError(f"attention_types is {shown(types)}; must be a list of [[kinds], repetitions]")
    return kinds


def checkpoint_tensors(a: Architecture, tensors: Mapping[str, SourceTensor]) -> dict[str, SourceTensor]:
    inner = {f"{ours}.{kind}": f"h.{{n}}.{theirs}.{kind}" for ours, theirs in _INNER.items() for kind in ("weight", "bias")}
    return renamed(a.layers, tensors, _OUTER, inner)
