"""How good a converted model is: perplexity as the runtime itself measures it, held against the unquantised model's."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from . import digests

# What a precision may lose against fp16, as a part of its perplexity, and what it may lose when somebody says why.
LIMITS = {"fp16": 0.0, "int8": 0.01, "int4": 0.03, "palette8": 0.01, "palette6": 0.03, "palette4": 0.03}
ACCEPTABLE = {"fp16": 0.0, "int8": 0.01, "int4": 0.05, "palette8": 0.01, "palette6": 0.05, "palette4": 0.05}


# The project's own stories that no model was trained on: what is measured on where nothing else is named. A dozen hold
# about two thousand tokens, and since every precision is measured on the same ones, their luck cancels in the loss.
HELD_OUT = Path(__file__).parents[1] / "data/stories-1m/heldout.txt"
HELD_OUT_NAME = "the project's held-out stories"
HELD_OUT_TEXTS = 12


def find_agent() -> Path | None:
    """The runtime's program: BENCH_AGENT, the one that make builds in this repository, or the one on PATH."""
    named = os.environ.get("BENCH_AGENT")
    if named:
        return Path(named)
    built = Path(__file__).parents[3] / "bin/bench-agent"
    found = built if built.exists() else shutil.which("bench-agent")
    return Path(found) if found else None
# What to try where a precision loses too much.
_LESS = {
    "int8": ("palette8", "fp16"), "palette8": ("fp16",), "palette6": ("palette8", "int8"), "palette4": ("palette6", "int8"),
    "int4": ("palette6 with --layout ane", "int8"), "fp16": (),
}  # fmt: skip


class Evaluator(Protocol):
    def measure(self, folder: Path) -> dict:
        """An entry of the manifest's `evaluation` for the model in `folder`, which holds its manifest already."""


@dataclass(frozen=True)
class Agent:
    """Measures with the runtime's own program, bench-agent."""

    program: Path
    corpus: Path  # texts parted by blank lines
    corpus_name: str
    limit: int | None = None  # texts to score; None: all
    speed: bool = True  # tokens per second beside it
    seconds: float = 3600  # until the program is taken for stuck

    def measure(self, folder: Path) -> dict:
        limit = ["--limit", str(self.limit)] if self.limit else []
        found = self._run("perplexity", "--model", str(folder), "--corpus", str(self.corpus), *limit)
        entry = {
            "corpus": self.corpus_name,
            "corpus_sha256": digests.of_files([self.corpus]),
            "tokens": found["tokens"],
            "perplexity": round(found["perplexity"], 4),
            "by": "bench-agent",
        }
        if self.limit:
            entry["texts"] = self.limit
        if self.speed:
            entry["decode_tok_s"] = round(self._run("speed", "--model", str(folder), "--tokens", "32")["decode_tok_s"], 1)
        return entry

    def _run(self, *arguments: str) -> dict:
        try:
            done = subprocess.run([self.program, *arguments, "--json"], capture_output=True, text=True, timeout=self.seconds)
        except OSError as error:
            raise ValueError(f"{self.program}: {error.strerror or error}; build it with `make bin/bench-agent`") from None
        except subprocess.TimeoutExpired:
            raise ValueError(f"{self.program} {arguments[0]}: no answer within {self.seconds:g} s") from None
        if done.returncode:
            reason = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
            raise ValueError(f"{self.program} {arguments[0]}: {reason[0]}")
        return json.loads(done.stdout)


@dataclass(frozen=True)
class Standard:
    """What a perplexity is held against."""

    base: dict  # the fp16 model's entry, of the same corpus
    accepted: str | None = None  # why a greater loss is accepted; None: it is not


def judge(entry: dict, standard: Standard, report: Callable[[str], None]) -> list[dict]:
    """The manifest's entries for a model and its base. Raises ValueError when the model lost too much."""
    base = standard.base
    for key in ("corpus_sha256", "tokens"):
        if entry.get(key) != base.get(key):
            raise ValueError(f"the fp16 perplexity is of another corpus: {key} is {base.get(key)}, not {entry.get(key)}")
    loss = entry["perplexity"] / base["perplexity"] - 1
    limit = LIMITS[entry["precision"]]
    report(f"perplexity {entry['perplexity']:.4f}, fp16 {base['perplexity']:.4f}: {loss:+.2%} (limit {limit:.0%})")
    judged = {**entry, "loss": round(loss, 5)}
    if loss > limit:
        most = ACCEPTABLE[entry["precision"]]
        if standard.accepted is None or loss > most:
            raise ValueError(
                f"{entry['precision']} raises perplexity by {loss:.2%}, from {base['perplexity']:.4f} to {entry['perplexity']:.4f}; "
                f"at most {limit:.0%} is allowed, {most:.0%} with a reason (--accept-loss); "
                f"quantise less ({', '.join(_LESS[entry['precision']])})"
            )
        judged["accepted"] = standard.accepted
    return [base, judged]
