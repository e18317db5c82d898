"""The results of a step: the most likely tokens, ranked inside the program, or all logits."""

from __future__ import annotations

import subprocess

import numpy as np
import pytest

import references
import runtime_agent
from checkpoints import SAMPLES, VOCAB
from lilims_convert import manifest, opening, package, storage

PROMPT = np.random.default_rng(3).integers(3, VOCAB, 21).tolist()


@pytest.fixture(scope="session")
def folders(tmp_path_factory, convert_tiny):
    """Model folders by family, layout and K (None: logits). Matrices of the vocabulary have three parts in the ane layout."""
    made = {}

    def convert(name: str, layout: str, top_k: int | None):
        if (name, layout, top_k) not in made:
            folder = tmp_path_factory.mktemp(name)
            source = opening.open_directory(SAMPLES[name].write_directory(folder / "source"))
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(storage, "ANE_ROWS", 128)
                made[name, layout, top_k] = convert_tiny(folder / "model", source, layout=layout, top_k=top_k, score=True)
        return made[name, layout, top_k]

    return convert


def generated(folder, *flags: str) -> str:
    return runtime_agent.run("generate", "--model", str(folder), "--prompt", "Once upon", "--tokens", "30", "--ids", *flags)


@pytest.mark.parametrize("layout", ["gpu", "ane"])
@pytest.mark.parametrize("name", ["llama", "phi2"])  # phi2's output layer has a bias
@pytest.mark.parametrize("top_k", [1, 7, 200])  # 200 is more than any part has
def test_greedy_takes_what_the_logits_say(name, layout, top_k, folders):
    assert generated(folders(name, layout, top_k)) == generated(folders(name, "gpu", None))


@pytest.mark.parametrize("layout", ["gpu", "ane"])
@pytest.mark.parametrize("flags", [("--top-k", "7"), ("--top-k", "3", "--temperature", "2.5")])
def test_sampling_within_the_candidates_is_that_of_the_logits(layout, flags, folders):
    flags = ("--temperature", "0.8", "--seed", "5", *flags) if "--temperature" not in flags else ("--seed", "5", *flags)
    ours, theirs = generated(folders("llama", layout, 7), *flags), generated(folders("llama", "gpu", None), *flags)
    assert ours == theirs
    assert ours != generated(folders("llama", layout, 7)), "nothing was drawn"


@pytest.mark.parametrize("flags", [("--top-k", "8"), ()])
def test_sampling_beyond_the_candidates_is_refused_with_words(flags, folders):
    folder = folders("llama", "gpu", 7)
    done = subprocess.run(
        [runtime_agent.program(), "generate", "--model", folder, "--prompt", "a", "--temperature", "1", *flags],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 4
    asked = "the 8 most likely" if flags else "all"
    assert f"sampling draws from {asked} tokens, the model gives 7; set top-k to 7 or less" in done.stderr


@pytest.mark.parametrize("layout", ["gpu", "ane"])
@pytest.mark.parametrize("name", ["llama", "phi2"])
def test_all_logits_are_still_to_be_had(name, layout, folders):
    found, greedy = runtime_agent.logits(folders(name, layout, 7), PROMPT, 6)
    sample = SAMPLES[name]
    rows = references.logits(sample.config, sample.tensors(), PROMPT + greedy[:-1], references.stored)[len(PROMPT) - 1 :]
    np.testing.assert_allclose(found, rows, atol=1e-3, rtol=0)


def test_perplexity_does_not_depend_on_the_outputs(folders, tmp_path):
    corpus = tmp_path / "corpus.txt"
    corpus.write_text("The cat sat on the mat.\n\nThe dog said hello to the cat.\n")
    results = [
        runtime_agent.run("perplexity", "--model", str(folders("llama", layout, k)), "--corpus", str(corpus), "--json")
        for layout, k in (("gpu", None), ("gpu", 7))
    ]
    assert results[0] == results[1]


def test_the_manifest_and_the_interface_say_what_a_step_gives(folders):
    folder = folders("llama", "ane", 7)
    read = manifest.read(folder)
    assert read["outputs"] == {"kind": "top_k", "k": 7}
    assert read["runtime"]["minimum"] == "1.1.0"
    assert read["functions"] == {name: name for name in ("prefill", "decode", "logits", "score")}
    functions = {function.name: function for function in package.open_copy(folder / "model.mlpackage").description.functions}
    given = {
        name: [(one.name, list(one.type.multiArrayType.shape), one.type.multiArrayType.dataType) for one in function.output]
        for name, function in functions.items()
    }
    integers, halves, floats = 131104, 65552, 65568  # Core ML's numbers for the types
    ranked = [("top_ids", [1, 7], integers), ("top_logits", [1, 7], halves)]
    assert given["prefill"] == given["decode"] == ranked
    assert given["logits"] == [("logits", [1, VOCAB], halves)]
    assert given["score"] == [("log_probs", [1, 8], floats)]
    plain = manifest.read(folders("llama", "gpu", None))
    assert "outputs" not in plain
    assert plain["runtime"]["minimum"] == "1.0.0"


def test_no_operation_sees_more_of_the_vocabulary_than_a_part(folders):
    """In the ane layout, products and rankings of steps work on at most ANE_ROWS (here 128) tokens."""
    model = package.open_copy(folders("llama", "ane", 7) / "model.mlpackage")
    for name in ("prefill", "decode"):
        function = model.mlProgram.functions[name]
        for operation in function.block_specializations[function.opset].operations:
            if operation.type.startswith(("const", "read_state", "slice_update")):
                continue
            for output in operation.outputs:
                widths = [int(d.constant.size) for d in output.type.tensorType.dimensions]
                assert VOCAB not in widths, f"{name}: {operation.type} gives {widths}"


@pytest.mark.parametrize("k", [0, VOCAB + 1])
def test_more_candidates_than_tokens_are_refused(k, tmp_path, convert_tiny):
    source = opening.open_directory(SAMPLES["llama"].write_directory(tmp_path / "source"))
    with pytest.raises(ValueError, match=f"top-k of {k}: must be 1 to {VOCAB}, the size of the vocabulary"):
        convert_tiny(tmp_path / "model", source, top_k=k)
    assert not (tmp_path / "model").exists()
