"""A network as functions of an ML program: the interface of docs/model-contract.md around a family's forward pass."""

from __future__ import annotations

import coremltools as ct
from coremltools.converters.mil.mil import Builder as mb
from coremltools.converters.mil.mil import Function, Placeholder, Program, types
from coremltools.converters.mil.mil.passes.pass_registry import PASS_REGISTRY

from . import families
from .blocks.decoder import Decoder
from .blocks.network import Inputs, Network

TARGET = ct.target.iOS18  # the first with states and multiple functions
# prefill and decode fill the cache and return the most likely tokens; logits is decode that returns all logits; score
# returns the log-probabilities of given tokens.
FUNCTIONS = ("prefill", "decode", "logits", "score")


def build(network: Network, function: str, tokens: int) -> Program:
    """A program with one function, of `tokens` tokens per call."""
    if function not in FUNCTIONS:
        raise ValueError(f"program: unknown function {function!r}; known: {', '.join(FUNCTIONS)}")
    if not 1 <= tokens <= network.context:
        raise ValueError(f"program: {tokens} tokens per call do not fit a context of {network.context}")
    mb.name_count.clear()  # coremltools numbers names per process; without this the same program would get other names
    program = Program()
    with Function(_interface(network, function, tokens), opset_version=TARGET) as body:
        inputs = Inputs(**body.inputs)
        top_k = network.top_k if function in ("prefill", "decode") else None
        results = families.find(network.architecture.family).forward(Decoder(network, inputs, top_k))
        body.set_outputs(list(results) if isinstance(results, tuple) else [results])
    program.add_function("main", body)
    # Programs are already typed in fp16 and in order, so they need none of coremltools' rewriting passes. Passes that fold
    # or merge constants must not run: the placeholders for constants of the weight file are all equal.
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
