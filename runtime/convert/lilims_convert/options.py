"""Flags that the command lines of lilims_convert and lilims_training share: one spelling for each meaning.

Former spellings are accepted until 2.0. They are not in the help, and each use prints a notice on standard error.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .precisions import QUANTIZATIONS

ENDS = "2.0"  # the release in which former spellings go
_FORMER = "former_positionals"


def output(parser: argparse.ArgumentParser, what: str, metavar: str = "FOLDER") -> argparse.Action:
    """-o, --output: what a command writes."""
    return parser.add_argument("-o", "--output", type=Path, required=True, metavar=metavar, help=what)


def model(parser: argparse.ArgumentParser) -> argparse.Action:
    """MODEL: the converted model that a command reads."""
    return parser.add_argument("model", type=Path, metavar="MODEL", help="model folder")


def identity(parser: argparse.ArgumentParser, source: str | None = None, licence: str | None = None) -> None:
    """--name, --version, --source and --licence: what the manifest says about a model. None: taken from the source."""
    parser.add_argument("--name", help="model name (default: the name of the folder)")
    parser.add_argument("--version", default="1.0.0", help="semantic version of the model (default: 1.0.0)")
    parser.add_argument("--source", default=source, help=f"origin of the weights (default: {source or 'the file name'})")
    parser.add_argument("--licence", default=licence, help=f"licence of the weights (default: {licence or 'as the source states'})")


def lengths(parser: argparse.ArgumentParser, context: str, chunk: str) -> None:
    """--context and --prefill-chunk, in tokens; the arguments are the defaults in words."""
    parser.add_argument("--context", type=int, metavar="N", help=f"cache length in tokens (default: {context})")
    parser.add_argument("--prefill-chunk", type=int, metavar="N", help=f"tokens per prefill call (default: {chunk})")


def tokenizer(parser: argparse.ArgumentParser, default: str | None = None, required: bool = False) -> argparse.Action:
    text = f"tokenizer.json (default: {default})" if default else "tokenizer.json"
    return parser.add_argument("--tokenizer", type=Path, required=required, metavar="FILE", help=text)


def quantize(parser: argparse.ArgumentParser, default: str | None, described: str | None = None) -> argparse.Action:
    """--quantize; `described` says what the default is where it is not one value."""
    text = f"precision of the weights (default: {described or default})"
    return parser.add_argument("--quantize", choices=QUANTIZATIONS, default=default, help=text)


def corpus(parser: argparse._ActionsContainer, what: str, required: bool = False) -> argparse.Action:
    return parser.add_argument("--corpus", type=Path, required=required, metavar="FILE", help=what)


def corpus_name(parser: argparse._ActionsContainer) -> None:
    parser.add_argument("--corpus-name", help="name of the corpus in the manifest (default: its file name)")


def seed(parser: argparse.ArgumentParser, default: int) -> None:
    parser.add_argument("--seed", type=int, default=default, help=f"seed of the random numbers (default: {default})")


def notice(former: str, now: str) -> None:
    """Says on standard error that a spelling is going away."""
    print(f"note: {former} is now {now}; the former spelling is accepted until {ENDS}", file=sys.stderr)


def former_flag(parser: argparse.ArgumentParser, spelling: str, flag: argparse.Action) -> None:
    """Accepts a former spelling of a flag."""
    parser.add_argument(spelling, action=_FormerFlag, flag=flag, dest=flag.dest, type=flag.type or str, choices=flag.choices)


def former_positionals(parser: argparse.ArgumentParser, *flags: argparse.Action) -> None:
    """Accepts the values of flags as positional arguments, in this order, as they were before they were flags."""
    parser.add_argument(_FORMER, action=_FormerPositionals, flags=flags, nargs="*", type=Path)


class _FormerFlag(argparse.Action):
    def __init__(self, *, flag: argparse.Action, **named: Any) -> None:
        super().__init__(default=argparse.SUPPRESS, help=argparse.SUPPRESS, **named)
        self._flag = flag

    def __call__(self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option: str | None = None) -> None:
        notice(str(option), self._flag.option_strings[-1])
        self._flag.required = False
        setattr(namespace, self.dest, values)


class _FormerPositionals(argparse.Action):
    def __init__(self, *, flags: Sequence[argparse.Action], **named: Any) -> None:
        super().__init__(default=argparse.SUPPRESS, help=argparse.SUPPRESS, metavar="", **named)
        self._flags = flags

    def __call__(self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option: str | None = None) -> None:
        if len(values) > len(self._flags):
            parser.error(f"unrecognized arguments: {' '.join(map(str, values[len(self._flags) :]))}")
        for flag, value in zip(self._flags, values, strict=False):
            notice(f"the positional argument {value}", f"{flag.option_strings[-1]} {value}")
            flag.required = False  # argparse looks at this after the last argument
            setattr(namespace, flag.dest, value)
