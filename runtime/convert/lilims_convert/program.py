"""A network as functions of an ML program: the interface of docs/model-contract.md around a family's forward pass."""

from __future__ import annotations

import coremltools as ct
from coremltools.converters.mil.mil import Builder as mb
from coremltools.converters.mil.mil import Function, Placeholder, Program, types
from coremltools.converters.mil.mil.passes.pass_registry import PASS_REGISTRY

from . import families
from .blocks.decoder import Decoder
from .blocks.network import Inputs, Network

TARGET = ct.target.iOS18  # the first with states and several functions
# prefill and decode feed the cache and say what may come next; logits is decode that says it of every token; score
# tells how likely given tokens are.
FUNCTIONS = ("prefill", "decode", "logits", "score")


def build(network: Network, function: str, tokens: int) -> Program:
    """One function that takes `tokens` tokens a call."""
    if function not in FUNCTIONS:
        raise ValueError(f"program: unknown function {function!r}; known are {', '.join(FUNCTIONS)}")
    if not 1 <= tokens <= network.context:
        raise ValueError(f"program: {tokens} tokens a call do not fit a context of {network.context}")
    mb.name_count.clear()  # names are numbered over all programs of a process: the same program, the same names
    program = Program()
    with Function(_interface(network, function, tokens), opset_version=TARGET) as body:
        inputs = Inputs(**body.inputs)
        top_k = network.top_k if function in ("prefill", "decode") else None
        results = families.find(network.architecture.family).forward(Decoder(network, inputs, top_k))
        body.set_outputs(list(results) if isinstance(results, tuple) else [results])
    program.add_function("main", body)
    # Programs are typed in fp16 and written in order, so none of coremltools' rewriting is wanted. Those that fold or
    # merge constants must not run at all: stand-ins for constants of the weight file all look alike.
    for name in ("common::dead_code_elimination", "common::dedup_op_and_var_names"):
        PASS_REGISTRY[name](program)
    return program


def _interface(network: Network, function: str, tokens: int) -> dict[str, Placeholder]:
    """The function's inputs, in the contract's order."""
    a, mask = network.architecture, (1, 1, tokens, network.context)
    cache = (2 * a.layers, a.kv_heads, network.context, a.head_dim)
    inputs = {
        "input_ids": mb.placeholder(shape=(1, tokens), dtype=types.int32),
        "position_ids": mb.placeholder(shape=(tokens,), dtype=types.int32),
        "cache_slot": mb.placeholder(shape=(1,), dtype=types.int32),
        "causal_mask": mb.placeholder(shape=mask, dtype=types.fp16),
    }
    if network.local_window is not None:
        inputs["local_mask"] = mb.placeholder(shape=mask, dtype=types.fp16)
    if function == "score":
        inputs["target_ids"] = mb.placeholder(shape=(1, tokens), dtype=types.int32)
    else:
        inputs["last_index"] = mb.placeholder(shape=(1,), dtype=types.int32)
    inputs["kv_cache"] = mb.state_tensor_placeholder(shape=cache, dtype=types.fp16)
    return inputs
