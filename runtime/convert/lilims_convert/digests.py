"""SHA-256 of files, read in chunks of constant size."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

_CHUNK = 1 << 22  # bytes


def of_files(paths: Iterable[Path]) -> str:
    """The hexadecimal digest of the contents of all files, concatenated."""
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    return digest.hexdigest()
