"""Commands that are now in lilims_training. Their former names pass all arguments on until 2.0.

This package does not import lilims_training, which depends on it: the command runs in a process of its own.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys

from . import options

COMMANDS = ("sample", "tiny")


def run(former: str, command: str, arguments: list[str]) -> int:
    """Runs a command of lilims_training and returns its exit code."""
    options.notice(f"python -m {former}", f"python -m lilims_training {command}")
    if importlib.util.find_spec("lilims_training") is None:
        print(f"{former}: lilims_training is not installed: pip install the folder runtime/training", file=sys.stderr)
        return 1
    return subprocess.call([sys.executable, "-m", "lilims_training", command, *arguments])
