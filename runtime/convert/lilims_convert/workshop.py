"""Where a model folder is made before it takes its place: a hidden folder beside it, on the same disk.

Whatever goes wrong, nothing is left that looks like a model. What a killed process left is thrown away by the next one:
whoever works in a folder holds a lock on it, which ends with the process.
"""

from __future__ import annotations

import errno
import glob
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

try:
    import fcntl
except ImportError:  # not a POSIX system: nothing is locked there, and nothing thrown away
    fcntl = None

_FULL = (errno.ENOSPC, errno.EDQUOT)


@contextmanager
def beside(destination: Path) -> Iterator[Path]:
    """A new folder for the work, removed at the end, with all that is in it, unless it was put somewhere."""
    destination.parent.mkdir(parents=True, exist_ok=True)
    _throw_away_what_was_left(destination)
    folder, lock = _made(destination)
    try:
        yield folder
    except OSError as error:
        raise _told(error, destination) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def put(folder: Path, destination: Path) -> None:
    """Moves a finished folder to its place, by two renames where another model is there."""
    folder.chmod(0o755)  # temporary folders are their owner's only
    if not destination.exists():
        folder.rename(destination)
        return
    former = Path(tempfile.mkdtemp(prefix=f".{destination.name}.former-", dir=destination.parent))
    try:
        destination.rename(former / "model")
        folder.rename(destination)
    finally:
        if not destination.exists():  # interrupted between the two
            (former / "model").rename(destination)
        shutil.rmtree(former, ignore_errors=True)


def _prefix(destination: Path) -> str:
    return f".{destination.name}.unfinished-"


def _told(error: OSError, destination: Path) -> OSError:
    """The error with a place, and with what is to be done where a disk is full; errors of writing have neither."""
    where = error.filename or str(destination.parent)
    if error.errno in _FULL:
        return OSError(error.errno, "no space is left on its disk; make room, or name a folder on another one", where)
    return error if error.filename or error.errno is None else OSError(error.errno, error.strerror, where)


def _made(destination: Path) -> tuple[Path, int | None]:
    """A new folder and a lock on it. It gets the name that others look for when it is locked, and not before."""
    made = Path(tempfile.mkdtemp(prefix=f".{destination.name}.begun-", dir=destination.parent))
    lock = _locked(made)
    return made.rename(destination.parent / f"{_prefix(destination)}{made.name.rpartition('-')[2]}"), lock


def _locked(folder: Path) -> int | None:
    """A lock on a folder, which ends when it is closed; None where another process has it, or none can be had."""
    handle = None
    try:
        handle = os.open(folder, os.O_RDONLY)
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return handle
    except (OSError, AttributeError):
        if handle is not None:
            os.close(handle)
        return None


def _throw_away_what_was_left(destination: Path) -> None:
    for folder in destination.parent.glob(f"{glob.escape(_prefix(destination))}*"):
        lock = _locked(folder)
        if lock is not None:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)
