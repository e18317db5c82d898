"""Small random checkpoints of every family, as a Hugging Face directory and as a GGUF file.

A test helper that follows the conventions of the two formats and shares no code with the converter: names and shapes as
`transformers` saves them, and for GGUF the renaming, the reordering of rotary rows and the norms' offsets that
llama.cpp's converter performs.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import gguf
import numpy as np

import gguf_files
from safetensors_files import write_tensors

VOCAB = 288
WINDOW = 8


@dataclass(frozen=True)
class Sample:
    """One family's small network: config.json and the shapes of its tensors under Hugging Face's names."""

    name: str
    config: dict
    shapes: dict[str, tuple[int, ...]]
    gguf: str | None = None  # the architecture's name in GGUF; None: llama.cpp has none
    gguf_metadata: dict = field(default_factory=dict)

    def tensors(self, seed: int = 7) -> dict[str, np.ndarray]:
        """Values that fp16 represents exactly, scaled so that logits differ by several units."""
        random = np.random.default_rng(seed)
        made = {}
        for name, shape in self.shapes.items():
            if name.endswith("bias"):
                value = random.normal(0, 0.2, shape)
            elif len(shape) == 1:  # a norm's gain; multiples of 1/256 stay exact when 1 is added
                value = np.round(random.uniform(0.5, 1.5, shape) * 256) / 256 - (1 if self.name.startswith("gemma") else 0)
            elif "embed" in name or name.split(".")[-2] in ("wte", "wpe"):
                value = random.normal(0, 0.5, shape)
            else:
                value = random.normal(0, 1.2 / np.sqrt(min(shape)), shape)
            made[name] = value.astype(np.float16).astype(np.float32)
        return made

    def write_directory(self, folder: Path, seed: int = 7) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.json").write_text(json.dumps(self.config))
        write_tensors(folder / "model.safetensors", {name: value.astype(np.float16) for name, value in self.tensors(seed).items()})
        return folder

    def write_gguf(self, path: Path, seed: int = 7) -> Path:
        assert self.gguf is not None, f"{self.name} has no GGUF form"
        tensors = [
            (name, value.shape, gguf.GGMLQuantizationType.F32, value.astype(np.float32).tobytes())
            for name, value in gguf_names(self, self.tensors()).items()
        ]
        metadata = {"general.architecture": self.gguf} | {f"{self.gguf}.{key}": value for key, value in self.gguf_metadata.items()}
        path.write_bytes(gguf_files.build(metadata, tensors))
        return path


def _permuted(rows: np.ndarray, heads: int) -> np.ndarray:
    """The rows of a rotary matrix in llama.cpp's order: the two halves of each head interleaved."""
    return rows.reshape(heads, 2, rows.shape[0] // heads // 2, -1).swapaxes(1, 2).reshape(rows.shape)


_GGUF_NAMES = {
    "input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output", "self_attn.dense": "attn_output", "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
    "mlp.fc1": "ffn_up", "mlp.fc2": "ffn_down", "pre_feedforward_layernorm": "ffn_norm", "post_feedforward_layernorm": "post_ffw_norm",
    "ln_1": "attn_norm", "ln_2": "ffn_norm", "attn.c_attn": "attn_qkv", "attn.c_proj": "attn_output", "mlp.c_fc": "ffn_up",
    "mlp.c_proj": "ffn_down",
}  # fmt: skip
_GGUF_OUTER = {
    "model.embed_tokens": "token_embd", "model.norm": "output_norm", "model.final_layernorm": "output_norm", "lm_head": "output",
    "transformer.wte": "token_embd", "transformer.wpe": "position_embd", "transformer.ln_f": "output_norm",
}  # fmt: skip


def gguf_names(sample: Sample, tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Tensors as llama.cpp's converter renames and reorders them; matrices may be rows of bytes."""
    found = {}
    for name, value in tensors.items():
        module, kind = name.rsplit(".", 1)
        if module in _GGUF_OUTER:
            ours = _GGUF_OUTER[module]
        else:
            _, _, number, inner = module.split(".", 3)
            if inner == "post_attention_layernorm":
                ours = "post_attention_norm" if sample.name == "gemma3" else "ffn_norm"
            else:
                ours = _GGUF_NAMES[inner]
            ours = f"blk.{number}.{ours}"
        if sample.gguf == "llama" and ours.endswith(("attn_q", "attn_k")):
            value = _permuted(value, sample.config["num_attention_heads" if ours.endswith("q") else "num_key_value_heads"])
        if sample.name.startswith("gemma") and ours.endswith("norm"):
            value = value + 1
        if sample.gguf == "gpt2" and kind == "weight" and ours.endswith(("attn_qkv", "attn_output", "ffn_up", "ffn_down")):
            value = value.T
        found[f"{ours}.{kind}"] = np.ascontiguousarray(value)
    if sample.gguf == "phi2":  # llama.cpp fuses them
        for number in range(sample.config["num_hidden_layers"]):
            for kind in ("weight", "bias"):
                parts = [found.pop(f"blk.{number}.attn_{part}.{kind}") for part in "qkv"]
                found[f"blk.{number}.attn_qkv.{kind}"] = np.concatenate(parts)
    scaling = sample.config.get("rope_scaling")
    if scaling:
        found["rope_freqs.weight"] = _llama3_divisors(
            sample.config["rope_theta"], sample.config["hidden_size"] // sample.config["num_attention_heads"], scaling
        )
    return found


def _llama3_divisors(theta: float, head_dim: int, scaling: dict) -> np.ndarray:
    """rope_freqs as llama.cpp's converter computes them: the divisors of the frequencies."""
    low = scaling["original_max_position_embeddings"] / scaling["low_freq_factor"]
    high = scaling["original_max_position_embeddings"] / scaling["high_freq_factor"]
    factors = []
    for i in range(0, head_dim, 2):
        wavelength = 2 * np.pi * theta ** (i / head_dim)
        if wavelength < high:
            factors.append(1.0)
        elif wavelength > low:
            factors.append(scaling["factor"])
        else:
            smooth = (scaling["original_max_position_embeddings"] / wavelength - scaling["low_freq_factor"]) / (
                scaling["high_freq_factor"] - scaling["low_freq_factor"]
            )
            factors.append(1 / ((1 - smooth) / scaling["factor"] + smooth))
    return np.array(factors, np.float32)


def gated(layers: int, hidden: int, heads: int, kv_heads: int, head_dim: int, intermediate: int, tied: bool,
           biases: bool = False, head_norms: bool = False, sandwich: bool = False) -> dict[str, tuple[int, ...]]:  # fmt: skip
    shapes: dict[str, tuple[int, ...]] = {"model.embed_tokens.weight": (VOCAB, hidden)}
    for number in range(layers):
        at = f"model.layers.{number}."
        shapes[at + "input_layernorm.weight"] = (hidden,)
        for part, count in (("q", heads), ("k", kv_heads), ("v", kv_heads)):
            shapes[at + f"self_attn.{part}_proj.weight"] = (count * head_dim, hidden)
            if biases:
                shapes[at + f"self_attn.{part}_proj.bias"] = (count * head_dim,)
        shapes[at + "self_attn.o_proj.weight"] = (hidden, heads * head_dim)
        if head_norms:
            shapes[at + "self_attn.q_norm.weight"] = shapes[at + "self_attn.k_norm.weight"] = (head_dim,)
        shapes[at + "post_attention_layernorm.weight"] = (hidden,)
        if sandwich:
            shapes[at + "pre_feedforward_layernorm.weight"] = shapes[at + "post_feedforward_layernorm.weight"] = (hidden,)
        shapes[at + "mlp.gate_proj.weight"] = shapes[at + "mlp.up_proj.weight"] = (intermediate, hidden)
        shapes[at + "mlp.down_proj.weight"] = (hidden, intermediate)
    shapes["model.norm.weight"] = (hidden,)
    if not tied:
        shapes["lm_head.weight"] = (VOCAB, hidden)
    return shapes


def _llama(name: str, **changes) -> Sample:
    config = {"model_type": "llama", "hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
              "intermediate_size": 80, "vocab_size": VOCAB, "max_position_embeddings": 64, "rope_theta": 10000.0,
              "rms_norm_eps": 1e-5, "tie_word_embeddings": False, "hidden_act": "silu", **changes}  # fmt: skip
    metadata = {"block_count": 2, "context_length": 64, "embedding_length": 48, "feed_forward_length": 80, "attention.head_count": 4,
                "attention.head_count_kv": 2, "attention.layer_norm_rms_epsilon": 1e-5, "rope.dimension_count": 12,
                "rope.freq_base": float(config["rope_theta"])}  # fmt: skip
    return Sample(name, config, gated(2, 48, 4, 2, 12, 80, config["tie_word_embeddings"]), "llama", metadata)


def _qwen2() -> Sample:
    config = {"model_type": "qwen2", "hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
              "intermediate_size": 80, "vocab_size": VOCAB, "max_position_embeddings": 64, "rope_theta": 1000000.0,
              "rms_norm_eps": 1e-6, "tie_word_embeddings": True, "hidden_act": "silu", "use_sliding_window": False}  # fmt: skip
    metadata = {"block_count": 2, "context_length": 64, "embedding_length": 48, "feed_forward_length": 80, "attention.head_count": 4,
                "attention.head_count_kv": 2, "attention.layer_norm_rms_epsilon": 1e-6, "rope.freq_base": 1000000.0}  # fmt: skip
    return Sample("qwen2", config, gated(2, 48, 4, 2, 12, 80, True, biases=True), "qwen2", metadata)


def _qwen3() -> Sample:
    config = {"model_type": "qwen3", "hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
              "head_dim": 16, "intermediate_size": 80, "vocab_size": VOCAB, "max_position_embeddings": 64, "rope_theta": 1000000.0,
              "rms_norm_eps": 1e-6, "tie_word_embeddings": True, "hidden_act": "silu", "attention_bias": False}  # fmt: skip
    metadata = {"block_count": 2, "context_length": 64, "embedding_length": 48, "feed_forward_length": 80, "attention.head_count": 4,
                "attention.head_count_kv": 2, "attention.key_length": 16, "attention.value_length": 16,
                "attention.layer_norm_rms_epsilon": 1e-6, "rope.freq_base": 1000000.0}  # fmt: skip
    return Sample("qwen3", config, gated(2, 48, 4, 2, 16, 80, True, head_norms=True), "qwen3", metadata)


def _gemma() -> Sample:
    config = {"model_type": "gemma", "hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 1,
              "head_dim": 16, "intermediate_size": 80, "vocab_size": VOCAB, "max_position_embeddings": 64, "rope_theta": 10000.0,
              "rms_norm_eps": 1e-6, "hidden_activation": "gelu_pytorch_tanh", "hidden_act": "gelu"}  # fmt: skip
    metadata = {"block_count": 2, "context_length": 64, "embedding_length": 48, "feed_forward_length": 80, "attention.head_count": 4,
                "attention.head_count_kv": 1, "attention.key_length": 16, "attention.value_length": 16,
                "attention.layer_norm_rms_epsilon": 1e-6}  # fmt: skip
    return Sample("gemma", config, gated(2, 48, 4, 1, 16, 80, True), "gemma", metadata)


def _gemma3() -> Sample:
    """Seven layers; the sixth is the first global one."""
    config = {"model_type": "gemma3_text", "hidden_size": 48, "num_hidden_layers": 7, "num_attention_heads": 4, "num_key_value_heads": 1,
              "head_dim": 16, "intermediate_size": 80, "vocab_size": VOCAB, "max_position_embeddings": 64, "rope_theta": 1000000.0,
              "rope_local_base_freq": 10000.0, "rms_norm_eps": 1e-6, "hidden_activation": "gelu_pytorch_tanh", "sliding_window": WINDOW,
              "query_pre_attn_scalar": 16, "sliding_window_pattern": 6}  # fmt: skip
    metadata = {"block_count": 7, "context_length": 64, "embedding_length": 48, "feed_forward_length": 80, "attention.head_count": 4,
                "attention.head_count_kv": 1, "attention.key_length": 16, "attention.value_length": 16,
                "attention.layer_norm_rms_epsilon": 1e-6, "attention.sliding_window": WINDOW, "rope.freq_base": 1000000.0}  # fmt: skip
    return Sample("gemma3", config, gated(7, 48, 4, 1, 16, 80, True, head_norms=True, sandwich=True), "gemma3", metadata)


def _phi2() -> Sample:
    config = {"model_type": "phi", "hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 4,
              "intermediate_size": 96, "vocab_size": VOCAB, "max_position_embeddings": 64, "rope_theta": 10000.0,
              "partial_rotary_factor": 0.5, "layer_norm_eps": 1e-5, "hidden_act": "gelu_new", "tie_word_embeddings": False,
              "qk_layernorm": False}  # fmt: skip
    shapes: dict[str, tuple[int, ...]] = {"model.embed_tokens.weight": (VOCAB, 48)}
    for number in range(2):
        at = f"model.layers.{number}."
        shapes |= {at + "input_layernorm.weight": (48,), at + "input_layernorm.bias": (48,)}
        for part in ("q_proj", "k_proj", "v_proj", "dense"):
            shapes |= {at + f"self_attn.{part}.weight": (48, 48), at + f"self_attn.{part}.bias": (48,)}
        shapes |= {at + "mlp.fc1.weight": (96, 48), at + "mlp.fc1.bias": (96,), at + "mlp.fc2.weight": (48, 96), at + "mlp.fc2.bias": (48,)}
    shapes |= {
        "model.final_layernorm.weight": (48,),
        "model.final_layernorm.bias": (48,),
        "lm_head.weight": (VOCAB, 48),
        "lm_head.bias": (VOCAB,),
    }
    metadata = {"block_count": 2, "context_length": 64, "embedding_length": 48, "feed_forward_length": 96, "attention.head_count": 4,
                "attention.layer_norm_epsilon": 1e-5, "rope.dimension_count": 6}  # fmt: skip
    return Sample("phi2", config, shapes, "phi2", metadata)


def _gpt2() -> Sample:
    config = {"model_type": "gpt2", "n_embd": 48, "n_layer": 2, "n_head": 4, "n_inner": None, "vocab_size": VOCAB, "n_positions": 64,
              "n_ctx": 64, "layer_norm_epsilon": 1e-5, "activation_function": "gelu_new"}  # fmt: skip
    shapes: dict[str, tuple[int, ...]] = {"transformer.wte.weight": (VOCAB, 48), "transformer.wpe.weight": (64, 48)}
    for number in range(2):
        at = f"transformer.h.{number}."
        for module, into, out in (("attn.c_attn", 48, 144), ("attn.c_proj", 48, 48), ("mlp.c_fc", 48, 192), ("mlp.c_proj", 192, 48)):
            shapes |= {at + f"{module}.weight": (into, out), at + f"{module}.bias": (out,)}
        for norm in ("ln_1", "ln_2"):
            shapes |= {at + f"{norm}.weight": (48,), at + f"{norm}.bias": (48,)}
    shapes |= {"transformer.ln_f.weight": (48,), "transformer.ln_f.bias": (48,)}
    metadata = {"block_count": 2, "context_length": 64, "embedding_length": 48, "feed_forward_length": 192, "attention.head_count": 4,
                "attention.layer_norm_epsilon": 1e-5}  # fmt: skip
    return Sample("gpt2", config, shapes, "gpt2", metadata)


def _gpt_neo() -> Sample:
    config = {"model_type": "gpt_neo", "hidden_size": 48, "num_layers": 2, "num_heads": 4, "intermediate_size": None, "vocab_size": VOCAB,
              "max_position_embeddings": 64, "attention_types": [[["global", "local"], 1]], "window_size": WINDOW,
              "layer_norm_epsilon": 1e-5, "activation_function": "gelu_new"}  # fmt: skip
    shapes: dict[str, tuple[int, ...]] = {"transformer.wte.weight": (VOCAB, 48), "transformer.wpe.weight": (64, 48)}
    for number in range(2):
        at = f"transformer.h.{number}."
        for part in "qkv":
            shapes[at + f"attn.attention.{part}_proj.weight"] = (48, 48)
        shapes |= {at + "attn.attention.out_proj.weight": (48, 48), at + "attn.attention.out_proj.bias": (48,)}
        shapes |= {
            at + "mlp.c_fc.weight": (192, 48),
            at + "mlp.c_fc.bias": (192,),
            at + "mlp.c_proj.weight": (48, 192),
            at + "mlp.c_proj.bias": (48,),
        }
        for norm in ("ln_1", "ln_2"):
            shapes |= {at + f"{norm}.weight": (48,), at + f"{norm}.bias": (48,)}
    shapes |= {"transformer.ln_f.weight": (48,), "transformer.ln_f.bias": (48,)}
    return Sample("gpt_neo", config, shapes)


_LLAMA3 = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 32}

SAMPLES = {
    sample.name: sample
    for sample in (
        _llama("llama"),
        _llama("llama3", rope_theta=500000.0, rope_scaling=_LLAMA3, tie_word_embeddings=True),
        _qwen2(), _qwen3(), _gemma(), _gemma3(), _phi2(), _gpt2(), _gpt_neo(),
    )
}  # fmt: skip
