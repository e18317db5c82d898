"""The training data, the learning rates and the optimiser's steps."""

from __future__ import annotations

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tokenizers import Tokenizer

from lilims_convert import vocabulary
from lilims_training import optimiser, train


@pytest.fixture(scope="module")
def tokenizer(tiny_tokenizer) -> Tokenizer:
    return Tokenizer.from_file(str(tiny_tokenizer))


def test_rows_are_whole_texts_end_to_end_and_know_their_owners(tokenizer):
    ids, owners = next(train.rows(tokenizer, itertools.cycle(["The cat sat.", "A dog!"]), 60))
    assert len(ids) == len(owners) == 60
    assert ids[0] == vocabulary.BOS
    beginnings = np.flatnonzero(ids == vocabulary.BOS)
    assert (np.flatnonzero(np.diff(owners)) + 1 == beginnings[1:]).all()
    assert (ids[beginnings[1:] - 1] == vocabulary.EOS).all()


def test_every_second_step_of_the_middle_is_an_exercise(tokenizer):
    def kinds(start: int, count: int) -> list[bool]:
        window = itertools.islice(train.batches(tokenizer, 1), start, start + count)
        return ["smiled at" in tokenizer.decode(ids[0].tolist()) for ids, _ in window]

    begin = train.EXERCISES.start
    assert not any(kinds(0, 3))
    assert kinds(begin - 1, 4) == [False, True, False, True]


def test_rates_rise_then_fall():
    rates = [train._rate(step, 1000) for step in range(1, 1001)]
    assert max(rates) == rates[train.WARM_UP - 1] == 1
    assert rates == sorted(rates[: train.WARM_UP]) + sorted(rates[train.WARM_UP :], reverse=True)
    assert 0 < rates[-1] < 0.03


def test_orthogonal_brings_singular_values_near_one():
    matrix = np.random.default_rng(0).normal(size=(48, 20)) * np.geomspace(1, 30, 20)
    values = np.linalg.svd(np.asarray(optimiser.orthogonal(matrix.astype(np.float32))), compute_uv=False)
    assert values.min() > 0.5
    assert values.max() < 1.3


def test_a_step_goes_downhill():
    def loss(tensors):
        return sum(((value - 3) ** 2).mean() for value in tensors.values())

    state = optimiser.begin({"token_embd.weight": jnp.ones((8, 4)), "blk.0.attn_q.weight": jnp.eye(4), "n": jnp.ones(4)})
    before = loss(state["tensors"])
    for _ in range(5):
        state = optimiser.step(state, jax.grad(loss)(state["tensors"]), jnp.float32(1))
    assert int(state["step"]) == 5
    assert loss(state["tensors"]) < before
