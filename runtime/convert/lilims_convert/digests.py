"""SHA-256 of files, read in runs so that their size does not matter."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

_RUN = 1 << 22  # bytes


def of_files(paths: Iterable[Path]) -> str:
    """The digest of all the files' bytes, one file after the other, in hexadecimal."""
    digest = hashlib.sha256()
    for path in paths:
        with open(path, "rb") as file:
            while run := file.read(_RUN):
                digest.update(run)
    return digest.hexdigest()
