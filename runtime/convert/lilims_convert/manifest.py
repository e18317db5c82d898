"""manifest.json: the contents of a model folder and the hash that identifies it (docs/model-contract.md)."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

from . import digests

FORMAT = 1
FILE_NAME = "manifest.json"
# The first runtime version that supports format 1 and its program interface, the first versions that support later
# additions, and the first version for which support is not guaranteed.
OLDEST = "1.0.0"
NEWER = {"outputs": "1.1.0", "local_window": "1.1.0"}
BELOW = "2.0.0"


def list_files(folder: Path) -> list[dict[str, Any]]:
    """Path (with forward slashes), size and SHA-256 of every file except the manifest, sorted by the bytes of the path."""
    folder = Path(folder)
    files = []
    for path in folder.rglob("*"):
        relative = path.relative_to(folder).as_posix()
        if path.is_file() and relative != FILE_NAME:
            files.append({"path": relative, "size": path.stat().st_size, "sha256": digests.of_files([path])})
    return sorted(files, key=lambda file: file["path"].encode())


def content_hash(files: list[dict[str, Any]]) -> str:
    """The identity of a model: SHA-256 over one line per file."""
    lines = "".join(f"{file['path']}\t{file['size']}\t{file['sha256']}\n" for file in files)
    return hashlib.sha256(lines.encode()).hexdigest()


_NUMBER = r"(0|[1-9]\d*)"
_WORD = r"(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)"
_SEMANTIC = re.compile(rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(-{_WORD}(\.{_WORD})*)?(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?")


def check_version(version: str) -> None:
    """Raises ValueError unless it is a semantic version (semver.org, 2.0.0): readers would refuse the whole manifest."""
    if _SEMANTIC.fullmatch(version) is None:
        raise ValueError(f"{version!r} is not a semantic version, such as 1.0.0")


def minimum_runtime(description: dict[str, Any]) -> str:
    """The lowest runtime version that can run a model: one that supports every feature in its manifest."""
    wanted = [OLDEST, *(version for key, version in NEWER.items() if key in description)]
    return max(wanted, key=lambda version: [int(part) for part in version.split(".")])


def write(folder: Path, description: dict[str, Any]) -> dict[str, Any]:
    """Adds format, files, size and hash to `description` and writes the manifest; returns the manifest."""
    files = list_files(folder)
    manifest = {
        "format": FORMAT,
        **description,
        "size_bytes": sum(file["size"] for file in files),
        "hash": content_hash(files),
        "files": files,
        "runtime": {"minimum": minimum_runtime(description), "below": BELOW},
    }
    text = json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
    (Path(folder) / FILE_NAME).write_text(text, encoding="utf-8")
    return manifest


def read(folder: Path) -> dict[str, Any]:
    """The manifest of a model folder. Raises ValueError if it is not one, OSError if it cannot be read."""
    path = Path(folder) / FILE_NAME
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: not a manifest: {error}") from None
    if not isinstance(manifest, dict) or not {"files", "hash", "evaluation"} <= set(manifest):
        raise ValueError(f"{path}: not a manifest: it must have files, hash and evaluation")
    return manifest


def verify(folder: Path) -> dict[str, Any]:
    """The manifest of a model folder. Raises ValueError, listing every difference, if the files do not match it."""
    manifest = read(folder)
    stated = {file["path"]: file for file in manifest["files"]}
    present = {file["path"]: file for file in list_files(folder)}
    mistakes = [f"{path}: missing" for path in stated if path not in present]
    mistakes += [f"{path}: not listed" for path in present if path not in stated]
    mistakes += [f"{path}: differs" for path in stated if path in present and stated[path] != present[path]]
    if manifest["hash"] != content_hash(manifest["files"]):
        mistakes.append("hash: does not match the file list")
    if mistakes:
        raise ValueError(f"model {folder}: " + "; ".join(sorted(mistakes)))
    return manifest
