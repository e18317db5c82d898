"""Gemma 3 (text): Gemma with norms around every sub-layer and over heads; five layers of six use a sliding window.

Its residual stream exceeds the range of fp16. Every addition to it passes through an RMSNorm with a gain, and it is read
only through norms, which do not depend on its scale. Therefore the stream is kept at a fixed fraction of its size, by
scaling the embedding, those gains and the epsilon of the norms. The computed function is the same.
"""

from __future__ import annotations

from collections.abc import Mapping

from coremltools.converters.mil.mil import Builder as mb
from coremltools.converters.mil.mil import Var

from ..architecture import Architecture
from ..blocks.decoder import Decoder
from ..sources import SourceError, shown
from ..sources.tensors import Shifted, SourceTensor
from . import _gated
from ._reading import Values, rope_factors

GGUF = ("gemma3",)
HUGGING_FACE = ("gemma3_text", "gemma3")  # the second also has a vision network, which is not converted

STREAM = 2.0**-5  # scale of the residual stream in the program; a power of two, so that it does not round
_PATTERN = 6  # every sixth layer is global, unless the source says otherwise
_LOCAL_THETA = 10000.0
# Defaults of transformers' Gemma3TextConfig: configurations contain only values that differ from them.
_USUAL = {"vocab_size": 262208, "hidden_size": 2304, "intermediate_size": 9216, "num_hidden_layers": 26, "num_attention_heads": 8,
          "num_key_value_heads": 4, "head_dim": 256, "max_position_embeddings": 131072, "rms_norm_eps": 1e-6,
          "sliding_window": 4096}  # fmt: skip
_LAYERS_OF_27B = 62  # the only size whose scores are scaled by width / heads instead of the head width


def _inner() -> dict[str, str]:
    names = dict(_gated.INNER)
    names["post_attention_norm.weight"] = "layers.{n}.post_attention_layernorm.weight"
    names["ffn_norm.weight"] = "layers.{n}.pre_feedforward_layernorm.weight"
    names["post_ffw_norm.weight"] = "layers.{n}.post_feedforward_layernorm.weight"
    return names


def _local(layers: int, pattern: int) -> tuple[int, ...]:
    return tuple(layer for layer in range(layers) if (layer + 1) % pattern)


def from_gguf(values: Values, tensors: Mapping[str, SourceTensor]) -> Architecture:
    """GGUF files do not contain the scale of scores; as in llama.cpp, the number of layers tells which one applies."""
    layers, scale = values.layers("block_count"), None
    if layers == _LAYERS_OF_27B:
        scale = (values.whole("embedding_length") / values.whole("attention.head_count")) ** -0.5
    return _gated.from_gguf(
        "gemma3", values, tensors,
        window=values.whole("attention.sliding_window"),
        local_layers=_gguf_local(values, layers),
        local_theta=values.number("rope.freq_base_swa", _LOCAL_THETA),
        attention_scale=scale,
    )  # fmt: skip


def _gguf_local(values: Values, layers: int) -> tuple[int, ...]:
    """`sliding_window_pattern` is the period of global layers, or a list that says of each layer whether it is local."""
    pattern = values.get("attention.sliding_window_pattern")
    if not isinstance(pattern, list):
        return _local(layers, values.whole("attention.sliding_window_pattern", _PATTERN))
    if len(pattern) != layers or not all(isinstance(local, bool) for local in pattern):
        raise SourceError(
            f"attention.sliding_window_pattern has {len(pattern)} entries for {layers} layers; must be true or false for each layer"
        )
    return tuple(layer for layer, local in enumerate(pattern) if local)


def from_config(config: Values) -> Architecture:
    config = config.over(_USUAL)
    config.refuse("hidden_activation", *_gated.GELU, why="only the tanh approximation of GELU is supported")
    config.refuse("attention_bias", False, why="biases in every projection are not supported")
    config.refuse("final_logit_softcapping", why="caps on logits are not supported")
    config.refuse("attn_logit_softcapping", why="caps on scores are not supported")
    layers, theta = config.layers("num_hidden_layers"), config.number("rope_theta", 1e6)
    kinds = config.get("layer_types")
    config.refuse("use_bidirectional_attention", False, why="only causal attention is supported")
    if kinds is None:
        local = _local(layers, config.whole("sliding_window_pattern", config.whole("_sliding_window_pattern", _PATTERN)))
    else:
        known = ("sliding_attention", "full_attention")
        if not isinstance(kinds, list) or len(kinds) != layers or not all(kind in known for kind in kinds):
            raise SourceError(f"layer_types is {shown(kinds)}; must be sliding_attention or full_attention for each of {layers} layers")
        local = tuple(layer for layer, kind in enumerate(kinds) if kind == "sliding_attention")
    head_dim = config.whole("head_dim")
    return _gated.from_config(
        "gemma3", config,
        head_dim=head_dim,
        rope_theta=theta,
        rope_factors=rope_factors(config, theta, head_dim),
        tied_embeddings=config.flag("tie_word_embeddings", True),
        window=config.whole("sliding_window"),
        local_layers=local,
        local_theta=config.number("rope_local_base_freq", _LOCAL_THETA),
        attention_scale=config.number("query_pre_attn_scalar", 256) ** -0.5,
    )  # fmt: skip


def checkpoint_tensors(a: Architecture, tensors: Mapping[str, SourceTensor]) -> dict[str, SourceTensor]:
    found = _gated.checkpoint_tensors(a, tensors, _inner())
    return {name: Shifted(tensor, 1) if name.endswith("_norm.weight") else tensor for name, tensor in found.items()}


def tensor_shapes(a: Architecture) -> dict[str, tuple[int, ...]]:
    shapes = _gated.tensor_shapes(a, head_norms=True)
    for layer in range(a.layers):
        shapes[f"blk.{layer}.post_attention_norm.weight"] = shapes[f"blk.{layer}.post_ffw_norm.weight"] = (a.hidden,)
    return shapes


def forward(d: Decoder) -> Var:
    a = d.architecture
    epsilon = a.norm_epsilon * STREAM**2
    x = d.embed(scale=a.hidden**0.5 * STREAM)
    for layer in range(a.layers):
        block = f"blk.{layer}."
        mixed = _gated.self_attention(d, layer, d.rms_norm(x, block + "attn_norm", epsilon), head_norms=True)
        x = _add(d, x, mixed, block + "post_attention_norm")
        fed = _gated.feed_forward(d, layer, d.rms_norm(x, block + "ffn_norm", epsilon), _gated.gelu)
        x = _add(d, x, fed, block + "post_ffw_norm")
    return d.logits(d.rms_norm(d.requested(x), "output_norm", epsilon))


def _add(d: Decoder, x: Var, y: Var, norm: str) -> Var:
    return mb.add(x=x, y=d.rms_norm(y, norm, scale=STREAM))
