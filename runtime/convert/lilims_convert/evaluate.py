"""Perplexity of a network on texts that it was not trained on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from . import __version__
from .reference import Reference

SEPARATOR = "\n\n"  # between the texts of a corpus file
METHOD = (
    "exp of the mean negative log-likelihood per token; each text alone, from the beginning-of-text token, "
    "its end-of-text token counted, the beginning not; no sliding window"
)


@dataclass(frozen=True)
class Perplexity:
    """A perplexity and the number of tokens that it was measured on."""

    perplexity: float
    tokens: int  # predictions that were scored


@dataclass(frozen=True)
class ReferenceEvaluator:
    """Measures a model folder with the numpy reference: for small Llama-style models, when bench-agent is not built."""

    corpus: Path
    corpus_name: str

    def measure(self, folder: Path) -> dict[str, Any]:
        """The entry of the manifest, without the precision."""
        from . import shipped  # which imports this module

        model = shipped.open_model(folder)
        texts = read_corpus(self.corpus)
        result = perplexity(model.reference(), model.tokenizer, texts, model.manifest["tokenizer"]["eos"])
        return {
            "corpus": self.corpus_name,
            "texts": len(texts),
            "tokens": result.tokens,
            "perplexity": round(result.perplexity, 4),
            "method": METHOD,
            "by": f"lilims_convert {__version__}, numpy reference",
        }


def read_corpus(path: Path) -> list[str]:
    """The texts of a file in which blank lines separate them."""
    return [text for text in Path(path).read_text(encoding="utf-8").strip().split(SEPARATOR) if text]


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Natural logarithms of the softmax over the last axis, float64."""
    shifted = logits.astype(np.float64) - logits.max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))


def perplexity(reference: Reference, tokenizer: Tokenizer, texts: list[str], end: int) -> Perplexity:
    """Scores every text. Raises ValueError for a text longer than the context: cutting it would change the figure silently."""
    total, tokens = 0.0, 0
    for text in texts:
        ids = [*tokenizer.encode(text).ids, end]
        if len(ids) - 1 > reference.context:
            raise ValueError(f"evaluate: a text of {len(ids)} tokens does not fit a context of {reference.context}")
        scores = log_softmax(reference.logits(ids[:-1]))
        total -= scores[np.arange(len(ids) - 1), ids[1:]].sum()
        tokens += len(ids) - 1
    if not tokens:
        raise ValueError("evaluate: the corpus is empty")
    return Perplexity(float(np.exp(total / tokens)), tokens)
