"""The fixtures in the repository are what this package writes for the models in the repository."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from interpreter import Host, Interpreter
from lilims_convert import __main__, golden, golden_tokenizer, manifest, package
from lilims_convert.shipped import open_model

RUNTIME = Path(__file__).parents[2]
FIXTURES = RUNTIME / "Tests/Fixtures"


VARIANTS = golden_tokenizer.variants()


@pytest.mark.parametrize("name", ["stories-1m", *VARIANTS])
def test_tokenizer_cases_are_current(name):
    fixture = json.loads((FIXTURES / f"tokenizer/{name}.json").read_text())
    tokenizer = Tokenizer.from_file(str(FIXTURES / "tokenizer" / fixture["tokenizer"]))
    assert golden_tokenizer.describe(tokenizer, fixture["tokenizer"]) == fixture


@pytest.mark.parametrize("name", ["digits", "llama3"])
def test_valid_text_survives_encoding_and_decoding(name):
    tokenizer = VARIANTS[name]
    for text in golden_tokenizer.TEXTS:
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        assert tokenizer.decode(ids, skip_special_tokens=False) == text


def test_blocks_are_current(tmp_path):
    """The building blocks in the fixtures of the Swift numerics tests are the current ones."""
    specification = importlib.util.spec_from_file_location("blocks", FIXTURES / "blocks/generate.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    module.main(tmp_path)
    written = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file())
    assert len(written) == 4
    for path in written:
        assert (tmp_path / path).read_bytes() == (FIXTURES / "blocks" / path).read_bytes(), path


@pytest.mark.parametrize("name", ["tiny", "stories-1m"])
def test_reference_logits_are_current(name):
    folder, file = {
        "tiny": (FIXTURES / "model/tiny", "tiny.golden.json"),
        "stories-1m": (RUNTIME / "models/stories-1m", "golden.json"),
    }[name]
    shipped = json.loads((FIXTURES / "model" / file).read_text())
    prompts = [(case["prompt"], case["ids"]) for case in shipped["cases"]]
    ours = golden.describe(open_model(folder), prompts)
    assert ours["model_hash"] == shipped["model_hash"]
    for case, other in zip(ours["cases"], shipped["cases"], strict=True):
        assert case["greedy"] == other["greedy"]
        for step, other_step in zip(case["steps"], other["steps"], strict=True):
            assert step["logits"] == pytest.approx(other_step["logits"], abs=2e-4)


def test_shipped_program_agrees_with_the_reference_logits():
    """The program in the package, run by the interpreter of these tests: prompts with prefill, then token by token."""
    folder = RUNTIME / "models/stories-1m"
    fixture = json.loads((FIXTURES / "model/golden.json").read_text())
    program, read = package.open_program(folder / "model.mlpackage"), manifest.read(folder)
    for case in fixture["cases"]:
        host = Host(Interpreter(program), read["context"], read["prefill_chunk"])
        logits = [host.feed(case["ids"])] + [host.feed([token]) for token in case["greedy"]]
        assert [int(row.argmax()) for row in logits[:-1]] == case["greedy"]
        for step in case["steps"]:
            found = logits[step["fed"]][fixture["positions"]]
            assert found == pytest.approx(step["logits_exact_cache"], abs=1e-3), f"{case['prompt']}: {step['fed']} fed"


def test_command_line_says_what_is_wrong(tmp_path, capsys):
    assert __main__.main(["verify", str(tmp_path)]) == 1
    assert "lilims_convert verify:" in capsys.readouterr().err
    (tmp_path / "tokenizer.json").write_text("{}")
    assert __main__.main(["convert-checkpoint", "--checkpoint", str(tmp_path / "none.npz"), "--output", str(tmp_path / "out")]) == 1
    assert "none.npz" in capsys.readouterr().err
