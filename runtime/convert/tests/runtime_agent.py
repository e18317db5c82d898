"""Runs model folders with bench-agent, the program of the runtime."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

REPOSITORY = Path(__file__).parents[3]


def program() -> Path:
    """The path of bench-agent: BENCH_AGENT, which must then exist, or bin/bench-agent; skips the test if it is not built."""
    named = os.environ.get("BENCH_AGENT")
    path = Path(named) if named else REPOSITORY / "bin/bench-agent"
    if not named and not path.exists():
        pytest.skip("bench-agent is not built (make bin/bench-agent), so nothing can run the packages")
    return path


def run(*arguments: str) -> str:
    done = subprocess.run([program(), *arguments], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"bench-agent {' '.join(arguments)}: {done.stderr}"
    return done.stdout


def logits(folder: Path, ids: list[int], greedy: int = 0, *flags: str) -> tuple[np.ndarray, list[int]]:
    """Rows of logits after `ids` and after each greedy token, and the greedy choice of each row."""
    out = run("logits", "--model", str(folder), "--token-ids", ",".join(map(str, ids)), "--greedy", str(greedy), *flags)
    lines = [json.loads(line) for line in out.splitlines()]
    return np.array([line["logits"] for line in lines]), [line["greedy"] for line in lines]
