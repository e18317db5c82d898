"""The staging folder of a conversion: a hidden folder beside the destination, on the same disk.

A failed conversion leaves no folder that looks like a model. The next conversion removes the folders of killed processes:
a process holds a lock on its staging folder, which ends with the process.
"""

from __future__ import annotations

import errno
import glob
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

if sys.platform != "win32":
    import fcntl

_FULL = (errno.ENOSPC, errno.EDQUOT)


@contextmanager
def beside(destination: Path) -> Iterator[Path]:
    """A new staging folder. It is removed at the end, with its contents, unless `put` has moved it."""
    destination.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(destination)
    folder, lock = _create(destination)
    try:
        yield folder
    except OSError as error:
        raise _with_place(error, destination) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def put(folder: Path, destination: Path) -> None:
    """Moves a finished folder to its destination, with two renames if another model is there."""
    folder.chmod(0o755)  # temporary folders are accessible to their owner only
    if not destination.exists():
        folder.rename(destination)
        return
    former = Path(tempfile.mkdtemp(prefix=f".{destination.name}.former-", dir=destination.parent))
    try:
        destination.rename(former / "model")
        folder.rename(destination)
    finally:
        if not destination.exists():  # interrupted between the two renames
            (former / "model").rename(destination)
        shutil.rmtree(former, ignore_errors=True)


def _prefix(destination: Path) -> str:
    return f".{destination.name}.unfinished-"


def _with_place(error: OSError, destination: Path) -> OSError:
    """The error with a path and, for a full disk, with a remedy; errors of write calls have neither."""
    where = error.filename or str(destination.parent)
    if error.errno in _FULL:
        return OSError(error.errno, "no space left on the disk; free some, or choose a folder on another disk", where)
    return error if error.filename or error.errno is None else OSError(error.errno, error.strerror, where)


def _create(destination: Path) -> tuple[Path, int | None]:
    """A new folder and a lock on it. It gets the name that other processes look for only after it is locked."""
    made = Path(tempfile.mkdtemp(prefix=f".{destination.name}.begun-", dir=destination.parent))
    lock = _locked(made)
    return made.rename(destination.parent / f"{_prefix(destination)}{made.name.rpartition('-')[2]}"), lock


def _locked(folder: Path) -> int | None:
    """A lock on a folder, held until its handle is closed; None if another process has it, or if locks are not available."""
    if sys.platform == "win32":  # there are no such locks, so leftovers are not removed
        return None
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        return None
    return handle


def _remove_leftovers(destination: Path) -> None:
    """Removes staging folders that no process holds a lock on."""
    for folder in destination.parent.glob(f"{glob.escape(_prefix(destination))}*"):
        lock = _locked(folder)
        if lock is not None:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)
