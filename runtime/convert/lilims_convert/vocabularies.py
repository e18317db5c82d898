"""The tokenizer of a model folder, from a tokenizer.json or from the vocabulary of a GGUF file."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from . import tokenizers_gguf
from .checkpoint import Checkpoint
from .sources import SourceError
from .tokenizers_gguf import Special

_LARGEST = 1 << 28  # bytes of a tokenizer.json; the largest vocabularies take about 35 million


@dataclass(frozen=True)
class Vocabulary:
    """The text of a tokenizer.json, and the ids that the manifest lists."""

    text: str
    special: Special

    def entry(self) -> dict[str, Any]:
        """The entry of the manifest; ids that the vocabulary does not have are left out."""
        ids = {"bos": self.special.bos, "eos": self.special.eos}
        known = {name: value for name, value in ids.items() if value is not None}
        return {"file": "tokenizer.json", **known, "add_bos": self.special.add_bos}


def read(checkpoint: Checkpoint, path: Path | None) -> Vocabulary:
    """The vocabulary of a checkpoint; `path` is a tokenizer.json to use instead of its own. Raises SourceError."""
    vocabulary = _of_file(Path(path), checkpoint) if path is not None else _of_gguf(checkpoint)
    rows = checkpoint.architecture.vocab
    tokenizer = _parsed(vocabulary.text, path)
    if _entries(tokenizer) > rows:
        vocabulary = replace(vocabulary, text=_without_extra_tokens(vocabulary.text, rows))
        tokenizer = _parsed(vocabulary.text, path)
    if _entries(tokenizer) > rows:
        raise SourceError(
            f"tokenizer {path or 'of the source'}: {_entries(tokenizer)} entries, but the network has {rows}; do they belong together?"
        )
    return vocabulary


def _entries(tokenizer: Tokenizer) -> int:
    """The highest id plus one."""
    return max(tokenizer.get_vocab().values(), default=-1) + 1


def _parsed(text: str, path: Path | None) -> Tokenizer:
    try:
        return Tokenizer.from_str(text)
    except (KeyboardInterrupt, MemoryError):
        raise
    except BaseException as error:  # the library raises Exception, and a BaseException for a Rust panic
        raise SourceError(f"tokenizer {path or 'of the source'}: {' '.join(str(error).split())}") from None


def _without_extra_tokens(text: str, rows: int) -> str:
    """The tokenizer without added tokens that the network has no row for.

    All sizes of a family share a tokenizer, and small networks lack some tokens of the large ones: Gemma 3 with 1 B has no
    image token.
    """
    content = json.loads(text)
    content["added_tokens"] = [token for token in content.get("added_tokens") or [] if token["id"] < rows]
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))


def write(vocabulary: Vocabulary, path: Path) -> None:
    """Writes the tokenizer.json."""
    Path(path).write_text(vocabulary.text, encoding="utf-8")


def _of_gguf(checkpoint: Checkpoint) -> Vocabulary:
    content = tokenizers_gguf.convert(checkpoint.metadata)
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise SourceError(f"tokenizer.ggml.tokens contains a token that is not UTF-8: {error.object[error.start : error.end]!r}") from None
    return Vocabulary(text, tokenizers_gguf.special(checkpoint.metadata))


def _of_file(path: Path, checkpoint: Checkpoint) -> Vocabulary:
    text = _text(path, "give the tokenizer of the model with --tokenizer")
    return Vocabulary(text, _special_of(path, text, checkpoint))


def _text(path: Path, why: str) -> str:
    try:
        size = path.stat().st_size
        if size > _LARGEST:
            raise SourceError(f"{path}: {size} bytes; at most {_LARGEST} are supported")
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise SourceError(f"{path}: missing; {why}") from None
    except UnicodeDecodeError:
        raise SourceError(f"{path}: not UTF-8") from None


def _settings(path: Path) -> dict[str, Any]:
    """The content of tokenizer_config.json; empty if there is none."""
    if not path.exists():
        return {}
    try:
        settings = json.loads(_text(path, ""))
    except (json.JSONDecodeError, RecursionError) as error:
        raise SourceError(f"{path}: not JSON: {error}") from None
    if not isinstance(settings, dict):
        raise SourceError(f"{path}: must be a JSON object")
    return settings


def _special_of(path: Path, text: str, checkpoint: Checkpoint) -> Special:
    """The special ids, from the first of these that has them: tokenizer_config.json, the checkpoint, the tokenizer's template."""
    tokenizer = _parsed(text, path)
    config = _settings(path.with_name("tokenizer_config.json"))
    if any(key.startswith("tokenizer.ggml.") for key in checkpoint.metadata):
        return tokenizers_gguf.special(checkpoint.metadata)
    begun = tokenizer.encode("").ids  # the tokens that the template adds to an empty text

    def named(key: str) -> int | None:
        token = config.get(f"{key}_token")
        token = token.get("content") if isinstance(token, dict) else token
        if isinstance(token, str):
            return tokenizer.token_to_id(token)
        value = checkpoint.metadata.get(f"{key}_token_id")
        value = value[0] if isinstance(value, list) and value else value
        return value if type(value) is int and 0 <= value < checkpoint.architecture.vocab else None

    bos = named("bos")
    if bos is None:
        bos = begun[0] if begun else tokenizer.token_to_id("<s>")
    eos = named("eos")
    if eos is None:
        eos = tokenizer.token_to_id("</s>")
    add_bos = config.get("add_bos_token")
    adds = bool(begun) and begun[0] == bos if add_bos is None else bool(add_bos)
    return Special(bos, eos, adds and bos is not None)
