"""A small Llama in a GGUF file with matrices of a given ggml type, and the values of those matrices.

A test helper. Blocks contain arbitrary bits, so that every scale, minimum and sign occurs; the `gguf` package decodes
them.
"""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np

import checkpoints
import gguf_files
from checkpoints import Sample

TYPES = ("F32", "F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K")
WIDTH = 256  # the elements of the largest block
# The offsets of the fp16 scales of a block.
_SCALES = {"Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0], "Q2_K": [80, 82], "Q3_K": [108],
           "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208]}  # fmt: skip
_VOCABULARY = "Q8_0"  # type of the matrices of the vocabulary, independent of the others
_PLAIN = {"F32": np.float32, "F16": np.float16}


def blocks(name: str, count: int, seed: int, spread: float) -> np.ndarray:
    """uint8 [count, bytes per block]; the values have approximately the standard deviation `spread`."""
    random = np.random.default_rng(seed)
    kind = gguf.GGMLQuantizationType[name]
    elements, size = gguf.GGML_QUANT_SIZES[kind]
    if elements == 1:
        values = random.normal(0, spread, count).astype(np.float32)
        halves = (values.view(np.uint32) >> 16).astype(np.uint16) if name == "BF16" else values.astype(_PLAIN[name])
        return halves.view(np.uint8).reshape(count, size)
    data = random.integers(0, 256, (count, size), np.uint8)
    scales = random.normal(0, 1, (count, len(_SCALES[name]))).astype(np.float16)
    for factor in (1.0, None):
        if factor is None:
            factor = spread / gguf.quants.dequantize(data, kind).std()
        for number, place in enumerate(_SCALES[name]):
            scaled = (scales[:, number : number + 1].astype(np.float64) * factor).astype(np.float16)
            data[:, place : place + 2] = scaled.view(np.uint8)
    return data


def values(name: str, data: np.ndarray) -> np.ndarray:
    return gguf.quants.dequantize(data, gguf.GGMLQuantizationType[name]).astype(np.float32)


def llama() -> Sample:
    config = {"model_type": "llama", "hidden_size": WIDTH, "num_hidden_layers": 1, "num_attention_heads": 4, "num_key_value_heads": 2,
              "intermediate_size": WIDTH, "vocab_size": checkpoints.VOCAB, "max_position_embeddings": 64, "rope_theta": 10000.0,
              "rms_norm_eps": 1e-5, "tie_word_embeddings": True, "hidden_act": "silu"}  # fmt: skip
    metadata = {"block_count": 1, "context_length": 64, "embedding_length": WIDTH, "feed_forward_length": WIDTH,
                "attention.head_count": 4, "attention.head_count_kv": 2, "attention.layer_norm_rms_epsilon": 1e-5}  # fmt: skip
    return Sample("llama", config, checkpoints.gated(1, WIDTH, 4, 2, WIDTH // 4, WIDTH, tied=True), "llama", metadata)


def write(path: Path, name: str, vocabulary: dict | None = None) -> dict[str, np.ndarray]:
    """Writes the file; returns the values of its tensors, with Hugging Face's names and row order."""
    sample, random = llama(), np.random.default_rng(5)
    stored: dict[str, np.ndarray] = {}
    meant: dict[str, np.ndarray] = {}
    kinds: dict[str, str] = {}
    for number, (key, shape) in enumerate(sample.shapes.items()):
        if len(shape) == 1:
            kinds[key], stored[key] = "F32", random.uniform(0.5, 1.5, shape).astype(np.float16).astype(np.float32)
            meant[key] = stored[key]
            continue
        kinds[key] = _VOCABULARY if "embed" in key else name
        elements, _ = gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType[kinds[key]]]
        data = blocks(kinds[key], shape[0] * shape[1] // elements, number, 0.3 if "embed" in key else 1.2 / np.sqrt(WIDTH))
        stored[key], meant[key] = data.reshape(shape[0], -1), values(kinds[key], data).reshape(shape)
    tensors = []
    for (ours, data), (key, shape) in zip(checkpoints.gguf_names(sample, stored).items(), sample.shapes.items(), strict=True):
        tensors.append((ours, shape, gguf.GGMLQuantizationType[kinds[key]], data.tobytes()))
    metadata = {"general.architecture": "llama"} | {f"llama.{key}": value for key, value in sample.gguf_metadata.items()}
    metadata |= {f"tokenizer.ggml.{key}": value for key, value in (vocabulary or {}).items()}
    path.write_bytes(gguf_files.build(metadata, tensors))
    return meant
