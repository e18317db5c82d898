"""Qwen 2 and 2.5: as Llama, with biases on queries, keys and values."""

from __future__ import annotations

from collections.abc import Mapping

from ..architecture import Architecture
from ..sources.tensors import SourceTensor
from . import _gated
from ._gated import checkpoint_tensors, forward, tensor_shapes
from ._reading import Values

GGUF = ("qwen2",)
HUGGING_FACE = ("qwen2",)

__all__ = ["checkpoint_tensors", "forward", "tensor_shapes"]


def from_gguf(values: Values, tensors: Mapping[str, SourceTensor]) -> Architecture:
    return _gated.from_gguf("qwen2", values, tensors)


def from_config(config: Values) -> Architecture:
    config.refuse("use_sliding_window", False, why="its sliding windows are not supported")
    config.refuse("hidden_act", "silu", why="only SwiGLU is supported")
    return _gated.from_config("qwen2", config, query_bias=True)
