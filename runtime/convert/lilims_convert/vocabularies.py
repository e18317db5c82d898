"""The tokenizer of a model folder: from a tokenizer.json, or from the vocabulary of a GGUF file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from tokenizers import Tokenizer

from . import tokenizers_gguf
from .checkpoint import Checkpoint
from .sources import SourceError
from .tokenizers_gguf import Special


@dataclass(frozen=True)
class Vocabulary:
    """tokenizer.json, word for word, and the ids that the manifest names."""

    text: str
    special: Special

    def entry(self) -> dict:
        """The manifest's entry; what the vocabulary does not have is left out."""
        ids = {"bos": self.special.bos, "eos": self.special.eos}
        known = {name: value for name, value in ids.items() if value is not None}
        return {"file": "tokenizer.json", **known, "add_bos": self.special.add_bos}


def read(checkpoint: Checkpoint, path: Path | None) -> Vocabulary:
    """The vocabulary that belongs to a checkpoint; `path` names a tokenizer.json to be used instead of its own."""
    vocabulary = _of_file(Path(path), checkpoint) if path is not None else _of_gguf(checkpoint)
    try:
        size = Tokenizer.from_str(vocabulary.text).get_vocab_size()
    except Exception as error:  # the library raises bare Exceptions
        raise SourceError(f"tokenizer {path or 'of the source'}: {error}") from None
    if size > checkpoint.architecture.vocab:
        raise SourceError(
            f"tokenizer {path or 'of the source'}: {size} entries, but the network has {checkpoint.architecture.vocab}; "
            "were they trained together?"
        )
    return vocabulary


def write(vocabulary: Vocabulary, path: Path) -> None:
    Path(path).write_text(vocabulary.text, encoding="utf-8")


def _of_gguf(checkpoint: Checkpoint) -> Vocabulary:
    content = tokenizers_gguf.convert(checkpoint.metadata)
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise SourceError(f"tokenizer.ggml.tokens holds a text that is not UTF-8: {error.object[error.start:error.end]!r}") from None
    return Vocabulary(text, tokenizers_gguf.special(checkpoint.metadata))


def _of_file(path: Path, checkpoint: Checkpoint) -> Vocabulary:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise SourceError(f"{path}: is missing; a model needs its tokenizer. Name one with --tokenizer") from None
    except UnicodeDecodeError:
        raise SourceError(f"{path}: is not UTF-8") from None
    return Vocabulary(text, _special_of(path, text, checkpoint))


def _special_of(path: Path, text: str, checkpoint: Checkpoint) -> Special:
    """From tokenizer_config.json beside the tokenizer, then from the checkpoint, then from the tokenizer's own template."""
    try:
        tokenizer = Tokenizer.from_str(text)
    except Exception as error:
        raise SourceError(f"{path}: {error}") from None
    beside = path.with_name("tokenizer_config.json")
    config = json.loads(beside.read_text(encoding="utf-8")) if beside.exists() else {}
    if any(key.startswith("tokenizer.ggml.") for key in checkpoint.metadata):
        return tokenizers_gguf.special(checkpoint.metadata)
    begun = tokenizer.encode("").ids  # what the template puts around nothing

    def named(key: str) -> int | None:
        token = config.get(f"{key}_token")
        token = token.get("content") if isinstance(token, dict) else token
        if isinstance(token, str):
            return tokenizer.token_to_id(token)
        value = checkpoint.metadata.get(f"{key}_token_id")
        value = value[0] if isinstance(value, list) and value else value
        return value if type(value) is int else None

    bos = named("bos")
    if bos is None:
        bos = begun[0] if begun else tokenizer.token_to_id("<s>")
    eos = named("eos")
    if eos is None:
        eos = tokenizer.token_to_id("</s>")
    add_bos = config.get("add_bos_token")
    adds = bool(begun) and begun[0] == bos if add_bos is None else bool(add_bos)
    return Special(bos, eos, adds and bos is not None)
