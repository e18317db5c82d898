"""The optimiser: Muon for the matrices inside the blocks, Adam for embedding, output layer and gains.

Muon steps along the orthogonal matrix nearest to the momentum, so every direction of a matrix learns at the same rate. On
a few million tokens it needs half the steps of Adam.
"""

from __future__ import annotations

from typing import Literal, TypedDict

import jax
import jax.numpy as jnp

Tensors = dict[str, jax.Array]
Moved = tuple[jax.Array, jax.Array, jax.Array]  # the change of a tensor, and its first and second moments


class State(TypedDict):
    """A training state: the number of steps, and the tensors with their first and second moments."""

    step: jax.Array
    tensors: Tensors
    first: Tensors
    second: Tensors


PARTS: tuple[Literal["tensors", "first", "second"], ...] = ("tensors", "first", "second")

MATRIX_RATE, MATRIX_MOMENTUM = 0.015, 0.95
EMBEDDING_RATE = 0.02  # initial embeddings have values around one
ADAM_RATE, ADAM_BETAS = 4e-3, (0.9, 0.98)
CLIP = 1.0  # largest norm of all gradients together


def begin(tensors: Tensors) -> State:
    """The state before the first step."""

    def zeros() -> Tensors:
        return {name: jnp.zeros_like(value) for name, value in tensors.items()}

    return {"step": jnp.int32(0), "tensors": tensors, "first": zeros(), "second": zeros()}


def step(state: State, gradients: Tensors, rate: jax.Array) -> State:
    """The state after one step; `rate` is the fraction of the full learning rates."""
    norm = jnp.sqrt(sum((g * g).sum() for g in gradients.values()))
    shrink = jnp.minimum(1.0, CLIP / norm)
    after: State = {"step": state["step"] + 1, "tensors": {}, "first": {}, "second": {}}
    for name, value in state["tensors"].items():
        moments = gradients[name] * shrink, state["first"][name], state["second"][name]
        if name.startswith("blk.") and value.ndim == 2:
            delta, first, second = _muon(*moments)
        else:
            delta, first, second = _adam(*moments, after["step"])
            delta = delta * (EMBEDDING_RATE if name == "token_embd.weight" else ADAM_RATE)
        after["tensors"][name] = value - rate * delta
        after["first"][name], after["second"][name] = first, second
    return after


def _adam(gradient: jax.Array, first: jax.Array, second: jax.Array, count: jax.Array) -> Moved:
    first = ADAM_BETAS[0] * first + (1 - ADAM_BETAS[0]) * gradient
    second = ADAM_BETAS[1] * second + (1 - ADAM_BETAS[1]) * gradient**2
    mean, square = first / (1 - ADAM_BETAS[0] ** count), second / (1 - ADAM_BETAS[1] ** count)
    return mean / (jnp.sqrt(square) + 1e-8), first, second


def _muon(gradient: jax.Array, first: jax.Array, second: jax.Array) -> Moved:
    first = MATRIX_MOMENTUM * first + gradient
    direction = orthogonal(gradient + MATRIX_MOMENTUM * first)
    rows, columns = gradient.shape
    return MATRIX_RATE * max(1.0, rows / columns) ** 0.5 * direction, first, second


def orthogonal(matrix: jax.Array) -> jax.Array:
    """An approximation of the nearest orthogonal matrix: five Newton-Schulz iterations bring singular values near one."""
    a, b, c = 3.4445, -4.7750, 2.0315
    wide = matrix.T if matrix.shape[0] > matrix.shape[1] else matrix
    x = wide / (jnp.linalg.norm(wide) + 1e-7)
    for _ in range(5):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.T if matrix.shape[0] > matrix.shape[1] else x
