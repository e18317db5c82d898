"""Forward passes of every family in numpy, written from the papers and the definitions of Hugging Face's models.

A test helper that shares no code with the converter: tensors have Hugging Face's names, configurations are those of
config.json, a whole text is computed at once without a cache, with the textbook formulas. `constant` is applied to numbers
that a package stores in fp16 (rotation tables, scales, the roots of epsilons); `float` does not change them.

Sources: LLaMA (arXiv 2302.13971), Llama 3 (2407.21783), Qwen2 (2407.10671), Qwen3 (2505.09388), Gemma (2403.08295),
Gemma 3 (2503.19786), Phi-1.5 (2309.05463), GPT-2 (Radford et al. 2019), GPT-Neo (EleutherAI's model card).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Tensors = dict[str, np.ndarray]
Constant = Callable[[np.ndarray], np.ndarray]


def stored(value) -> np.ndarray:
    """A constant as stored in the package."""
    return np.asarray(value, np.float16).astype(np.float64)


def exact(value) -> np.ndarray:
    return np.asarray(value, np.float64)


def logits(config: dict, tensors: Tensors, ids: list[int], constant: Constant = exact, reach: int | None = None) -> np.ndarray:
    """[tokens, vocab]; row i predicts the token after ids[i]. No layer attends to more than `reach` positions."""
    config = {**config, "reach": reach}
    tensors = {name: value.astype(np.float64) for name, value in tensors.items()}
    return _BY_TYPE[config["model_type"]](config, tensors, np.asarray(ids), constant)


# --- parts ---


def _softmax(x):
    x = np.exp(x - x.max(-1, keepdims=True))
    return x / x.sum(-1, keepdims=True)


def _gelu(x):
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def _silu(x):
    return x / (1 + np.exp(-x))


def _rms(x, gain, epsilon, constant):
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + constant(np.sqrt(epsilon)) ** 2) * gain


def _layer_norm(x, tensors, name, epsilon, constant):
    x = x - x.mean(-1, keepdims=True)
    return _rms(x, tensors[name + ".weight"], epsilon, constant) + tensors[name + ".bias"]


def _linear(x, tensors, name):
    y = x @ tensors[name + ".weight"].T
    return y + tensors[name + ".bias"] if name + ".bias" in tensors else y


def _rotated(x, frequencies, constant):
    """x [heads, tokens, D]; the first 2 * len(frequencies) elements are rotated, by halves."""
    angles = np.arange(x.shape[1])[:, None] * frequencies
    cosine, sine = constant(np.cos(angles)), constant(np.sin(angles))
    half = len(frequencies)
    a, b, rest = x[..., :half], x[..., half : 2 * half], x[..., 2 * half :]
    return np.concatenate([a * cosine - b * sine, b * cosine + a * sine, rest], -1)


def _frequencies(config, width, theta):
    frequencies = theta ** (-np.arange(0, width, 2) / width)
    scaling = config.get("rope_scaling")
    if not scaling:
        return frequencies
    assert scaling["rope_type"] == "llama3"
    old, factor = scaling["original_max_position_embeddings"], scaling["factor"]
    low, high = scaling["low_freq_factor"], scaling["high_freq_factor"]
    wavelengths = 2 * np.pi / frequencies
    smooth = (old / wavelengths - low) / (high - low)
    between = (1 - smooth) * frequencies / factor + smooth * frequencies
    return np.where(wavelengths < old / high, frequencies, np.where(wavelengths > old / low, frequencies / factor, between))


def _attention(queries, keys, values, scale, window=None):
    """[heads, T, D] each; key heads are repeated to match the query heads. Returns [T, heads * D]."""
    heads, tokens, width = queries.shape
    repeat = heads // keys.shape[0]
    keys, values = np.repeat(keys, repeat, 0), np.repeat(values, repeat, 0)
    distance = np.arange(tokens)[:, None] - np.arange(tokens)
    hidden = distance < 0
    if window is not None:
        hidden = hidden | (distance >= window)
    scores = np.where(hidden, -np.inf, queries @ keys.swapaxes(1, 2) * scale)
    return (_softmax(scores) @ values).swapaxes(0, 1).reshape(tokens, heads * width)


def _nearer(config, window=None):
    """How many positions a layer attends to: limited by its window and by the cache."""
    return min((n for n in (window, config["reach"]) if n is not None), default=None)


def _heads(x, count):
    return x.reshape(len(x), count, -1).swapaxes(0, 1)


# --- families ---


def _gated(config, tensors, ids, constant, *, act, embed=1.0, plus=0.0, head_norms=False, sandwich=False):
    """Llama, Qwen 2, Qwen 3, Gemma and Gemma 3."""
    hidden, heads = config["hidden_size"], config["num_attention_heads"]
    kv_heads, epsilon = config["num_key_value_heads"], config["rms_norm_eps"]
    width = config.get("head_dim") or hidden // heads
    x = tensors["model.embed_tokens.weight"][ids] * embed

    def norm(x, name):
        return _rms(x, tensors[name + ".weight"] + plus, epsilon, constant)

    for number in range(config["num_hidden_layers"]):
        at = f"model.layers.{number}."
        local = sandwich and (number + 1) % config["sliding_window_pattern"] != 0
        theta = config["rope_local_base_freq"] if local else config["rope_theta"]
        frequencies = _frequencies(config, width, theta)
        h = norm(x, at + "input_layernorm")
        q, k, v = (
            _heads(_linear(h, tensors, at + f"self_attn.{part}_proj"), n) for part, n in (("q", heads), ("k", kv_heads), ("v", kv_heads))
        )
        if head_norms:
            q, k = norm(q, at + "self_attn.q_norm"), norm(k, at + "self_attn.k_norm")
        q, k = _rotated(q, frequencies, constant), _rotated(k, frequencies, constant)
        scale = constant((config.get("query_pre_attn_scalar") or width) ** -0.5)
        y = _linear(
            _attention(q, k, v, scale, _nearer(config, config["sliding_window"] if local else None)), tensors, at + "self_attn.o_proj"
        )
        x = x + (norm(y, at + "post_attention_layernorm") if sandwich else y)
        h = norm(x, at + ("pre_feedforward_layernorm" if sandwich else "post_attention_layernorm"))
        y = act(_linear(h, tensors, at + "mlp.gate_proj")) * _linear(h, tensors, at + "mlp.up_proj")
        y = _linear(y, tensors, at + "mlp.down_proj")
        x = x + (norm(y, at + "post_feedforward_layernorm") if sandwich else y)
    head = tensors.get("lm_head.weight", tensors["model.embed_tokens.weight"])
    return norm(x, "model.norm") @ head.T


def _llama(config, tensors, ids, constant):
    return _gated(config, tensors, ids, constant, act=_silu)


def _qwen3(config, tensors, ids, constant):
    return _gated(config, tensors, ids, constant, act=_silu, head_norms=True)


def _gemma(config, tensors, ids, constant):
    return _gated(config, tensors, ids, constant, act=_gelu, embed=constant(np.sqrt(config["hidden_size"])), plus=1.0)


def _gemma3(config, tensors, ids, constant):
    embed = constant(np.sqrt(config["hidden_size"]))
    return _gated(config, tensors, ids, constant, act=_gelu, embed=embed, plus=1.0, head_norms=True, sandwich=True)


def _phi(config, tensors, ids, constant):
    heads, epsilon = config["num_attention_heads"], config["layer_norm_eps"]
    width = config["hidden_size"] // heads
    frequencies = _frequencies(config, int(width * config["partial_rotary_factor"]), config["rope_theta"])
    x = tensors["model.embed_tokens.weight"][ids]
    for number in range(config["num_hidden_layers"]):
        at = f"model.layers.{number}."
        h = _layer_norm(x, tensors, at + "input_layernorm", epsilon, constant)
        q, k, v = (_heads(_linear(h, tensors, at + f"self_attn.{part}_proj"), heads) for part in "qkv")
        mixed = _attention(
            _rotated(q, frequencies, constant), _rotated(k, frequencies, constant), v, constant(width**-0.5), _nearer(config)
        )
        fed = _linear(_gelu(_linear(h, tensors, at + "mlp.fc1")), tensors, at + "mlp.fc2")
        x = x + _linear(mixed, tensors, at + "self_attn.dense") + fed
    return _linear(_layer_norm(x, tensors, "model.final_layernorm", epsilon, constant), tensors, "lm_head")


def _gpt2(config, tensors, ids, constant):
    """Matrices are [in, out] in this family's checkpoints."""
    epsilon, heads = config["layer_norm_epsilon"], config["n_head"]

    def conv1d(x, name):
        return x @ tensors[name + ".weight"] + tensors[name + ".bias"]

    x = tensors["transformer.wte.weight"][ids] + tensors["transformer.wpe.weight"][: len(ids)]
    for number in range(config["n_layer"]):
        at = f"transformer.h.{number}."
        fused = conv1d(_layer_norm(x, tensors, at + "ln_1", epsilon, constant), at + "attn.c_attn")
        q, k, v = (_heads(part, heads) for part in np.split(fused, 3, -1))
        x = x + conv1d(_attention(q, k, v, constant(q.shape[-1] ** -0.5), _nearer(config)), at + "attn.c_proj")
        h = _layer_norm(x, tensors, at + "ln_2", epsilon, constant)
        x = x + conv1d(_gelu(conv1d(h, at + "mlp.c_fc")), at + "mlp.c_proj")
    return _layer_norm(x, tensors, "transformer.ln_f", epsilon, constant) @ tensors["transformer.wte.weight"].T


