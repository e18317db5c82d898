"""The accuracy of a converted model: its perplexity, measured by the runtime and compared with that of the fp16 model."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from . import digests

# The largest increase of perplexity over fp16, as a fraction, and the largest one that can be accepted with a reason.
LIMITS = {"fp16": 0.0, "int8": 0.01, "int4": 0.03, "palette8": 0.01, "palette6": 0.03, "palette4": 0.03}
ACCEPTABLE = {"fp16": 0.0, "int8": 0.01, "int4": 0.05, "palette8": 0.01, "palette6": 0.05, "palette4": 0.05}

# The default corpus: stories that the shipped model was not trained on. A dozen have about two thousand tokens, which is
# enough for a comparison, because all precisions are measured on the same ones.
HELD_OUT = Path(__file__).parents[1] / "data/stories-1m/heldout.txt"
HELD_OUT_NAME = "the project's held-out stories"
HELD_OUT_TEXTS = 12


def find_agent() -> Path | None:
    """The path of bench-agent: BENCH_AGENT, bin/bench-agent of this repository, or the one on PATH; None if there is none."""
    named = os.environ.get("BENCH_AGENT")
    if named:
        return Path(named)
    built = Path(__file__).parents[3] / "bin/bench-agent"
    found = built if built.exists() else shutil.which("bench-agent")
    return Path(found) if found else None


# What to try if a precision loses too much.
_LESS = {
    "int8": ("palette8", "fp16"), "palette8": ("fp16",), "palette6": ("palette8", "int8"), "palette4": ("palette6", "int8"),
    "int4": ("palette6 with --layout ane", "int8"), "fp16": (),
}  # fmt: skip


class Evaluator(Protocol):
    """Measures perplexity."""

    def measure(self, folder: Path) -> dict[str, Any]:
        """An entry of the manifest's `evaluation` for the model in `folder`, which already has a manifest."""


@dataclass(frozen=True)
class Agent:
    """Measures with bench-agent, the program of the runtime."""

    program: Path
    corpus: Path  # texts separated by blank lines
    corpus_name: str
    limit: int | None = None  # texts to score; None: all
    speed: bool = True  # measure tokens per second, too
    seconds: float = 3600  # time limit of a run

    def measure(self, folder: Path) -> dict[str, Any]:
        """Raises ValueError if bench-agent cannot be started, fails, or exceeds the time limit."""
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

    def _run(self, *arguments: str) -> dict[str, Any]:
        try:
            done = subprocess.run([self.program, *arguments, "--json"], capture_output=True, text=True, timeout=self.seconds)
        except OSError as error:
            raise ValueError(f"{self.program}: {error.strerror or error}; build it with `make bin/bench-agent`") from None
        except subprocess.TimeoutExpired:
            raise ValueError(f"{self.program} {arguments[0]}: no answer within {self.seconds:g} s") from None
        if done.returncode:
            reason = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
            raise ValueError(f"{self.program} {arguments[0]}: {reason[0]}")
        return dict(json.loads(done.stdout))


@dataclass(frozen=True)
class Standard:
    """What a perplexity is compared with."""

    base: dict[str, Any]  # the entry of the fp16 model, for the same corpus
    accepted: str | None = None  # the reason for accepting a larger loss; None: it is not accepted


def judge(entry: dict[str, Any], standard: Standard, report: Callable[[str], None]) -> list[dict[str, Any]]:
    """The manifest's entries for a model and its base. Raises ValueError if the loss is too large."""
    base = standard.base
    for key in ("corpus_sha256", "tokens"):
        if entry.get(key) != base.get(key):
            raise ValueError(f"the fp16 perplexity was measured on another corpus: {key} is {base.get(key)}, not {entry.get(key)}")
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
