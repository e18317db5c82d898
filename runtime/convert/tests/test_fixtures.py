"""The fixtures in the repository are what this package makes of the models in the repository."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from lilims_convert import __main__, golden_tokenizer, tiny

RUNTIME = Path(__file__).parents[2]
FIXTURES = RUNTIME / "Tests/Fixtures"


@pytest.mark.parametrize("name", ["stories-1m", "digits"])
def test_tokenizer_cases_are_current(name):
    fixture = json.loads((FIXTURES / f"tokenizer/{name}.json").read_text())
    tokenizer = Tokenizer.from_file(str(FIXTURES / "tokenizer" / fixture["tokenizer"]))
    assert golden_tokenizer.describe(tokenizer, fixture["tokenizer"]) == fixture


def test_valid_text_survives_encoding_and_decoding():
    tokenizer = golden_tokenizer.digits_variant()
    for text in golden_tokenizer.TEXTS:
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        assert tokenizer.decode(ids, skip_special_tokens=False) == text


def test_tiny_fixture_is_current(tmp_path):
    assert __main__.main(["tiny", str(tmp_path)]) == 0
    for name in ("tiny/manifest.json", "tiny.golden.json"):
        ours, shipped = (json.loads((folder / name).read_text()) for folder in (tmp_path, FIXTURES / "model"))
        if name == "tiny.golden.json":  # libraries may add in another order: the last digit is free
            for case, other in zip(ours["cases"], shipped["cases"]):
                assert case["greedy"] == other["greedy"]
                for step, other_step in zip(case["steps"], other["steps"]):
                    assert step["logits"] == pytest.approx(other_step["logits"], abs=2e-4)
        else:
            assert ours == shipped


def test_command_line_says_what_is_wrong(tmp_path, capsys):
    assert __main__.main(["verify", str(tmp_path)]) == 1
    assert "lilims_convert verify:" in capsys.readouterr().err
    (tmp_path / "tokenizer.json").write_text("{}")
    assert __main__.main(["convert-checkpoint", str(tmp_path / "none.npz"), str(tmp_path / "out")]) == 1
    assert "none.npz" in capsys.readouterr().err


def test_tiny_prompts_fit_the_context():
    fixture = json.loads((FIXTURES / "model/tiny.golden.json").read_text())
    for case in fixture["cases"]:
        assert len(case["ids"]) + len(case["greedy"]) <= tiny.ARCHITECTURE.context
