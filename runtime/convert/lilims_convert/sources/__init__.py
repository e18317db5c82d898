"""Readers of model files. The files are untrusted input.

    blocks        the types of ggml: blocks of quantised values, decoded to float32
    gguf          one GGUF file: metadata and the place of each tensor
    safetensors   a Hugging Face directory: config.json and the tensors of its shards
    tensors       a tensor of a source, and views of it (rows permuted, transposed, shifted)

Files are mapped, not loaded: a tensor is read in chunks of rows when it is stored, and its pages are released afterwards.
Lengths and offsets are checked against the size of the file before they are used. A file that is not valid raises
`SourceError` with one line that names the file.
"""

from __future__ import annotations

from collections.abc import Iterable


class SourceError(ValueError):
    """A source file that cannot be used; the message says which, where and why."""


def shown(value: object) -> str:
    """A value for an error message, shortened: files may contain long ones."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def repeated(names: Iterable[str]) -> str | None:
    """The first name that occurs a second time; None if all differ."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None
