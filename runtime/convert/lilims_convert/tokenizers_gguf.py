"""The vocabulary of a GGUF file as a tokenizer.json.

Input: GGUF metadata. Output: the content of a tokenizer.json of Hugging Face's tokenizers. Two kinds of vocabulary are
supported: byte-level BPE ("gpt2"), whose file also names the pre-tokenization rule, and SentencePiece ("llama").
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .sources import SourceError, repeated, shown

_PREFIX = "tokenizer.ggml."
# Values of tokenizer.ggml.token_type.
_CONTROL, _USER_DEFINED, _BYTE = 3, 4, 6

_GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
_LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
_QWEN2 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"


@dataclass(frozen=True)
class Special:
    """The token ids that the runtime needs, and whether prompts start with `bos`."""

    bos: int | None
    eos: int | None
    add_bos: bool


def special(metadata: Mapping[str, object]) -> Special:
    """Reads them from the metadata. With SentencePiece, prompts start with bos unless the metadata say otherwise."""
    tokens = metadata.get(_PREFIX + "tokens")
    count = len(tokens) if isinstance(tokens, list) else 0

    def token(key: str) -> int | None:
        value = metadata.get(f"{_PREFIX}{key}_token_id")
        return value if type(value) is int and 0 <= value < count else None

    bos = token("bos")
    by_default = metadata.get(_PREFIX + "model") == "llama" or metadata.get(_PREFIX + "pre") in ("llama-bpe", "llama3")
    add_bos = bool(metadata.get(_PREFIX + "add_bos_token", by_default))
    return Special(bos, token("eos"), add_bos and bos is not None)


def convert(metadata: Mapping[str, object]) -> dict[str, Any]:
    """The content of a tokenizer.json for a file's vocabulary. Raises SourceError for kinds that are not supported."""
    kind = metadata.get(_PREFIX + "model")
    if kind is None:
        raise SourceError("has no tokenizer: tokenizer.ggml.model is missing; give one with --tokenizer")
    if kind not in ("gpt2", "llama"):
        raise SourceError(f"tokenizer of kind {shown(kind)} is not supported; gpt2 and llama are. Give a tokenizer.json with --tokenizer")
    tokens = _strings(metadata, "tokens")
    twice = repeated(tokens)
    if twice is not None:
        raise SourceError(f"{_PREFIX}tokens contains {shown(twice)} twice")
    types = metadata.get(_PREFIX + "token_type", [1] * len(tokens))
    if not isinstance(types, list) or len(types) != len(tokens):
        raise SourceError(f"{_PREFIX}token_type must have an entry for each of the {len(tokens)} tokens")
    parts = _byte_level(metadata, tokens) if kind == "gpt2" else _sentence_piece(metadata, tokens, types)
    added = [
        _added(number, token, types[number], parts["pieces"])
        for number, token in enumerate(tokens)
        if types[number] in (_CONTROL, _USER_DEFINED)
    ]
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": added,
        "normalizer": parts["normalizer"],
        "pre_tokenizer": parts["pre_tokenizer"],
        "post_processor": _beginning(special(metadata), tokens),
        "decoder": parts["decoder"],
        "model": {
            "type": "BPE",
            "dropout": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "vocab": {token: number for number, token in enumerate(tokens)},
            **parts["model"],
        },
    }


def _added(number: int, token: str, kind: object, pieces: bool) -> dict[str, Any]:
    """SentencePiece matches user-defined tokens in normalised text, where a space and U+2581 are the same."""
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip"), False)
    return {"id": number, "content": token, **flags, "normalized": pieces and kind == _USER_DEFINED, "special": kind == _CONTROL}


