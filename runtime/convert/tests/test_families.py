"""Every family, from both kinds of source and in both layouts: the runtime's results agree with an independent forward pass."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest

import references
import runtime_agent
from checkpoints import SAMPLES, VOCAB, WINDOW
from lilims_convert import families, manifest, opening
from lilims_convert.sources import SourceError

# Longer than two prefill chunks and three windows, to cover chunks, single tokens, cache and windows.
PROMPT = np.random.default_rng(11).integers(3, VOCAB, 27).tolist()
GREEDY = 12
TOLERANCE = 1e-3
FROM_GGUF = [name for name, sample in SAMPLES.items() if sample.gguf]


@pytest.fixture(scope="session")
def converted(tmp_path_factory, convert_tiny):
    """Model folders by family, source and layout, each converted once."""
    made = {}

    def convert(name: str, source: str, layout: str = "gpu"):
        if (name, source, layout) not in made:
            folder = tmp_path_factory.mktemp(name)
            made[name, source, layout] = convert_tiny(folder / "model", opened(name, source, folder), layout=layout, score=True)
        return made[name, source, layout]

    return convert


def opened(name: str, source: str, folder):
    if source == "gguf":
        return opening.open_gguf(SAMPLES[name].write_gguf(folder / "model.gguf"))
    return opening.open_directory(SAMPLES[name].write_directory(folder / "source"))


def expected(name: str, ids: list[int]) -> np.ndarray:
    sample = SAMPLES[name]
    return references.logits(sample.config, sample.tensors(), ids, references.stored)


@pytest.mark.parametrize("layout", ["gpu", "ane"])
@pytest.mark.parametrize("name", SAMPLES)
def test_the_runtime_says_what_the_reference_says(name, layout, converted):
    found, greedy = runtime_agent.logits(converted(name, "directory", layout), PROMPT, GREEDY)
    rows = expected(name, PROMPT + greedy[:-1])[len(PROMPT) - 1 :]
    assert greedy == rows.argmax(-1).tolist()
    np.testing.assert_allclose(found, rows, atol=TOLERANCE, rtol=0)
    assert np.ptp(rows, axis=-1).min() > 4, "logits that hardly differ would agree by chance"


@pytest.mark.parametrize("name", SAMPLES)
def test_token_by_token_is_the_same_as_in_chunks(name, converted):
    found, _ = runtime_agent.logits(converted(name, "directory"), PROMPT, 0, "--by-token")
    np.testing.assert_allclose(found, expected(name, PROMPT), atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize("name", FROM_GGUF)
def test_a_gguf_file_gives_the_same_bytes_as_the_directory(name, converted):
    ours, theirs = (
        {file["path"]: file["sha256"] for file in manifest.verify(converted(name, source))["files"]} for source in ("gguf", "directory")
    )
    assert ours == theirs


@pytest.mark.parametrize("name", ["gemma3", "gpt_neo"])
def test_windows_hide_what_is_far(name):
    """The references differ with and without a window, so the tests above would detect a missing window."""
    sample = SAMPLES[name]
    wide = {**sample.config, "sliding_window": 10 * WINDOW, "window_size": 10 * WINDOW}
    near, far = (references.logits(config, sample.tensors(), PROMPT) for config in (sample.config, wide))
    np.testing.assert_allclose(near[:WINDOW], far[:WINDOW], atol=1e-9)
    assert np.abs(near[WINDOW:] - far[WINDOW:]).max() > 0.1


def config_of_version_5(config: dict) -> dict:
    """A config.json as transformers 5 writes it."""
    config = dict(config)
    rope = {"rope_type": "default", **(config.pop("rope_scaling", None) or {}), "rope_theta": config.pop("rope_theta")}
    if "partial_rotary_factor" in config:
        rope["partial_rotary_factor"] = config.pop("partial_rotary_factor")
    if "rope_local_base_freq" in config:
        local = {"rope_type": "default", "rope_theta": config.pop("rope_local_base_freq")}
        rope = {"full_attention": rope, "sliding_attention": local}
        pattern = config.pop("sliding_window_pattern")
        kinds = ["full_attention" if (n + 1) % pattern == 0 else "sliding_attention" for n in range(config["num_hidden_layers"])]
        config["layer_types"] = kinds
    return {**config, "rope_parameters": rope}


@pytest.mark.parametrize("name", [name for name, sample in SAMPLES.items() if "rope_theta" in sample.config])
def test_configurations_of_transformers_5_say_the_same(name, tmp_path):
    folder = SAMPLES[name].write_directory(tmp_path)
    before = opening.open_directory(folder).architecture
    (folder / "config.json").write_text(json.dumps(config_of_version_5(SAMPLES[name].config)))
    assert opening.open_directory(folder).architecture == before


def architecture_of_gemma3(tmp_path, **metadata):
    sample = SAMPLES["gemma3"]
    changed = type(sample)(sample.name, sample.config, sample.shapes, sample.gguf, {**sample.gguf_metadata, **metadata})
    return opening.open_gguf(changed.write_gguf(tmp_path / "model.gguf")).architecture


def test_gemma_3_files_may_say_which_layers_are_local(tmp_path):
    assert architecture_of_gemma3(tmp_path).local_layers == (0, 1, 2, 3, 4, 6)
    assert architecture_of_gemma3(tmp_path, **{"attention.sliding_window_pattern": 3}).local_layers == (0, 1, 3, 4, 6)
    each = [True, False, True, False, True, False, True]
    assert architecture_of_gemma3(tmp_path, **{"attention.sliding_window_pattern": each}).local_layers == (0, 2, 4, 6)
    with pytest.raises(SourceError, match="2 entries for 7 layers"):
        architecture_of_gemma3(tmp_path, **{"attention.sliding_window_pattern": [True, False]})


def test_gemma_3_scales_scores_by_the_width_of_heads_except_in_its_largest_size(tmp_path):
    assert architecture_of_gemma3(tmp_path).scale == 16**-0.5
    assert architecture_of_gemma3(tmp_path, block_count=62).scale == 12**-0.5


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("llama", {"rope_scaling": {"rope_type": "yarn", "factor": 2.0}}, "rope_scaling of kind 'yarn' is not supported"),
        ("llama", {"rope_scaling": {"rope_type": "llama3", "factor": 2.0}}, "rope_scaling: low_freq_factor is missing"),
        ("llama", {"rope_scaling": {"type": "linear", "factor": -2.0}}, "rope_scaling: factor is -2.0; must be a number above 0"),
        ("llama", {"rope_scaling": 8.0}, "rope_scaling is 8.0; must be an object"),
        ("llama", {"rope_parameters": 8.0}, "rope_parameters is 8.0; must be an object"),
        ("llama", {"attention_bias": True}, "attention_bias is True"),
        ("llama", {"quantization_config": {"quant_method": "gptq"}}, "is already quantised .'gptq'."),
        ("llama", {"tie_word_embeddings": "no"}, "tie_word_embeddings is 'no'; must be true or false"),
        ("llama", {"num_attention_heads": 0}, "num_attention_heads is 0; must be a whole number from 1"),
        ("llama", {"num_hidden_layers": 10**9}, "num_hidden_layers is 1000000000; must be a whole number from 1 to 1000"),
        ("llama", {"num_hidden_layers": 1}, "has tensors that llama does not use: layers.1.input_layernorm.weight"),
        ("llama", {"model_type": "mamba"}, "architecture 'mamba' is not supported; supported: gemma"),
        ("llama", {"hidden_size": "48"}, "hidden_size is '48'; must be a number"),
        ("llama", {"num_key_value_heads": 3}, "4 heads are not a multiple of 3"),
        ("gemma3", {"layer_types": ["full_attention"]}, "must be sliding_attention or full_attention for each of 7 layers"),
        ("gemma3", {"use_bidirectional_attention": True}, "use_bidirectional_attention is True"),
        ("gpt_neo", {"attention_types": [[["global", "sideways"], 1]]}, "must be global or local"),
        ("gpt_neo", {"attention_types": [[["global"], 10**12]]}, r"attention_types is .* must be a list of \[\[kinds\], repetitions\]"),
        ("gpt_neo", {"activation_function": "relu"}, "activation_function is 'relu'"),
        ("gpt2", {"scale_attn_weights": False}, "scale_attn_weights is False"),
        ("gemma", {"hidden_activation": "gelu"}, "hidden_activation is 'gelu'"),
        ("qwen3", {"hidden_act": "relu"}, "hidden_act is 'relu'"),
        ("phi2", {"hidden_act": "silu"}, "hidden_act is 'silu'"),
        ("qwen2", {"use_sliding_window": True}, "use_sliding_window is True"),
        ("phi2", {"num_key_value_heads": 2}, "grouped queries are not supported"),
    ],
)
def test_unsupported_settings_are_refused(name, changes, message, tmp_path):
    folder = SAMPLES[name].write_directory(tmp_path)
    (folder / "config.json").write_text(json.dumps({**SAMPLES[name].config, **changes}))
    with pytest.raises(SourceError, match=message) as refusal:
        opening.open_directory(folder)
    assert str(folder) in str(refusal.value)
    assert "\n" not in str(refusal.value)


def family_of_the_guide() -> str:
    """The module that docs/ConversionGuide.md shows."""
    guide = (runtime_agent.REPOSITORY / "docs/ConversionGuide.md").read_text(encoding="utf-8")
    return guide.split("```python\n", 1)[1].split("```", 1)[0]


def test_a_family_is_one_new_file(tmp_path, monkeypatch, convert_tiny):
    """The family of the guide, a Llama with doubled embeddings, works as one module without changes elsewhere."""
    (tmp_path / "tall.py").write_text(family_of_the_guide())
    monkeypatch.setattr(families, "__path__", [*families.__path__, str(tmp_path)])
    sample = SAMPLES["llama"]
    folder = sample.write_directory(tmp_path / "source")
    (folder / "config.json").write_text(json.dumps({**sample.config, "model_type": "tall"}))
    model = convert_tiny(tmp_path / "model", opening.open_directory(folder))
    sys.modules.pop("lilims_convert.families.tall")
    assert manifest.read(model)["family"] == "tall"
    tensors = sample.tensors()
    tensors["model.embed_tokens.weight"] = tensors["model.embed_tokens.weight"] * 2
    wanted = references.logits(sample.config, tensors, PROMPT, references.stored)[-1]
    np.testing.assert_allclose(runtime_agent.logits(model, PROMPT)[0][0], wanted, atol=TOLERANCE, rtol=0)


def test_every_family_has_a_sample():
    assert {opening_name(sample.config["model_type"]) for sample in SAMPLES.values()} == set(families.names())


def opening_name(model_type: str) -> str:
    return families.claiming("HUGGING_FACE", model_type).__name__.rsplit(".", 1)[1]