def _gpt_neo(config, tensors, ids, constant):
    """Unscaled scores; every second layer has a window."""
    epsilon, heads = config["layer_norm_epsilon"], config["num_heads"]
    kinds = [kind for turn, times in config["attention_types"] for kind in turn * times]
    x = tensors["transformer.wte.weight"][ids] + tensors["transformer.wpe.weight"][: len(ids)]
    for number, kind in enumerate(kinds):
        at = f"transformer.h.{number}."
        h = _layer_norm(x, tensors, at + "ln_1", epsilon, constant)
        q, k, v = (_heads(_linear(h, tensors, at + f"attn.attention.{part}_proj"), heads) for part in "qkv")
        mixed = _attention(q, k, v, 1.0, _nearer(config, config["window_size"] if kind == "local" else None))
        x = x + _linear(mixed, tensors, at + "attn.attention.out_proj")
        h = _layer_norm(x, tensors, at + "ln_2", epsilon, constant)
        x = x + _linear(_gelu(_linear(h, tensors, at + "mlp.c_fc")), tensors, at + "mlp.c_proj")
    return _layer_norm(x, tensors, "transformer.ln_f", epsilon, constant) @ tensors["transformer.wte.weight"].T


_BY_TYPE = {
    "llama": _llama,
    "qwen2": _llama,
    "qwen3": _qwen3,
    "gemma": _gemma,
    "gemma3_text": _gemma3,
    "phi": _phi,
    "gpt2": _gpt2,
    "gpt_neo": _gpt_neo,
}
