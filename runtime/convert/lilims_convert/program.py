"""A network as Core ML functions: the interface of docs/model-contract.md around a family's forward pass."""

from __future__ import annotations

import coremltools as ct
from coremltools.converters.mil.mil import Builder as mb
from coremltools.converters.mil.mil import Program, types

from . import families
from .families.blocks import Inputs, Network

TARGET = ct.target.iOS18  # the first with states and several functions


def build(network: Network, tokens: int) -> Program:
    """One function that takes `tokens` tokens a call."""
    if not 1 <= tokens <= network.context:
        raise ValueError(f"program: {tokens} tokens a call do not fit a context of {network.context}")
    a = network.architecture
    family = families.find(a.family)
    cache_shape = (2 * a.layers, a.kv_heads, network.context, a.head_dim)
    specs = [
        mb.TensorSpec(shape=(1, tokens), dtype=types.int32),
        mb.TensorSpec(shape=(tokens,), dtype=types.int32),
        mb.TensorSpec(shape=(1,), dtype=types.int32),
        mb.TensorSpec(shape=(1, 1, tokens, network.context), dtype=types.fp16),
        mb.TensorSpec(shape=(1,), dtype=types.int32),
        mb.StateTensorSpec(shape=cache_shape, dtype=types.fp16),
    ]

    @mb.program(input_specs=specs, opset_version=TARGET)
    def program(input_ids, position_ids, cache_slot, causal_mask, last_index, kv_cache):
        return family.forward(network, Inputs(input_ids, position_ids, cache_slot, causal_mask, last_index, kv_cache))

    return program


# Passes that are left out, and why.
_WITHOUT = {
    # Ids, positions and last_index are never negative by contract: no compare, add and select before each gather.
    "common::guard_negative_gather_indices",
    # It walks a set, so its names differ from run to run, and the blocks emit no transpose that could go.
    "common::reduce_transposes",
}


def lower(program: Program) -> ct.models.MLModel:
    """Runs coremltools' passes. FLOAT32 here means "insert no casts": the program is already typed in fp16."""
    pipeline = ct.PassPipeline.DEFAULT
    pipeline.remove_passes(_WITHOUT)
    return ct.convert(
        program,
        source="milinternal",
        convert_to="mlprogram",
        minimum_deployment_target=TARGET,
        compute_precision=ct.precision.FLOAT32,
        compute_units=ct.ComputeUnit.CPU_ONLY,
        pass_pipeline=pipeline,
        skip_model_load=True,
    )
