"""The variants of published checkpoints, and invalid configurations."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from checkpoints import SAMPLES, Sample
from lilims_convert import checkpoint, families, opening, vocabularies
from lilims_convert.blocks import rope
from lilims_convert.sources import SourceError
from lilims_convert.sources.tensors import whole
from lilims_training import tiny
from safetensors_files import write_tensors


def opened(folder, config: dict, tensors: dict[str, np.ndarray], kinds: dict[str, str] | None = None) -> checkpoint.Checkpoint:
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    write_tensors(folder / "model.safetensors", tensors, kinds)
    source = opening.open_directory(folder)
    checkpoint.require(source, families.find(source.architecture.family).tensor_shapes(source.architecture))
    return source


def assert_same(ours: checkpoint.Checkpoint, theirs: checkpoint.Checkpoint) -> None:
    assert ours.architecture == theirs.architecture
    assert set(ours.tensors) == set(theirs.tensors)
    for name in theirs.tensors:
        np.testing.assert_array_equal(whole(ours.tensor(name)), whole(theirs.tensor(name)), err_msg=name)


@pytest.fixture
def plain(tmp_path):
    """Opens an unmodified sample, for comparison."""
    return lambda name: opening.open_directory(SAMPLES[name].write_directory(tmp_path / "plain"))


# --- variants of published checkpoints ---


@pytest.mark.parametrize("name", SAMPLES)
def test_names_may_lack_the_prefix_of_the_class(name, tmp_path, plain):
    tensors = {key.removeprefix("model.").removeprefix("transformer."): value for key, value in SAMPLES[name].tensors().items()}
    assert_same(opened(tmp_path / "bare", SAMPLES[name].config, tensors), plain(name))


def bfloat16(values: np.ndarray) -> np.ndarray:
    return (values.astype(np.float32).view(np.uint32) >> 16).astype(np.uint16)


def test_bf16_is_read(tmp_path):
    sample = SAMPLES["llama"]
    halves = {name: bfloat16(value) for name, value in sample.tensors().items()}
    source = opened(tmp_path / "bf16", sample.config, halves, dict.fromkeys(halves, "BF16"))
    for name, theirs in (
        ("token_embd.weight", "model.embed_tokens.weight"),
        ("blk.1.attn_k.weight", "model.layers.1.self_attn.k_proj.weight"),
    ):
        expected = (halves[theirs].astype(np.uint32) << 16).view(np.float32)
        np.testing.assert_array_equal(whole(source.tensor(name)), expected)


BUFFERS = {
    "llama": {"model.layers.0.self_attn.rotary_emb.inv_freq": np.ones(6, np.float32), "model.rotary_emb.inv_freq": np.ones(6, np.float32)},
    "phi2": {"model.layers.1.self_attn.rotary_emb.inv_freq": np.ones(3, np.float32)},
    "gpt2": {
        "transformer.h.0.attn.bias": np.ones((1, 1, 64, 64), np.uint8),
        "transformer.h.0.attn.masked_bias": np.array(-1e4, np.float32),
    },
    "gpt_neo": {
        "transformer.h.1.attn.attention.bias": np.ones((1, 1, 64, 64), np.uint8),
        "transformer.h.1.attn.attention.masked_bias": np.array(-1e9, np.float32),
    },
}


@pytest.mark.parametrize("name", BUFFERS)
def test_buffers_beside_the_weights_do_no_harm(name, tmp_path, plain):
    tensors = {**SAMPLES[name].tensors(), **BUFFERS[name]}
    kinds = {key: "BOOL" for key, value in BUFFERS[name].items() if value.dtype == np.uint8}
    assert_same(opened(tmp_path / "buffers", SAMPLES[name].config, tensors, kinds), plain(name))


TIED = {
    "qwen3": "model.embed_tokens.weight",
    "gemma": "model.embed_tokens.weight",
    "gpt2": "transformer.wte.weight",
    "gpt_neo": "transformer.wte.weight",
}


@pytest.mark.parametrize("name", TIED)
def test_a_tied_output_layer_may_be_stored_twice(name, tmp_path, plain):
    tensors = SAMPLES[name].tensors()
    tensors["lm_head.weight"] = tensors[TIED[name]]
    assert_same(opened(tmp_path / "twice", SAMPLES[name].config, tensors), plain(name))
    tensors["lm_head.weight"] = tensors[TIED[name]] + np.float32(0.5)
    with pytest.raises(SourceError, match=r"lm_head.weight differs from the embedding.*tie_word_embeddings"):
        opened(tmp_path / "other", SAMPLES[name].config, tensors)
    own = opened(tmp_path / "own", {**SAMPLES[name].config, "tie_word_embeddings": False}, tensors)
    np.testing.assert_array_equal(whole(own.tensor("output.weight")), tensors["lm_head.weight"])


@pytest.mark.parametrize("name", ["llama", "gpt2"])
def test_gguf_files_may_hold_the_embedding_twice(name, tmp_path):
    sample = SAMPLES[name]
    head = "lm_head.weight"
    embedding = TIED.get(name, "model.embed_tokens.weight")
    twice = with_tensors(sample, {**sample.tensors(), head: sample.tensors()[embedding]})
    source = opening.open_gguf(twice.write_gguf(tmp_path / "twice.gguf"))
    assert source.architecture.tied_embeddings
    assert "output.weight" not in source.tensors
    other = with_tensors(sample, {**sample.tensors(), head: sample.tensors()[embedding] * 2})
    source = opening.open_gguf(other.write_gguf(tmp_path / "other.gguf"))
    assert not source.architecture.tied_embeddings
    checkpoint.require(source, families.find(name).tensor_shapes(source.architecture))


def with_tensors(sample: Sample, tensors: dict[str, np.ndarray]) -> Sample:
    class Changed(Sample):
        def tensors(self, seed: int = 7) -> dict[str, np.ndarray]:
            return tensors

    return Changed(**{field.name: getattr(sample, field.name) for field in dataclasses.fields(sample)})


@pytest.mark.parametrize("prefix", ["language_model.model.", "model.language_model."], ids=["transformers 4.50", "transformers 5"])
def test_the_text_of_a_gemma_3_that_sees_pictures(prefix, tmp_path, plain):
    sample = SAMPLES["gemma3"]
    tensors = {key.replace("model.", prefix, 1): value for key, value in sample.tensors().items()}
    tensors["vision_tower.vision_model.embeddings.patch_embedding.weight"] = np.ones((4, 3, 2, 2), np.float32)
    tensors["model.multi_modal_projector.mm_input_projection_weight"] = np.ones((4, 4), np.float32)
    text = {**sample.config, "model_type": "gemma3_text"}
    config = {"model_type": "gemma3", "text_config": text, "vision_config": {"hidden_size": 4}, "eos_token_id": [1, 106]}
    source = opened(tmp_path / "pictures", config, tensors)
    assert_same(source, plain("gemma3"))
    assert source.metadata["eos_token_id"] == [1, 106]


def test_gemma_3_leaves_out_what_is_usual():
    """The text part of google/gemma-3-4b-it's config.json contains only these values."""
    text = {"hidden_size": 2560, "intermediate_size": 10240, "model_type": "gemma3_text", "num_hidden_layers": 34,
            "rope_scaling": {"factor": 8.0, "rope_type": "linear"}, "sliding_window": 1024}  # fmt: skip
    a = families.find("gemma3").from_config(
        opening.Values(opening.flattened(opening._of_text({"model_type": "gemma3", "text_config": text})))
    )
    assert (a.heads, a.kv_heads, a.head_dim, a.vocab, a.context, a.window) == (8, 4, 256, 262208, 131072, 1024)
    assert (a.rope_theta, a.local_theta, a.scale, a.norm_epsilon) == (1e6, 1e4, 1 / 16, 1e-6)
    assert a.rope_factors == (8.0,) * 128
    assert a.tied_embeddings
    assert [layer for layer in range(34) if layer not in a.local_layers] == [5, 11, 17, 23, 29]


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ({"model.layers.0.self_attn.q_proj.bias": np.ones(48, np.float32)}, "blk.0.attn_q.bias: not part of the family"),
        ({f"model.layers.0.adapter.{n}": np.ones(2, np.float32) for n in range(7)}, r"does not use: .* and 2 more; were they"),
        ({"norm.weight": np.ones(48, np.float32)}, "tensor 'norm.weight' occurs twice"),
        ({"vision_tower.weight": np.ones(2, np.float32)}, "does not use: vision_tower.weight"),
    ],
    ids=["a bias", "adapters", "twice", "pictures of none"],
)
def test_what_would_be_left_out_is_refused(extra, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        opened(tmp_path / "more", SAMPLES["llama"].config, {**SAMPLES["llama"].tensors(), **extra})


def test_weights_of_whole_numbers_are_refused(tmp_path):
    tensors = SAMPLES["llama"].tensors()
    name = "model.layers.1.mlp.up_proj.weight"
    tensors[name] = tensors[name].astype(np.int8)
    with pytest.raises(SourceError, match=r"1 tensors have types that weights cannot have: layers.1.mlp.up_proj.weight \(I8\)"):
        opened(tmp_path / "integers", SAMPLES["llama"].config, tensors, {name: "I8"})


def vocabulary_of(folder, tokenizer: dict | str, settings: object = None, vocab: int = 288) -> vocabularies.Vocabulary:
    (folder / "tokenizer.json").write_text(tokenizer if isinstance(tokenizer, str) else json.dumps(tokenizer))
    if settings is not None:
        (folder / "tokenizer_config.json").write_text(settings if isinstance(settings, str) else json.dumps(settings))
    source = checkpoint.Checkpoint(dataclasses.replace(tiny.ARCHITECTURE, vocab=vocab), {}, metadata={"eos_token_id": [vocab, 2]})
    return vocabularies.read(source, folder / "tokenizer.json")


def test_added_tokens_that_the_network_has_no_row_for_are_left_out(tmp_path, tiny_tokenizer):
    """Gemma 3 with 270 M and 1 B has the tokenizer of the larger sizes, with an additional image token."""
    content = json.loads(tiny_tokenizer.read_text())
    rows = len(content["model"]["vocab"])
    stranger = {**content["added_tokens"][0], "id": rows, "content": "<image_soft_token>"}
    more = {**content, "added_tokens": [*content["added_tokens"], stranger]}
    kept = json.loads(vocabulary_of(tmp_path, more, vocab=rows).text)
    assert kept == content
    assert vocabulary_of(tmp_path, more, vocab=rows + 1).text == json.dumps(more), "unchanged if it fits"
    with pytest.raises(SourceError, match=f"{rows} entries, but the network has {rows - 1}; do they belong together"):
        vocabulary_of(tmp_path, more, vocab=rows - 1)
    content["model"]["vocab"][next(iter(content["model"]["vocab"]))] = 10**6
    with pytest.raises(SourceError, match="1000001 entries"):
        vocabulary_of(tmp_path, content, vocab=rows)


@pytest.mark.parametrize(
    ("tokenizer", "settings", "message"),
    [
        ("{", None, "tokenizer .*tokenizer.json: EOF"),
        ("[]", None, "tokenizer .*tokenizer.json: "),
        (None, "{", "tokenizer_config.json: not JSON"),
        (None, "[]", "tokenizer_config.json: must be a JSON object"),
        (None, "[" * 100000, "tokenizer_config.json: not JSON"),
    ],
)
def test_a_spoilt_tokenizer_is_named(tokenizer, settings, message, tmp_path, tiny_tokenizer):
    with pytest.raises(SourceError, match=message) as refusal:
        vocabulary_of(tmp_path, tokenizer or tiny_tokenizer.read_text(), settings)
    assert is_a_line(refusal.value)


# --- invalid configurations ---

ODD = [0, -1, 1, 3, 2**31, 2**32 - 1, 2**63, 10**400, 0.5, -0.5, 1e-300, 1e300, float("inf"), float("nan"), True, False, "", "24",
       "x" * 5000, None, [], [0], [1, 2], [2**40] * 3, {}, {"factor": 0}, [[["global"], 2**40]], [["local"] * 3]]  # fmt: skip


def is_a_line(refusal: Exception) -> bool:
    return "\n" not in str(refusal) and len(str(refusal)) < 2000


def judged(open_it) -> bool:
    """Whether a source is opened, with numbers that a program can be built with; otherwise it must be refused in one line."""
    try:
        source = open_it()
        a = source.architecture
        tables = rope.tables(a, 4, a.rope_theta, a.rope_factors) if a.rotated else ()
        assert all(np.isfinite(table).all() for table in tables)
        assert np.isfinite(np.float16([a.scale, a.norm_epsilon**0.5, a.hidden**0.5])).all()
        checkpoint.require(source, families.find(source.architecture.family).tensor_shapes(source.architecture))
    except ValueError as error:
        refusal = error
    else:
        return True
    assert is_a_line(refusal)
    return False


def odd_values(values: dict):
    for key, value in values.items():
        for odd in ODD:
            yield {**values, key: odd}
        if isinstance(value, dict):
            for inner in odd_values(value):
                yield {**values, key: inner}


@pytest.mark.parametrize("name", SAMPLES)
def test_no_configuration_does_more_than_be_refused(name, tmp_path, monkeypatch):
    folder = SAMPLES[name].write_directory(tmp_path)
    model = opening.safetensors.read(folder)
    optional = ["layer_types", "rope_parameters", "rope_scaling", "text_config", "quantization_config", "head_dim", "attention_layers"]
    optional.append("tie_word_embeddings")
    accepted = 0
    for changed in odd_values({**dict.fromkeys(optional), **model.config}):
        monkeypatch.setattr(opening.safetensors, "read", lambda _, config=changed: dataclasses.replace(model, config=config))
        accepted += judged(lambda: opening.open_directory(folder))
    assert accepted > 10


@pytest.mark.parametrize("name", [name for name, sample in SAMPLES.items() if sample.gguf])
def test_no_metadata_does_more_than_be_refused(name, tmp_path, monkeypatch):
    path = SAMPLES[name].write_gguf(tmp_path / "model.gguf")
    file = opening.gguf.read(path)
    optional = ("rope.scaling.type", "rope.scaling.factor", "attention.sliding_window_pattern", "rope.dimension_count", "expert_count")
    accepted = 0
    for changed in odd_values({**{f"{SAMPLES[name].gguf}.{key}": None for key in optional}, **file.metadata}):
        monkeypatch.setattr(opening.gguf, "read", lambda _, metadata=changed: dataclasses.replace(file, metadata=metadata))
        accepted += judged(lambda: opening.open_gguf(path))
    assert accepted > 10


PIECES = [*"<unk> <s> </s>".split(), *(f"<0x{byte:02X}>" for byte in range(256)), "▁", "a", "b", "ab", "▁ab"]
VOCABULARIES = {
    "pieces": {"model": "llama", "tokens": PIECES, "scores": [-float(n) for n in range(len(PIECES))],
               "token_type": [2, 3, 3] + [6] * 256 + [1] * 5,
               "bos_token_id": 1, "eos_token_id": 2, "unknown_token_id": 0, "add_bos_token": True, "add_space_prefix": True},
    "bytes": {"model": "gpt2", "pre": "llama-bpe", "tokens": ["a", "b", "ab", "<s>"], "merges": ["a b"], "token_type": [1, 1, 1, 3],
              "bos_token_id": 3, "eos_token_id": 3, "add_bos_token": False},
}  # fmt: skip


@pytest.mark.parametrize("kind", VOCABULARIES)
def test_no_vocabulary_does_more_than_be_refused(kind):
    stated = {f"tokenizer.ggml.{key}": value for key, value in VOCABULARIES[kind].items()}
    accepted = 0
    lists = [(key, value) for key, value in stated.items() if isinstance(value, list)]
    elements = ({**stated, key: changed} for key, value in lists for odd in ODD for changed in ([odd, *value[1:]], [*value[:-1], odd]))
    for changed in [stated, *odd_values(stated), *elements]:
        source = checkpoint.Checkpoint(tiny.ARCHITECTURE, {}, metadata=changed)
        try:
            vocabularies.read(source, None)
        except SourceError as error:
            refusal = error
        else:
            accepted += 1
            continue
        assert is_a_line(refusal)
    assert accepted > 10
