"""The command line of lilims-convert."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import runtime_agent
from checkpoints import SAMPLES
from lilims_convert import cli, manifest


@pytest.fixture
def source(tmp_path, tiny_tokenizer) -> Path:
    folder = SAMPLES["llama"].write_directory(tmp_path / "source")
    (folder / "tokenizer.json").write_bytes(tiny_tokenizer.read_bytes())
    return folder


def test_the_installed_command_explains_itself():
    command = Path(sys.executable).with_name("lilims-convert")
    done = subprocess.run([command, "--help"], capture_output=True, text=True)
    assert done.returncode == 0
    for option in ("--gguf", "--checkpoint", "--quantize", "--layout", "--corpus", "--accept-loss"):
        assert option in done.stdout


def test_a_short_context_shortens_the_prefill_chunk(source, tmp_path):
    assert cli.main(["--checkpoint", str(source), "-o", str(tmp_path / "out"), "--quantize", "fp16", "--context", "32", "--no-measure"]) == 0
    read = manifest.read(tmp_path / "out")
    assert (read["context"], read["prefill_chunk"]) == (32, 32)


def test_a_chunk_that_was_asked_for_is_not_shortened(source, tmp_path, capsys):
    arguments = ["--checkpoint", str(source), "-o", str(tmp_path / "out"), "--context", "32", "--prefill-chunk", "33"]
    assert cli.main(arguments) == 1
    assert "--prefill-chunk 33: 1 to the context of 32" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def convert(source, folder, *more: str) -> int:
    return cli.main(["--checkpoint", str(source), "-o", str(folder), *more])


def test_perplexity_is_measured_by_the_runtime_unless_it_is_not_wanted(source, tmp_path, capsys):
    corpus = tmp_path / "corpus.txt"
    corpus.write_text("The cat sat on the mat.\n\nThe dog said hello.\n")
    runtime_agent.program()
    arguments = ("--corpus", str(corpus), "--context", "64", "--agent", str(runtime_agent.program()))
    assert convert(source, tmp_path / "int8", "--quantize", "int8", *arguments, "--json") == 0
    printed = json.loads(capsys.readouterr().out)
    base, judged = printed["manifest"]["evaluation"]
    assert (base["precision"], judged["precision"], judged["by"]) == ("fp16", "int8", "bench-agent")
    assert judged["loss"] == pytest.approx(judged["perplexity"] / base["perplexity"] - 1, abs=1e-4)
    assert judged["tokens"] == base["tokens"] > 20
    assert {finding["rule"] for finding in printed["lint"]} and printed["cache_bytes"] == 2 * 2 * 64 * 2 * 12 * 2
    assert convert(source, tmp_path / "again", "--quantize", "int8", *arguments, "--base", str(tmp_path / "int8")) == 0
    assert convert(source, tmp_path / "none", "--quantize", "int8", "--no-measure") == 0
    assert manifest.read(tmp_path / "none")["evaluation"] == []


def test_a_model_that_lost_too_much_is_not_kept(source, tmp_path, capsys, monkeypatch):
    from lilims_convert import validation

    losses = {"fp16": 10.0, "int8": 10.05, "int4": 10.4}
    measured = {"corpus": "c", "corpus_sha256": "0", "tokens": 9, "by": "test"}

    def measure(self, folder):
        return {**measured, "perplexity": losses[manifest.read(folder)["quantization"]]}

    monkeypatch.setattr(validation.Agent, "measure", measure)
    agent = ("--agent", str(tmp_path))
    assert convert(source, tmp_path / "int8", "--quantize", "int8", *agent) == 0
    assert convert(source, tmp_path / "int4", "--quantize", "int4", *agent) == 1
    said = capsys.readouterr().err.splitlines()[-1]
    assert "int4 raises perplexity by 4.00%" in said and "--accept-loss" in said
    assert not (tmp_path / "int4").exists()
    assert convert(source, tmp_path / "int4", "--quantize", "int4", *agent, "--accept-loss", "a small test model") == 0
    assert manifest.read(tmp_path / "int4")["evaluation"][1]["accepted"] == "a small test model"
    losses["int4"] = 10.6
    assert convert(source, tmp_path / "int4", "--quantize", "int4", *agent, "--accept-loss", "whatever") == 1
    assert manifest.read(tmp_path / "int4")["evaluation"][1]["perplexity"] == 10.4, "the model before it stays"


def test_without_the_runtime_it_says_that_nothing_was_measured(source, tmp_path, capsys, monkeypatch):
    from lilims_convert import validation

    monkeypatch.setattr(validation, "find_agent", lambda: None)
    assert convert(source, tmp_path / "out") == 0
    assert "perplexity is not measured: bench-agent is not built" in capsys.readouterr().err
