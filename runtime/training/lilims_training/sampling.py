"""Text generation with the numpy reference: what a model writes, without a phone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lilims_convert.shipped import Shipped


@dataclass(frozen=True)
class Choice:
    """How the next token is chosen: the most likely one at temperature 0, otherwise sampled from the `top_k` most likely."""

    temperature: float = 0.0
    top_k: int = 40
    seed: int = 0


def generate(model: Shipped, prompt: str, tokens: int, choice: Choice) -> str:
    """The prompt and its continuation, up to the end-of-text token, the end of the context or `tokens` new tokens."""
    random = np.random.default_rng(choice.seed)
    reference, end = model.reference(), model.manifest["tokenizer"]["eos"]
    ids = model.tokenizer.encode(prompt).ids
    for _ in range(min(tokens, reference.context - len(ids))):
        token = _choose(reference.logits(ids)[-1], choice, random)
        if token == end:
            break
        ids.append(token)
    return model.tokenizer.decode(ids)


def _choose(logits: np.ndarray, choice: Choice, random: np.random.Generator) -> int:
    if choice.temperature <= 0:
        return int(logits.argmax())
    candidates = np.argsort(-logits, kind="stable")[: choice.top_k]
    weights = np.exp((logits[candidates].astype(np.float64) - logits[candidates[0]]) / choice.temperature)
    return int(random.choice(candidates, p=weights / weights.sum()))
