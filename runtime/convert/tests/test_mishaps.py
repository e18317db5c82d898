"""Failures of a conversion: each is reported in one line and leaves nothing that looks like a model."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import runtime_agent
from checkpoints import SAMPLES
from lilims_convert import cli, conversion, manifest, package, staging

QUICK = ("--quantize", "fp16", "--context", "32", "--no-measure")


@pytest.fixture
def source(tmp_path, tiny_tokenizer) -> Path:
    folder = SAMPLES["llama"].write_directory(tmp_path / "source")
    (folder / "tokenizer.json").write_bytes(tiny_tokenizer.read_bytes())
    return folder


@pytest.fixture
def place(tmp_path) -> Path:
    """The destination of the model, in a folder of its own."""
    (tmp_path / "models").mkdir()
    return tmp_path / "models/out"


def convert(source: Path, place: Path, *more: str) -> int:
    return cli.main(["--checkpoint", str(source), "-o", str(place), *QUICK, *more])


def last_line(capsys) -> str:
    """The last line on stderr; the lines before it are the started steps."""
    lines = capsys.readouterr().err.splitlines()
    assert all(line[0].isdigit() for line in lines[:-1]), lines
    return lines[-1]


# --- while a step runs ---


def failing(name: str, mistake: BaseException) -> tuple[conversion.Step, ...]:
    """The steps, one of which fails at its end."""

    def run(c: conversion.Conversion, step: conversion.Step) -> None:
        step.run(c)
        raise mistake

    def spoilt(step: conversion.Step) -> conversion.Step:
        return conversion.Step(step.name, step.why_here, lambda c: run(c, step)) if step.name == name else step

    return tuple(spoilt(step) for step in conversion.STEPS)


@pytest.mark.parametrize("step", [step.name for step in conversion.STEPS])
def test_an_interrupt_leaves_nothing_behind(step, source, place, monkeypatch, capsys):
    monkeypatch.setattr(conversion, "STEPS", failing(step, KeyboardInterrupt()))
    assert convert(source, place) == 130
    assert last_line(capsys) == "lilims-convert: interrupted; no files were left behind"
    assert list(place.parent.iterdir()) == []


MISTAKES = {
    "disk full": (
        OSError(errno.ENOSPC, "No space left on device"),
        "{}: no space left on the disk; free some, or choose a folder on another disk",
    ),
    "quota": (OSError(errno.EDQUOT, "Disk quota exceeded"), "{}: no space left on the disk; free some, or choose a folder on another disk"),
    "broken disk": (OSError(errno.EIO, "Input/output error"), "{}: Input/output error"),
    "no memory": (MemoryError(), "out of memory; close other programs, or convert on a larger machine"),
    "no memory for numpy": (MemoryError("Unable to allocate 3.1 GiB"), "out of memory (Unable to allocate 3.1 GiB); close other"),
    "no package": (ModuleNotFoundError("No module named 'x'", name="x"), "the Python package x is missing: pip install x"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_the_model_before_stays_when_another_fails(case, source, place, monkeypatch, capsys):
    assert convert(source, place) == 0
    before = manifest.verify(place)
    capsys.readouterr()
    mistake, told = MISTAKES[case]
    monkeypatch.setattr(conversion, "STEPS", failing("write", mistake))
    assert convert(source, place, "--version", "2.0.0") == 1
    assert last_line(capsys).startswith(f"lilims-convert: {told.format(place.parent)}")
    assert [path.name for path in place.parent.iterdir()] == ["out"]
    assert manifest.verify(place) == before


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
def test_a_full_disk_is_told_of_by_the_system_itself(source, place, monkeypatch, capsys):
    """The weight file is /dev/full, so the real write fails, wherever it is flushed."""
    weights_folder = package.weights_folder

    def full(of: Path) -> Path:
        folder = weights_folder(of)
        if not (folder / package.WEIGHT_FILE).exists():
            (folder / package.WEIGHT_FILE).symlink_to("/dev/full")
        return folder

    monkeypatch.setattr(package, "weights_folder", full)
    assert convert(source, place) == 1
    assert last_line(capsys) == f"lilims-convert: {place.parent}: no space left on the disk; free some, or choose a folder on another disk"
    assert list(place.parent.iterdir()) == []


@pytest.mark.parametrize("bytes_allowed", [20_000, 130_000])
def test_files_that_may_not_grow(bytes_allowed, source, place, capfd):
    """The system limits the size of files: the weights fail, or the program."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_allowed, hard))
    try:
        assert convert(source, place) == 1
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert last_line(capfd).endswith(": File too large")
    assert list(place.parent.iterdir()) == []


# --- signals and missing packages ---


