"""Gemma 1: as Llama, with GeGLU, embeddings scaled by the square root of the width, and norms stored as gain - 1."""

from __future__ import annotations

from collections.abc import Mapping

from coremltools.converters.mil.mil import Var

from ..architecture import Architecture
from ..blocks.decoder import Decoder
from ..sources.tensors import Shifted, SourceTensor
from . import _gated
from ._gated import tensor_shapes
from ._reading import Values

GGUF = ("gemma",)
HUGGING_FACE = ("gemma",)

__all__ = ["tensor_shapes"]


def from_gguf(values: Values, tensors: Mapping[str, SourceTensor]) -> Architecture:
    return _gated.from_gguf("gemma", values, tensors)


def from_config(config: Values) -> Architecture:
    config.refuse("attention_bias", False, why="biases in every projection are not supported")
    config.refuse("hidden_activation", *_gated.GELU, why="only the tanh approximation of GELU is supported")
    # Gemma's configurations leave out that the embeddings are tied.
    return _gated.from_config("gemma", config, tied_embeddings=config.flag("tie_word_embeddings", True))


def checkpoint_tensors(a: Architecture, tensors: Mapping[str, SourceTensor]) -> dict[str, SourceTensor]:
    """Checkpoints store each norm's gain minus 1; GGUF files store the gain."""
    found = _gated.checkpoint_tensors(a, tensors)
    return {name: Shifted(tensor, 1) if name.endswith("_norm.weight") else tensor for name, tensor in found.items()}


def forward(d: Decoder) -> Var:
    return _gated.forward(d, activation=_gated.gelu, embedding_scale=d.architecture.hidden**0.5)
