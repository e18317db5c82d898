"""A network as functions of an ML program: the interface of docs/model-contract.md around a family's forward pass."""

from __future__ import annotations

from collections.abc import Callable

import coremltools as ct
from coremltools.converters.mil.mil import Builder as mb
from coremltools.converters.mil.mil import Program, types
from coremltools.converters.mil.mil.passes.pass_registry import PASS_REGISTRY

from . import families
from .blocks.decoder import Decoder
from .blocks.network import Inputs, Network

TARGET = ct.target.iOS18  # the first with states and several functions
FUNCTIONS = ("prefill", "decode", "score")


def build(network: Network, function: str, tokens: int) -> Program:
    """One function that takes `tokens` tokens a call."""
    if not 1 <= tokens <= network.context:
        raise ValueError(f"program: {tokens} tokens a call do not fit a context of {network.context}")
    a = network.architecture
    mb.name_count.clear()  # names are numbered over all programs of a process: the same program, the same names
    specs = {
        "input_ids": mb.TensorSpec(shape=(1, tokens), dtype=types.int32),
        "position_ids": mb.TensorSpec(shape=(tokens,), dtype=types.int32),
        "cache_slot": mb.TensorSpec(shape=(1,), dtype=types.int32),
        "causal_mask": mb.TensorSpec(shape=(1, 1, tokens, network.context), dtype=types.fp16),
    }
    if function == "score":
        specs["target_ids"] = mb.TensorSpec(shape=(1, tokens), dtype=types.int32)
    else:
        specs["last_index"] = mb.TensorSpec(shape=(1,), dtype=types.int32)
    cache_shape = (2 * a.layers, a.kv_heads, network.context, a.head_dim)
    specs["kv_cache"] = mb.StateTensorSpec(shape=cache_shape, dtype=types.fp16)

    program = mb.program(input_specs=list(specs.values()), opset_version=TARGET)(_body(network, function))
    # Programs are typed in fp16 and written in order, so none of coremltools' rewriting is wanted. Those that fold or
    # merge constants must not run at all: stand-ins for constants of the weight file all look alike.
    for name in ("common::dead_code_elimination", "common::dedup_op_and_var_names"):
        PASS_REGISTRY[name](program)
    return program


def _body(network: Network, function: str) -> Callable:
    """The function's contents; coremltools names its inputs after these parameters."""
    forward = families.find(network.architecture.family).forward

    def generating(input_ids, position_ids, cache_slot, causal_mask, last_index, kv_cache):
        inputs = Inputs(input_ids, position_ids, cache_slot, causal_mask, kv_cache, last_index=last_index)
        return forward(Decoder(network, inputs))

    def scoring(input_ids, position_ids, cache_slot, causal_mask, target_ids, kv_cache):
        inputs = Inputs(input_ids, position_ids, cache_slot, causal_mask, kv_cache, target_ids=target_ids)
        return forward(Decoder(network, inputs))

    return scoring if function == "score" else generating