def started(source: Path, place: Path) -> subprocess.Popen:
    command = [sys.executable, "-m", "lilims_convert.cli", "--checkpoint", source, "-o", place, *QUICK]
    # What runs in the background of a script has the interrupt ignored, and a child would inherit that.
    former = {number: signal.signal(number, signal.SIG_DFL) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        return subprocess.Popen(command, cwd=Path(__file__).parents[1], stderr=subprocess.PIPE, text=True)
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_work_and_takes_it_away(how, source, place):
    with started(source, place) as process:
        assert process.stderr.readline().startswith("1/8 check")
        process.send_signal(how)
        said = process.stderr.read().splitlines()
    assert process.returncode == 130
    assert said[-1] == "lilims-convert: interrupted; no files were left behind"
    assert list(place.parent.iterdir()) == []


def test_what_a_killed_process_left_is_thrown_away_by_the_next(source, place):
    with started(source, place) as process:
        assert process.stderr.readline().startswith("1/8 check")
        process.kill()
    left = list(place.parent.iterdir())
    assert len(left) == 1
    assert not (left[0] / manifest.FILE_NAME).exists()
    assert left[0].name.startswith(".")
    with staging.beside(place) as at_work:
        assert convert(source, place) == 0
        assert sorted(path.name for path in place.parent.iterdir()) == sorted(["out", at_work.name]), "a folder in use is kept"


@pytest.mark.parametrize("missing", ["numpy", "coremltools", "tokenizers"])
def test_a_python_package_that_is_missing_is_named(missing, source, place):
    code = f"import sys; sys.modules[{missing!r}] = None; from lilims_convert.cli import main; sys.exit(main(sys.argv[1:]))"
    done = subprocess.run(
        [sys.executable, "-c", code, "--checkpoint", source, "-o", place], cwd=Path(__file__).parents[1], capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr == f"lilims-convert: the Python package {missing} is missing: pip install {missing}\n"
    assert list(place.parent.iterdir()) == []


# --- input ---


def edited(path: Path, **changes) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


SPOILT = {
    "no directory": (lambda d: d.rename(d.with_name("elsewhere")), "{source}: not a model directory"),
    "no configuration": (lambda d: (d / "config.json").unlink(), "{source}/config.json: No such file"),
    "no tokenizer": (
        lambda d: (d / "tokenizer.json").unlink(),
        "{source}/tokenizer.json: missing; give the tokenizer of the model with --tokenizer",
    ),
    "no weights": (lambda d: (d / "model.safetensors").unlink(), "{source}: has neither model.safetensors nor"),
    "no shard": (
        lambda d: (d / "model.safetensors.index.json").write_text('{"weight_map": {"a": "model-00001-of-00002.safetensors"}}'),
        "{source}: 1 of 1 shards are missing: model-00001-of-00002.safetensors",
    ),
    "cut short": (lambda d: os.truncate(d / "model.safetensors", 50_000), "is the download incomplete?"),
    "another family": (
        lambda d: edited(d / "config.json", model_type="mamba"),
        "{source}: architecture 'mamba' is not supported; supported:",
    ),
    "another tokenizer": (lambda d: edited(d / "config.json", vocab_size=100), "token_embd.weight: shape [288, 48], expected [100, 48]"),
    "one tensor less": (lambda d: edited(d / "config.json", num_hidden_layers=3), "blk.2.attn_k.weight: missing"),
}


@pytest.mark.parametrize("case", SPOILT)
def test_a_source_that_cannot_be_used_is_told_of_in_one_line(case, source, place, capsys):
    spoil, told = SPOILT[case]
    spoil(source)
    assert convert(source, place) == 1
    line = last_line(capsys)
    assert line.startswith("lilims-convert: ")
    assert told.format(source=source) in line
    assert list(place.parent.iterdir()) == []


def test_a_gguf_file_without_a_vocabulary_is_told_how_to_get_one(place, tmp_path, capsys, tiny_tokenizer):
    path = SAMPLES["llama"].write_gguf(tmp_path / "model.gguf")
    arguments = ["--gguf", str(path), "-o", str(place), *QUICK]
    assert cli.main(arguments) == 1
    assert "has no tokenizer: tokenizer.ggml.model is missing; give one with --tokenizer" in last_line(capsys)
    assert cli.main([*arguments, "--tokenizer", str(tiny_tokenizer)]) == 0


# --- output ---


def test_what_is_not_a_model_is_not_replaced(source, place, capsys):
    place.write_text("mine")
    assert convert(source, place) == 1
    assert last_line(capsys) == f"lilims-convert: {place}: is a file; name a folder"
    place.unlink()
    (place / "mine").mkdir(parents=True)
    assert convert(source, place) == 1
    assert "contains something other than a model" in last_line(capsys)
    assert [path.name for path in place.iterdir()] == ["mine"]


def test_folders_on_the_way_are_made(source, place, tmp_path):
    corpus = tmp_path / "corpus.txt"
    corpus.write_text("The cat sat on the mat.\n\nThe dog said hello.\n")
    measured = ("--quantize", "int8", "--context", "64", "--corpus", str(corpus), "--agent", str(runtime_agent.program()))
    deep = place / "a/b"
    assert cli.main(["--checkpoint", str(source), "-o", str(deep), *measured]) == 0
    assert len(manifest.verify(deep)["evaluation"]) == 2


@pytest.mark.parametrize("text", ["", "{", "[]", '{"files": []}'], ids=["empty", "no JSON", "a list", "too little"])
def test_a_base_that_is_no_model_is_named(text, source, place, tmp_path, capsys):
    (tmp_path / "base").mkdir()
    (tmp_path / "base/manifest.json").write_text(text)
    judged = ("--quantize", "int8", "--agent", str(tmp_path / "none"), "--base", str(tmp_path / "base"))
    assert cli.main(["--checkpoint", str(source), "-o", str(place), *judged]) == 1
    assert f"{tmp_path}/base/manifest.json: not a manifest" in last_line(capsys)


def test_an_interrupt_between_two_renames_puts_the_former_model_back(place, tmp_path, monkeypatch):
    place.mkdir()
    (place / "former").touch()
    folder = tmp_path / "models/new"
    folder.mkdir()
    rename = Path.rename

    def interrupted(self: Path, target: Path) -> Path:
        if self == folder:
            raise KeyboardInterrupt
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt):
        staging.put(folder, place)
    assert (place / "former").exists()
