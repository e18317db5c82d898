"""Reductions of the logits inside the program, so that it need not return a whole vocabulary of them."""

from __future__ import annotations

import numpy as np
from coremltools.converters.mil.mil import Builder as mb
from coremltools.converters.mil.mil import Var


def most_likely(parts: list[Var], count: int) -> tuple[Var, Var]:
    """Ids, int32 [1, K], and logits, fp16 [1, K], of the K largest logits, largest first.

    The logits come in consecutive parts [1, V_i] of the vocabulary. Each part is ranked by itself, so that no operation
    works on more than a part, and then the best of all parts are ranked again.
    """
    values: list[Var] = []
    ids: list[Var] = []
    first = 0
    for part in parts:
        best, places = _largest(part, min(count, part.shape[1]))
        values.append(best)
        ids.append(places if first == 0 else mb.add(x=places, y=np.int32(first)))
        first += part.shape[1]
    if count > first:
        raise ValueError(f"program: top-k of {count} for a vocabulary of {first} tokens")
    best, found = values[0], ids[0]
    if len(parts) > 1:
        best, places = _largest(mb.concat(values=values, axis=1), count)
        found = mb.gather_along_axis(x=mb.concat(values=ids, axis=1), indices=places, axis=1, validate_indices=False)
    found.name, best.name = "top_ids", "top_logits"
    return found, best


def _largest(x: Var, count: int) -> tuple[Var, Var]:
    """Values and indices of the `count` largest of [1, W]. A count of 1 uses reductions, which run on every compute unit."""
    if count == 1:
        return mb.reduce_max(x=x, axes=[1], keep_dims=True), mb.reduce_argmax(x=x, axis=1, keep_dims=True)
    values, places = mb.topk(x=x, k=count, axis=1)
    return values, places


def log_probabilities(scores: Var, targets: Var) -> Var:
    """Natural logarithms of the softmax at the targets, fp32 [1, N]; sums over a vocabulary need more precision than fp16."""
    scores = mb.cast(x=scores, dtype="fp32")
    tokens = scores.shape[0]
    shifted = mb.sub(x=scores, y=mb.reduce_max(x=scores, axes=[1], keep_dims=True))
    total = mb.log(x=mb.reduce_sum(x=mb.exp(x=shifted), axes=[1], keep_dims=True), epsilon=np.float32(0))
    indices = mb.reshape(x=targets, shape=[tokens, 1])
    found = mb.gather_along_axis(x=shifted, indices=indices, axis=1, validate_indices=False)
    return mb.reshape(x=mb.sub(x=found, y=total), shape=[1, tokens], name="log_probs")
