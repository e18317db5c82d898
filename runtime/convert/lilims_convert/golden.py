"""Golden fixtures of a model for the Swift tests: the results of the numpy reference for a few prompts.

Per case: the ids of the prompt, the first greedy tokens, and, after the prompt and after some of the greedy tokens, the
logits at fixed vocabulary positions and the largest ones. `logits` rounds keys and values to fp16 as the state does;
`logits_exact_cache` does not round them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from . import shipped
from .reference import Reference
from .shipped import Shipped

GREEDY = 20  # tokens generated per prompt
AFTER = (0, 1, 2, 5, 10, 19)  # numbers of greedy tokens after which logits are recorded
POSITIONS = 64  # vocabulary positions recorded, evenly spread
TOP = 64  # largest logits recorded


def write(path: Path, folder: Path, prompts: list[str]) -> None:
    """Writes the fixture of a model folder; its tokenizer adds the beginning-of-text token to each prompt."""
    model = shipped.open_model(folder)
    fixture = describe(model, [(prompt, model.tokenizer.encode(prompt).ids) for prompt in prompts])
    write_fixture(path, fixture)


def write_fixture(path: Path, fixture: dict[str, Any]) -> None:
    """Writes one step of a case per line, for readable diffs."""
    text = json.dumps(fixture, ensure_ascii=False)
    for mark in ('{"prompt"', '{"fed"'):
        text = text.replace(mark, "\n" + mark)
    Path(path).write_text(text + "\n", encoding="utf-8")


def describe(model: Shipped, prompts: list[tuple[str, list[int]]]) -> dict[str, Any]:
    """The fixture of a model."""
    stored, exact = model.reference("fp16"), model.reference("fp32")
    vocab = model.architecture.vocab
    positions = np.unique(np.linspace(0, vocab - 1, min(POSITIONS, vocab)).astype(int))
    cases = [_case(stored, exact, prompt, ids, positions) for prompt, ids in prompts]
    return {
        "model": model.manifest["name"],
        "model_hash": model.manifest["hash"],
        "about": "numpy forward pass, float64 over the package's fp16 constants; see lilims_convert.golden",
        "positions": positions.tolist(),
        "cases": cases,
    }


def _case(stored: Reference, exact: Reference, prompt: str, ids: list[int], positions: np.ndarray) -> dict[str, Any]:
    greedy = stored.greedy(ids, GREEDY)
    # One pass gives the logits after every prefix.
    rows, exact_rows = stored.logits(ids + greedy), exact.logits(ids + greedy)
    steps = []
    for fed in AFTER:
        row, exact_row = rows[len(ids) - 1 + fed], exact_rows[len(ids) - 1 + fed]
        top = np.argsort(-row, kind="stable")[: min(TOP, len(row))]
        steps.append(
            {
                "fed": fed,
                "logits": _round(row[positions]),
                "logits_exact_cache": _round(exact_row[positions]),
                "top_ids": top.tolist(),
                "top_logits": _round(row[top]),
            }
        )
    return {"prompt": prompt, "ids": ids, "greedy": greedy, "steps": steps}


def _round(values: np.ndarray) -> list[float]:
    return [round(float(value), 5) for value in values]
