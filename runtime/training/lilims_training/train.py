"""Trains the small story model on the CPU, from a seed.

Input: a seed and a number of steps. Output, in one folder: tokenizer.json, checkpoint.npz, heldout.txt (the held-out
stories for measuring perplexity) and resume.npz, from which an interrupted training continues.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from tokenizers import Tokenizer

from lilims_convert import checkpoint, evaluate, vocabulary
from lilims_convert.architecture import Architecture
from lilims_convert.checkpoint import Checkpoint

from . import network, optimiser
from .stories import exercises, generate

ARCHITECTURE = Architecture(
    family="llama",
    layers=4,
    hidden=128,
    heads=4,
    kv_heads=2,
    head_dim=32,
    intermediate=352,
    vocab=2048,
    context=512,
    tied_embeddings=False,
)
STORIES_FOR_VOCABULARY = 20_000
HELD_OUT_STORIES = 200
ROWS = 4  # per step; a row is a sequence of stories, cut at the context
APART = 0.75  # in this fraction of the steps a token sees only its own story; after that, the whole row before it
EXERCISES = range(551, 851)  # every second of these steps trains on exercises
WARM_UP = 60  # steps in which the learning rates rise
SAVE_EVERY = 50  # steps


def prepare(output: Path, seed: int) -> Tokenizer:
    """Writes the tokenizer and the held-out stories. Both depend on the seed only, so a resumed training gets the same ones."""
    texts = (story.text for story in itertools.islice(generate(seed, held_out=False), STORIES_FOR_VOCABULARY))
    tokenizer = vocabulary.train(texts, ARCHITECTURE.vocab)
    tokenizer.save(str(output / "tokenizer.json"))
    held_out = [story.text for story in itertools.islice(generate(seed + 1, held_out=True), HELD_OUT_STORIES)]
    (output / "heldout.txt").write_text(evaluate.SEPARATOR.join(held_out) + "\n", encoding="utf-8")
    return tokenizer


def rows(tokenizer: Tokenizer, texts: Iterator[str], width: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Rows of `width` tokens, and for each token the number of its text in the row. No text is used twice."""
    while True:
        ids: list[int] = []
        owner: list[int] = []
        while len(ids) < width:
            text = [*tokenizer.encode(next(texts)).ids, vocabulary.EOS]
            owner += [owner[-1] + 1 if owner else 0] * len(text)
            ids += text
        yield np.array(ids[:width], np.int32), np.array(owner[:width], np.int32)


def batches(tokenizer: Tokenizer, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """One batch per step: ids and owners, int32 [ROWS, context + 1]."""
    width = ARCHITECTURE.context + 1
    stories = rows(tokenizer, (story.text for story in generate(seed + 2, held_out=False)), width)
    drills = rows(tokenizer, exercises(seed + 3), width)
    for step in itertools.count(1):
        source = drills if step in EXERCISES and step % 2 == 0 else stories
        ids, owners = zip(*itertools.islice(source, ROWS), strict=True)
        yield np.stack(ids), np.stack(owners)


def run(output: Path, tokenizer: Tokenizer, seed: int, steps: int) -> None:
    """Trains up to step `steps`, continuing from resume.npz if it exists."""
    resume = output / "resume.npz"
    state = _load_state(resume) if resume.exists() else optimiser.begin(network.initialise(ARCHITECTURE, seed))
    source = itertools.islice(batches(tokenizer, seed), int(state["step"]), None)  # without the batches of earlier steps
    began = time.monotonic()
    losses: list[float] = []
    for step in range(int(state["step"]) + 1, steps + 1):
        ids, owners = (jnp.asarray(part) for part in next(source))
        if step > APART * steps:  # a runtime may generate beyond a story's end, with that story in its cache
            owners = jnp.zeros_like(owners)
        loss, state = _update(state, ids, owners, jnp.float32(_rate(step, steps)))
        losses.append(float(loss))
        if step % 20 == 0 or step == steps:
            print(f"step {step}/{steps} loss {np.mean(losses):.4f} {time.monotonic() - began:.0f} s", flush=True)
            losses.clear()
        if step % SAVE_EVERY == 0 or step == steps:
            _save(output, resume, state)


def _rate(step: int, steps: int) -> float:
    """The fraction of the full learning rates: a linear rise, then a linear fall to a fiftieth."""
    if step < WARM_UP:
        return step / WARM_UP
    return 1 - 0.98 * (step - WARM_UP) / max(1, steps - WARM_UP)


@partial(jax.jit, donate_argnums=0)
def _update(state: optimiser.State, ids: jax.Array, owners: jax.Array, rate: jax.Array) -> tuple[jax.Array, optimiser.State]:
    loss, gradients = jax.value_and_grad(partial(network.loss, ARCHITECTURE))(state["tensors"], ids, owners)
    return loss, optimiser.step(state, gradients, rate)


def _save(output: Path, resume: Path, state: optimiser.State) -> None:
    tensors = {name: np.asarray(value) for name, value in state["tensors"].items()}
    checkpoint.write(output / "checkpoint.npz", Checkpoint(ARCHITECTURE, tensors))
    parts: dict[str, Any] = {f"{part}/{name}": np.asarray(v) for part in optimiser.PARTS for name, v in state[part].items()}
    partial_file = resume.with_suffix(".partial.npz")
    np.savez(partial_file, step=np.asarray(state["step"]), **parts)
    partial_file.replace(resume)  # atomic: a training killed while saving still has the step before


def _load_state(resume: Path) -> optimiser.State:
    with np.load(resume) as archive:
        state: optimiser.State = {"step": jnp.asarray(archive["step"]), "tensors": {}, "first": {}, "second": {}}
        for part in optimiser.PARTS:
            for key in archive.files:
                if key.startswith(f"{part}/"):
                    state[part][key.partition("/")[2]] = jnp.asarray(archive[key])
    return state
