"""The network that is trained computes what the numpy reference of lilims_convert computes."""

from __future__ import annotations

import dataclasses

import jax
import numpy as np
import pytest

from lilims_convert.reference import Reference
from lilims_training import network, tiny


@pytest.mark.parametrize("tied", [True, False], ids=["tied", "own output layer"])
def test_the_trained_network_is_the_reference(tied: bool) -> None:
    source = tiny.make(dataclasses.replace(tiny.ARCHITECTURE, tied_embeddings=tied))
    architecture = source.architecture
    reference = Reference(architecture, source.tensors, architecture.context, cache="fp32")
    ids = np.random.default_rng(4).integers(0, architecture.vocab, 30)
    compute = jax.jit(lambda tensors: network.logits(architecture, tensors, ids[None])[0])
    ours = compute({name: jax.numpy.asarray(tensor) for name, tensor in source.tensors.items()})
    # The reference rounds rotation tables and the scale to fp16, hence the tolerance.
    np.testing.assert_allclose(ours, reference.logits(ids.tolist()), atol=0.05)
