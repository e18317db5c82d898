"""The command line of lilims-convert."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

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
    assert cli.main(["--checkpoint", str(source), "-o", str(tmp_path / "out"), "--quantize", "fp16", "--context", "32"]) == 0
    read = manifest.read(tmp_path / "out")
    assert (read["context"], read["prefill_chunk"]) == (32, 32)


def test_a_chunk_that_was_asked_for_is_not_shortened(source, tmp_path, capsys):
    arguments = ["--checkpoint", str(source), "-o", str(tmp_path / "out"), "--context", "32", "--prefill-chunk", "33"]
    assert cli.main(arguments) == 1
    assert "--prefill-chunk 33: 1 to the context of 32" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
