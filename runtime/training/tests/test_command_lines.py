"""The command lines of both packages: one spelling for each meaning, and former spellings with a notice."""

from __future__ import annotations

import argparse
import dataclasses
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import lilims_convert.__main__
import lilims_convert.cli
from lilims_convert import conversion, options
from lilims_training import __main__, tiny

PARSERS = {
    "lilims-convert": lilims_convert.cli.parser,
    "lilims_convert": lilims_convert.__main__.parser,
    "lilims_training": __main__.parser,
}


def commands(name: str, parser: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """A parser, or those of its commands, by name."""
    groups = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not groups:
        yield name, parser
    for group in groups:
        for command, below in group.choices.items():
            yield f"{name} {command}", below


def every_command() -> dict[str, argparse.ArgumentParser]:
    return {command: below for name, make in PARSERS.items() for command, below in commands(name, make())}


def test_a_flag_is_spelled_the_same_everywhere() -> None:
    spellings: dict[str, set[tuple[str, ...]]] = {}
    types: dict[str, set[object]] = {}
    for parser in every_command().values():
        for action in parser._actions:
            if action.option_strings and action.help != argparse.SUPPRESS:
                spellings.setdefault(action.dest, set()).add(tuple(action.option_strings))
                types.setdefault(action.dest, set()).add(action.type)
    assert len(spellings) > 25
    assert {dest: found for dest, found in spellings.items() if len(found) > 1} == {}
    assert {dest: found for dest, found in types.items() if len(found) > 1} == {}
    for dest, ((*_, longest),) in spellings.items():
        assert longest == "--" + dest.replace("_", "-")


def test_only_model_folders_are_positional() -> None:
    for command, parser in every_command().items():
        shown = {action.dest for action in parser._actions if not action.option_strings and action.help != argparse.SUPPRESS}
        assert shown <= {"model"}, command


def test_every_command_and_flag_has_help() -> None:
    for command, parser in every_command().items():
        for action in parser._actions:
            assert action.help, f"{command} {action.dest}"
        assert options.ENDS not in parser.format_help(), f"{command}: a former spelling is in the help"


FORMER = {
    "train": ("lilims_training", ["train", "F", "--seed", "3"], {"output": Path("F"), "seed": 3}, ["--output F"]),
    "tiny": ("lilims_training", ["tiny", "F"], {"output": Path("F")}, ["--output F"]),
    "golden": ("lilims_convert", ["golden", "M", "G", "--prompt", "p"], {"model": Path("M"), "output": Path("G")}, ["--output G"]),
    "evaluate": ("lilims_convert", ["evaluate", "M", "C"], {"model": Path("M"), "corpus": Path("C")}, ["--corpus C"]),
    "golden-tokenizer": (
        "lilims_convert", ["golden-tokenizer", "T", "F"], {"tokenizer": Path("T"), "output": Path("F")}, ["--tokenizer T", "--output F"],
    ),
    "convert-checkpoint": (
        "lilims_convert", ["convert-checkpoint", "C", "F", "--quantization", "int8"],
        {"checkpoint": Path("C"), "output": Path("F"), "quantize": "int8"}, ["--checkpoint C", "--output F", "--quantize"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", FORMER)
def test_former_spellings_are_accepted_with_a_notice(case: str, capsys: pytest.CaptureFixture[str]) -> None:
    name, arguments, wanted, now = FORMER[case]
    chosen = vars(PARSERS[name]().parse_args(arguments))
    assert {key: chosen[key] for key in wanted} == wanted
    notices = capsys.readouterr().err.splitlines()
    assert len(notices) == len(now)
    for line, spelling in zip(notices, now, strict=True):
        assert f"is now {spelling};" in line
        assert "until 2.0" in line


def test_present_spellings_need_no_notice(capsys: pytest.CaptureFixture[str]) -> None:
    chosen = PARSERS["lilims_convert"]().parse_args(["convert-checkpoint", "--checkpoint", "C", "-o", "F", "--quantize", "int8"])
    assert (chosen.checkpoint, chosen.output, chosen.quantize, chosen.prefill_chunk) == (Path("C"), Path("F"), "int8", 32)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["convert-checkpoint", "C"], "the following arguments are required: -o/--output"),
        (["evaluate", "M"], "the following arguments are required: --corpus"),
        (["evaluate", "M", "C", "D"], "unrecognized arguments: D"),
    ],
)
def test_missing_and_surplus_arguments_are_named(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        PARSERS["lilims_convert"]().parse_args(arguments)
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("former", "now"),
    [(["lilims_convert", "tiny"], "tiny"), (["lilims_convert", "sample"], "sample"), (["lilims_convert.train"], "train")],
    ids=["tiny", "sample", "train"],
)
def test_moved_commands_still_run(former: list[str], now: str) -> None:
    done = subprocess.run([sys.executable, "-m", *former, "--help"], capture_output=True, text=True)
    assert done.returncode == 0
    assert f"usage: lilims-training {now}" in done.stdout
    assert f"is now python -m lilims_training {now};" in done.stderr


def test_a_moved_command_says_what_to_install(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert lilims_convert.__main__.main(["tiny", "somewhere"]) == 1
    assert "pip install the folder runtime/training" in capsys.readouterr().err


def test_the_installed_command_has_help() -> None:
    command = Path(sys.executable).with_name("lilims-training")
    done = subprocess.run([command, "--help"], capture_output=True, text=True)
    assert done.returncode == 0
    assert all(name in done.stdout for name in ("train", "sample", "tiny"))


def test_a_missing_model_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert __main__.main(["sample", str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert said.startswith("lilims_training sample: ")
    assert said.count("\n") == 1


def test_the_numpy_reference_names_what_it_cannot_read(tmp_path: Path, tiny_tokenizer: Path, capsys: pytest.CaptureFixture[str]) -> None:
    request = dataclasses.replace(tiny.request(tmp_path / "model", tiny_tokenizer), layout="ane", quantization="int8")
    conversion.convert(tiny.make(), request)
    assert __main__.main(["sample", str(tmp_path / "model")]) == 1
    assert "is llama in the ane layout, int8; the numpy reference reads plain fp16 Llamas only: use bench-agent" in capsys.readouterr().err
