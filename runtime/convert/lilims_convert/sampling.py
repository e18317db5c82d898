"""Telling on from a prompt with the numpy reference: to read what a model says without a phone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .shipped import Shipped


@dataclass(frozen=True)
class Choice:
    """How the next token is chosen: the most likely one at temperature 0, else at random among the `top_k` likeliest."""

    temperature: float = 0.0
    top_k: int = 40
    seed: int = 0


def tell(model: Shipped, prompt: str, tokens: int, choice: Choice) -> str:
    """The prompt and what follows, to the end of the text, the context or `tokens` new tokens."""
    random = np.random.default_rng(choice.seed)
    reference, end = model.reference(), model.manifest["tokenizer"]["eos"]
    ids = model.tokenizer.encode(prompt).ids
    for _ in range(min(tokens, reference.context - len(ids))):
        following = _choose(reference.logits(ids)[-1], choice, random)
        if following == end:
            break
        ids.append(following)
    return model.tokenizer.decode(ids)


def _choose(logits: np.ndarray, choice: Choice, random: np.random.Generator) -> int:
    if choice.temperature <= 0:
        return int(logits.argmax())
    likeliest = np.argsort(-logits, kind="stable")[: choice.top_k]
    weights = np.exp((logits[likeliest].astype(np.float64) - logits[likeliest[0]]) / choice.temperature)
    return int(random.choice(likeliest, p=weights / weights.sum()))
