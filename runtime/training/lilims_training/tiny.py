"""The tiny models of the tests in Swift, Python and Go: random weights, every part of the model contract, a few kilobytes.

`tiny` covers the first version of the contract. `tiny-ranked` covers the later additions: steps that return the most
likely tokens, functions for evaluation, layers with a sliding window, more positions than cache slots, 8-bit weights.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lilims_convert import checkpoint, families, vocabulary
from lilims_convert.architecture import Architecture
from lilims_convert.checkpoint import Checkpoint
from lilims_convert.conversion import Request

ARCHITECTURE = Architecture(family="llama", layers=2, hidden=64, heads=4, kv_heads=2, head_dim=32, intermediate=96, vocab=288, context=64)
RANKED = Architecture(
    family="gemma3", layers=2, hidden=64, heads=4, kv_heads=2, head_dim=32, intermediate=96, vocab=288, context=96,
    local_theta=1000.0, window=6, local_layers=(0,),
)  # fmt: skip
PREFILL_CHUNK = 8
PROMPTS = ["a", "Once upon a time", "The cat sat on the mat and said hello to the dog."]
_TEXT = "Once upon a time there was a cat. The cat sat on the mat. The dog said hello to the cat and they were happy. "


def make(architecture: Architecture = ARCHITECTURE, seed: int = 1) -> Checkpoint:
    """Random tensors, scaled so that logits differ by several units and the greedy choice is never a tie."""
    random = np.random.default_rng(seed)
    tensors: dict[str, np.ndarray] = {}
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
    """The conversion of `tiny`."""
    return Request(
        tokenizer=tokenizer, destination=destination, name="tiny", version="1.0.0", licence="as this repository",
        source="random weights of lilims_training.tiny, for tests", prefill_chunk=PREFILL_CHUNK,
    )  # fmt: skip


def ranked_request(destination: Path, tokenizer: Path) -> Request:
    """The conversion of `tiny-ranked`."""
    return Request(
        tokenizer=tokenizer, destination=destination, name="tiny-ranked", version="1.0.0", licence="as this repository",
        source="random weights of lilims_training.tiny, for tests", context=20, positions=96, prefill_chunk=PREFILL_CHUNK,
        quantization="int8", layout="ane", top_k=8, score=True,
    )  # fmt: skip