def _beginning(ids: Special, tokens: list[str]) -> dict[str, Any] | None:
    if not ids.add_bos or ids.bos is None:
        return None
    token = tokens[ids.bos]
    begin, text = {"SpecialToken": {"id": token, "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}
    second = {"Sequence": {"id": "B", "type_id": 1}}
    known = {token: {"id": token, "ids": [ids.bos], "tokens": [token]}}
    return {"type": "TemplateProcessing", "single": [begin, text], "pair": [begin, text, second], "special_tokens": known}


def _strings(metadata: Mapping[str, object], key: str) -> list[str]:
    values = metadata.get(_PREFIX + key)
    if not isinstance(values, list) or not values or not all(isinstance(value, str) for value in values):
        raise SourceError(f"{_PREFIX}{key} is missing or not a list of strings")
    return values


# --- byte-level BPE ---------------------------------------------------------------------------------------------------


def _bytes(use_regex: bool) -> dict[str, Any]:
    return {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": use_regex}


def _split(expression: str) -> dict[str, Any]:
    split = {"type": "Split", "pattern": {"Regex": expression}, "behavior": "Isolated", "invert": False}
    return {"type": "Sequence", "pretokenizers": [split, _bytes(use_regex=False)]}


def _digits_first() -> dict[str, Any]:
    return {"type": "Sequence", "pretokenizers": [{"type": "Digits", "individual_digits": True}, _bytes(use_regex=True)]}


_COMPOSED = {"type": "NFC"}
# The pre-tokenization rules by tokenizer.ggml.pre: pre-tokenizer, normalizer, whether words are looked up before merges.
RULES: dict[str, tuple[dict[str, Any], dict[str, Any] | None, bool]] = {
    "gpt-2": (_bytes(use_regex=True), None, False),
    "gpt2": (_bytes(use_regex=True), None, False),
    "phi-2": (_bytes(use_regex=True), None, False),
    "smollm": (_digits_first(), None, False),
    "llama-bpe": (_split(_LLAMA3), None, True),
    "llama3": (_split(_LLAMA3), None, True),
    "qwen2": (_split(_QWEN2), _COMPOSED, False),
}


def _byte_level(metadata: Mapping[str, object], tokens: list[str]) -> dict[str, Any]:
    rule = metadata.get(_PREFIX + "pre")
    if not isinstance(rule, str) or rule not in RULES:
        known = ", ".join(sorted(RULES))
        raise SourceError(f"{_PREFIX}pre is {shown(rule)}; known: {known}. Give a tokenizer.json with --tokenizer")
    pre_tokenizer, normalizer, whole_words = RULES[rule]
    vocabulary = set(tokens)
    merges = []
    for merge in _strings(metadata, "merges"):
        left, _, right = merge.partition(" ")
        if left not in vocabulary or right not in vocabulary or left + right not in vocabulary:
            raise SourceError(f"{_PREFIX}merges contains {shown(merge)}, which does not consist of tokens")
        merges.append([left, right])
    model = {"unk_token": None, "fuse_unk": False, "byte_fallback": False, "ignore_merges": whole_words, "merges": merges}
    decoder = {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}
    return {"normalizer": normalizer, "pre_tokenizer": pre_tokenizer, "decoder": decoder, "model": model, "pieces": False}


# --- SentencePiece ----------------------------------------------------------------------------------------------------

_SPACE = "\u2581"  # a space in SentencePiece vocabularies
_LONGEST_PIECE = 1000


def _sentence_piece(metadata: Mapping[str, object], tokens: list[str], types: list[Any]) -> dict[str, Any]:
    scores = metadata.get(_PREFIX + "scores")
    if not isinstance(scores, list) or len(scores) != len(tokens) or not all(type(score) is float and score == score for score in scores):
        raise SourceError(f"{_PREFIX}scores must have a number for each of the {len(tokens)} tokens")
    longest = max(tokens, key=len)
    if len(longest) > _LONGEST_PIECE:  # every split of a token into two is tried
        raise SourceError(
            f"{_PREFIX}tokens contains a token of {len(longest)} characters; at most {_LONGEST_PIECE} are supported: {shown(longest)}"
        )
    unknown = metadata.get(_PREFIX + "unknown_token_id", 0)
    prefix = bool(metadata.get(_PREFIX + "add_space_prefix", True))
    steps: list[dict[str, Any]] = [{"type": "Prepend", "prepend": _SPACE}] if prefix else []
    steps.append({"type": "Replace", "pattern": {"String": " "}, "content": _SPACE})
    decoders: list[dict[str, Any]] = [
        {"type": "Replace", "pattern": {"String": _SPACE}, "content": " "},
        {"type": "ByteFallback"},
        {"type": "Fuse"},
    ]
    if prefix:
        decoders.append({"type": "Strip", "content": " ", "start": 1, "stop": 0})
    plain = {token: scores[number] for number, token in enumerate(tokens) if types[number] not in (_CONTROL, _BYTE)}
    model = {
        "unk_token": tokens[unknown] if type(unknown) is int and 0 <= unknown < len(tokens) else None,
        "fuse_unk": True,
        "byte_fallback": True,
        "ignore_merges": False,
        "merges": _merges(plain, {token: number for number, token in enumerate(tokens)}),
    }
    return {
        "normalizer": {"type": "Sequence", "normalizers": steps},
        "pre_tokenizer": None,
        "decoder": {"type": "Sequence", "decoders": decoders},
        "model": model,
        "pieces": not prefix,  # a normaliser that adds a space before every text would also add one before tokens
    }


def _merges(scores: dict[str, float], ids: dict[str, int]) -> list[list[str]]:
    """The pairs that form each token, best scores first, so that merging by rank gives the same as SentencePiece by score."""
    pairs = []
    for token, score in scores.items():
        for cut in range(1, len(token)):
            left, right = token[:cut], token[cut:]
            if left in scores and right in scores:
                pairs.append((-score, ids[token], ids[left], ids[right], left, right))
    pairs.sort()
    return [[left, right] for *_, left, right in pairs]
