"""Errors as one line of text, for the command lines."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable


def one_line(error: BaseException) -> str:
    """What failed and, where a package is missing, how to install it."""
    if isinstance(error, ModuleNotFoundError):
        package = (error.name or str(error)).partition(".")[0]
        return f"the Python package {package} is missing: pip install {package}"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return " ".join(str(error).split())


def exit_code(command: str, run: Callable[[], None]) -> int:
    """Runs a command: 0 when it succeeds, 1 with one line on standard error when its input is at fault."""
    os.environ.setdefault("TQDM_DISABLE", "1")  # coremltools draws a progress bar for each list of passes
    try:
        run()
    except (ValueError, OSError, ImportError) as error:
        print(f"{command}: {one_line(error)}", file=sys.stderr)
        return 1
    return 0
