"""The tiny model of the Swift and Python tests: random weights, every part of the contract, a few kilobytes."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from . import checkpoint, families, vocabulary
from .architecture import Architecture
from .checkpoint import Checkpoint

ARCHITECTURE = Architecture(
    family="llama", layers=2, hidden=64, heads=4, kv_heads=2, head_dim=32, intermediate=96, vocab=288, context=64
)
PREFILL_CHUNK = 8
PROMPTS = ["a", "Once upon a time", "The cat sat on the mat and said hello to the dog."]
_TEXT = "Once upon a time there was a cat. The cat sat on the mat. The dog said hello to the cat and they were happy. "


def make(architecture: Architecture = ARCHITECTURE, seed: int = 1) -> Checkpoint:
    """Random tensors, scaled so that logits spread over several units and greedy choices are not ties."""
    random = np.random.default_rng(seed)
    tensors = {}
    for name, shape in families.find(architecture.family).tensor_shapes(architecture).items():
        if name.endswith("norm.weight"):
            tensors[name] = random.uniform(0.5, 1.5, shape).astype(np.float32)
        else:
            spread = 0.5 if name == "token_embd.weight" else 1.5 / np.sqrt(shape[-1])
            tensors[name] = random.normal(0, spread, shape).astype(np.float32)
    return Checkpoint(architecture, tensors)


def write(folder: Path, seed: int = 1) -> tuple[Path, Path]:
    """Writes checkpoint.npz and tokenizer.json of the tiny model into `folder` and returns their paths."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint_path, tokenizer_path = folder / "checkpoint.npz", folder / "tokenizer.json"
    checkpoint.write(checkpoint_path, make(seed=seed))
    vocabulary.train([_TEXT] * 2, ARCHITECTURE.vocab).save(str(tokenizer_path))
    return checkpoint_path, tokenizer_path
