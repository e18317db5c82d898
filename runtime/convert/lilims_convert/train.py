"""python -m lilims_convert.train: trains the small story model on the CPU, from nothing but a seed.

Comes in: a seed and a number of steps. Goes out, in the output folder: tokenizer.json, checkpoint.npz, heldout.txt (the
held-out stories that perplexity is measured on) and resume.npz, from which a stopped training goes on.
"""

from __future__ import annotations

import argparse
import itertools
import os
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from tokenizers import Tokenizer

from . import checkpoint, evaluate, network, vocabulary
from .architecture import Architecture
from .checkpoint import Checkpoint
from .stories import generate

ARCHITECTURE = Architecture(
    family="llama", layers=4, hidden=128, heads=4, kv_heads=2, head_dim=32, intermediate=352, vocab=2048, context=512
)
STORIES_FOR_VOCABULARY = 20_000
HELD_OUT_STORIES = 200
ROWS = 4  # a step; each row is whole stories, end to end, cut at the context
PEAK_RATE, WARM_UP, DECAY = 5e-3, 60, 0.1  # learning rate, its warm-up in steps, weight decay
BETAS, CLIP = (0.9, 0.98), 1.0  # Adam's moments, largest gradient norm
SAVE_EVERY = 100  # steps


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m lilims_convert.train", description=__doc__)
    parser.add_argument("output", type=Path, help="folder for the tokenizer, the checkpoint and the held-out stories")
    parser.add_argument("--seed", type=int, default=20261123, help="of stories, weights and order (default 20261123)")
    parser.add_argument("--steps", type=int, default=1600, help="training steps (default 1600)")
    options = parser.parse_args(arguments)
    options.output.mkdir(parents=True, exist_ok=True)
    tokenizer = prepare(options.output, options.seed)
    run(options.output, tokenizer, options.seed, options.steps)
    return 0


def prepare(output: Path, seed: int) -> Tokenizer:
    """Writes the vocabulary and the held-out stories; both come from the seed, so a second run finds the same."""
    texts = (story.text for story in itertools.islice(generate(seed, held_out=False), STORIES_FOR_VOCABULARY))
    tokenizer = vocabulary.train(texts, ARCHITECTURE.vocab)
    tokenizer.save(str(output / "tokenizer.json"))
    held_out = [story.text for story in itertools.islice(generate(seed + 1, held_out=True), HELD_OUT_STORIES)]
    (output / "heldout.txt").write_text(evaluate.SEPARATOR.join(held_out) + "\n", encoding="utf-8")
    return tokenizer


def rows(tokenizer: Tokenizer, seed: int, width: int) -> Iterator[np.ndarray]:
    """Rows of `width` tokens: every row begins with a story's beginning; stories are never used twice."""
    stories = generate(seed + 2, held_out=False)
    while True:
        ids: list[int] = []
        while len(ids) < width:
            ids += tokenizer.encode(next(stories).text).ids + [vocabulary.EOS]
        yield np.array(ids[:width], np.int32)


def run(output: Path, tokenizer: Tokenizer, seed: int, steps: int) -> None:
    """Trains to the given number of steps, going on from resume.npz where there is one."""
    tensors = network.initialise(ARCHITECTURE, seed)
    state = {"step": 0, "tensors": tensors, "first": _zeros(tensors), "second": _zeros(tensors)}
    resume = output / "resume.npz"
    if resume.exists():
        state = _load_state(resume)
    source = rows(tokenizer, seed, ARCHITECTURE.context + 1)
    for _ in range(state["step"] * ROWS):  # the rows that the earlier steps have seen
        next(source)
    began, losses = time.monotonic(), []
    while state["step"] < steps:
        batch = jnp.asarray(np.stack([next(source) for _ in range(ROWS)]))
        step = state["step"] + 1
        moments = (state["tensors"], state["first"], state["second"])
        loss, *moments = _update(*moments, batch, jnp.float32(step), jnp.float32(_rate(step, steps)))
        state = {"step": step, **dict(zip(("tensors", "first", "second"), moments))}
        losses.append(float(loss))
        if step % 20 == 0 or step == steps:
            print(f"step {step}/{steps} loss {np.mean(losses):.4f} {time.monotonic() - began:.0f} s", flush=True)
            losses.clear()
        if step % SAVE_EVERY == 0 or step == steps:
            _save(output, resume, state)


def _rate(step: int, steps: int) -> float:
    """Linear warm-up, then a cosine down to a twentieth."""
    if step < WARM_UP:
        return PEAK_RATE * step / WARM_UP
    done = (step - WARM_UP) / max(1, steps - WARM_UP)
    return PEAK_RATE * (0.05 + 0.95 * 0.5 * (1 + np.cos(np.pi * done)))


@partial(jax.jit, donate_argnums=(0, 1, 2))
def _update(tensors, first, second, batch, step, rate):
    """One step of Adam with decoupled weight decay (matrices only) and clipped gradients."""
    loss, gradients = jax.value_and_grad(partial(network.loss, ARCHITECTURE))(tensors, batch)
    norm = jnp.sqrt(sum((g * g).sum() for g in gradients.values()))
    gradients = {name: g * jnp.minimum(1.0, CLIP / norm) for name, g in gradients.items()}
    first = {name: BETAS[0] * first[name] + (1 - BETAS[0]) * g for name, g in gradients.items()}
    second = {name: BETAS[1] * second[name] + (1 - BETAS[1]) * g * g for name, g in gradients.items()}
    scale = rate * jnp.sqrt(1 - BETAS[1] ** step) / (1 - BETAS[0] ** step)
    moved = {}
    for name, value in tensors.items():
        decay = rate * DECAY if value.ndim > 1 else 0.0
        moved[name] = value * (1 - decay) - scale * first[name] / (jnp.sqrt(second[name]) + 1e-8)
    return loss, moved, first, second


def _zeros(tensors: network.Tensors) -> network.Tensors:
    return {name: jnp.zeros_like(value) for name, value in tensors.items()}


def _save(output: Path, resume: Path, state: dict) -> None:
    tensors = {name: np.asarray(value) for name, value in state["tensors"].items()}
    checkpoint.write(output / "checkpoint.npz", Checkpoint(ARCHITECTURE, tensors))
    parts = {f"{part}/{name}": np.asarray(v) for part in ("tensors", "first", "second") for name, v in state[part].items()}
    partial_file = resume.with_suffix(".partial.npz")
    np.savez(partial_file, step=np.array(state["step"]), **parts)
    os.replace(partial_file, resume)  # a training killed while saving still finds the step before


def _load_state(resume: Path) -> dict:
    state: dict = {"tensors": {}, "first": {}, "second": {}}
    with np.load(resume) as archive:
        for key in archive.files:
            if key == "step":
                state["step"] = int(archive[key])
            else:
                part, name = key.split("/", 1)
                state[part][name] = jnp.asarray(archive[key])
    return state


if __name__ == "__main__":
    sys.exit(main())
