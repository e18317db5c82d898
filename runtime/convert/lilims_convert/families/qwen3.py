"""Qwen 3: as Llama, with an RMSNorm over each head of queries and keys."""

from __future__ import annotations

from collections.abc import Mapping

from coremltools.converters.mil.mil import Var

from ..architecture import Architecture
from ..blocks.decoder import Decoder
from ..sources.tensors import SourceTensor
from . import _gated
from ._gated import checkpoint_tensors
from ._reading import Values

GGUF = ("qwen3",)
HUGGING_FACE = ("qwen3",)

__all__ = ["checkpoint_tensors"]


def from_gguf(values: Values, tensors: Mapping[str, SourceTensor]) -> Architecture:
    return _gated.from_gguf("qwen3", values, tensors)


def from_config(config: Values) -> Architecture:
    config.refuse("use_sliding_window", False, why="its sliding windows are not supported")
    config.refuse("attention_bias", False, why="biases in every projection are not supported")
    config.refuse("hidden_act", "silu", why="only SwiGLU is supported")
    return _gated.from_config("qwen3", config)


def tensor_shapes(a: Architecture) -> dict[str, tuple[int, ...]]:
    return _gated.tensor_shapes(a, head_norms=True)


def forward(d: Decoder) -> Var:
    return _gated.forward(d, head_norms=True)
