"""The tiny models of the tests in Swift, Python and Go: random weights, every part of the contract, a few kilobytes.

`tiny` has what the first version of the contract has. `tiny-ranked` has what came since: steps that give the most likely
tokens, functions for evaluation, layers with a window, more positions than slots, and weights in eight bits.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from . import checkpoint, families, vocabulary
from .architecture import Architecture
from .checkpoint import Checkpoint
from .conversion import Request

ARCHITECTURE = Architecture(
    family="llama", layers=2, hidden=64, heads=4, kv_heads=2, head_dim=32, intermediate=96, vocab=288, context=64
)
RANKED = Architecture(
    family="gemma3", layers=2, hidden=64, heads=4, kv_heads=2, head_dim=32, intermediate=96, vocab=288, context=96,
    local_theta=1000.0, window=6, local_layers=(0,),
)  # fmt: skip
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


def write(folder: Path, architecture: Architecture = ARCHITECTURE) -> tuple[Path, Path]:
    """Writes checkpoint.npz and tokenizer.json of a tiny model into `folder` and returns their paths."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint_path, tokenizer_path = folder / "checkpoint.npz", folder / "tokenizer.json"
    checkpoint.write(checkpoint_path, make(architecture))
    vocabulary.train([_TEXT] * 2, architecture.vocab).save(str(tokenizer_path))
    return checkpoint_path, tokenizer_path


def request(destination: Path, tokenizer: Path) -> Request:
    """How `tiny` is converted."""
    return Request(
        tokenizer=tokenizer, destination=destination, name="tiny", version="1.0.0", licence="as this repository",
        source="random weights of lilims_convert.tiny, for tests", prefill_chunk=PREFILL_CHUNK,
    )  # fmt: skip


def ranked_request(destination: Path, tokenizer: Path) -> Request:
    """How `tiny-ranked` is converted."""
    return Request(
        tokenizer=tokenizer, destination=destination, name="tiny-ranked", version="1.0.0", licence="as this repository",
        source="random weights of lilims_convert.tiny, for tests", context=20, positions=96, prefill_chunk=PREFILL_CHUNK,
        quantization="int8", layout="ane", top_k=8, score=True,
    )  # fmt: skip
