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
    assert (
        cli.main(["--checkpoint", str(source), "-o", str(tmp_path / "out"), "--quantize", "fp16", "--context", "32", "--no-measure"]) == 0
    )
    read = manifest.read(tmp_path / "out")
    assert (read["context"], read["prefill_chunk"]) == (32, 32)


def test_a_chunk_that_was_asked_for_is_not_shortened(source, tmp_path, capsys):
    arguments = ["--checkpoint", str(source), "-o", str(tmp_path / "out"), "--context", "32", "--prefill-chunk", "33"]
    assert cli.main(arguments) == 1
    assert "--prefill-chunk 33: must be 1 to 32, the context" in capsys.readouterr().err
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
    assert {finding["rule"] for finding in printed["lint"]}
    assert printed["cache_bytes"] == 2 * 2 * 64 * 2 * 12 * 2
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
    assert "int4 raises perplexity by 4.00%" in said
    assert "--accept-loss" in said
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


def test_a_model_that_a_device_cannot_hold_is_refused(source, tmp_path, capsys):
    assert convert(source, tmp_path / "out", "--no-measure", "--quantize", "fp16", "--memory", "0.0001") == 1
    said = capsys.readouterr().err
    assert "weights (" in said
    assert "and cache (" in said
    assert "0.0001 GiB; quantise further or shorten --context" in said
    assert not (tmp_path / "out").exists()
    assert convert(source, tmp_path / "out", "--no-measure", "--quantize", "fp16", "--memory", "1", "--context", "48") == 0
    assert "cache       0.0 MB for 48 tokens (2 x 2 layers x 48 x 2 heads x 12 x 2 bytes)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("wanted", "outputs"),
    [((), {"kind": "top_k", "k": 64}), (("--outputs", "topk:1"), {"kind": "top_k", "k": 1}), (("--outputs", "logits"), None)],
)
def test_what_a_step_gives_may_be_chosen(wanted, outputs, source, tmp_path):
    assert convert(source, tmp_path / "out", "--no-measure", *wanted) == 0
    assert manifest.read(tmp_path / "out").get("outputs") == outputs


@pytest.mark.parametrize("wanted", ["topk:0", "topk:x", "topk:-1", "argmax", ""])
def test_outputs_that_there_are_not_are_refused(wanted, source, tmp_path, capsys):
    with pytest.raises(SystemExit):
        convert(source, tmp_path / "out", "--outputs", wanted)
    assert "expected topk, topk:K with K at least 1, or logits" in capsys.readouterr().err


@pytest.mark.parametrize(("layout", "quantization"), [("gpu", "int4"), ("ane", "palette6")])
def test_each_layout_has_a_precision_of_its_own(layout, quantization, source, tmp_path):
    assert convert(source, tmp_path / "out", "--no-measure", "--layout", layout) == 0
    assert manifest.read(tmp_path / "out")["quantization"] == quantization


def test_palettes_are_not_for_the_gpu(source, tmp_path, capsys):
    assert convert(source, tmp_path / "out", "--no-measure", "--quantize", "palette4") == 1
    assert "palettes are for the ane layout" in capsys.readouterr().err
