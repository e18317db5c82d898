"""Golden cases for the tests of the Swift tokenizer: the results of Hugging Face's tokenizers for unusual texts.

They cover the kinds of tokenizer that published models of the supported families have, each with a small vocabulary:
byte-level with the pre-tokenization of GPT-2, Llama 3 and Qwen 2, and SentencePiece as in Llama 2 and Gemma.

Per file: the tokenizer, encode cases (text, ids with special tokens, ids without), and decode cases (ids, text without
special tokens, text with them).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

from . import tokenizers_gguf, vocabulary

_LETTERS = ["a", "A", "z", "é", "ß", "ñ", "ø", "Ж", "я", "ع", "א", "ก", "あ", "漢", "한", "ᚠ", "𝒳", "𠮷"]
_MARKS = [
    "e\u0301", "é", "n\u0303o\u0308", "a\u0300\u0301\u0302\u0303", "\u0301", " \u0301x", "क्षि", "नमस्ते", "ไทยแลนด์",
    "กำ", "각", "\u1100\u1161\u11a8", "ﬁne", "Å\u030a", "i\u0307", "İstanbul", "ſtraße", "x\u20d7",
]  # fmt: skip
_EMOJI = ["🙂", "👍🏽", "👩‍👩‍👧‍👦", "🏳️‍🌈", "🇩🇪🇫🇷", "❤️", "1️⃣", "👋🏻 hi 👋🏿", "🧑🏾‍🚀🚀"]
_SPACE = [
    "", " ", "  ", "   a", "a   ", "a  b   c", "\n", "\n\n", "\r\n", "a\r\nb\r\n", "a\n b\n  c", "\t", "\ta\t\tb", " \n ",
    "\n \n", " " * 40, "x" + " " * 33 + "y", "\n" * 17, "\u00a0", "a\u00a0b", "\u2003\u2003x", "\u3000全角", "\u200b",
    "a\u200bb", "\u2028line\u2029par", "\u0085next", "\x0b\x0c", "\u1680ogham", "tail \n", "tail\n ",
]  # fmt: skip
_WORDS = [
    "Once upon a time", " Once upon a time", "Once  upon a time.", "Lily's dog can't bark, but they're happy and I'll go",
    "DON'T SHOUT, it'S I'M", "we've they'd 're 's 'll", "l'école d'été", "'s", "''s", "' s", "don’t", "snake_case_name",
    "CamelCaseWord", "e-mail@example.com", "https://example.com/a?b=c&d=%20#e", "a.b.c...d", "?!?!", "--- === ***",
    "“quoted” «text» ‘so’", "(a)[b]{c}<d>", "\\n \\t \\u0041", "1", "12", "123", "1234567890", "3.14159", "-7", "1,000,000",
    "2026-11-23T04:14:40Z", "x1y2z3", "½ ² ₃ Ⅷ", "٣٤٥", "１２３", "①②", "$9.99 €5 £3 ¥100", "100%", "a" * 70, "ab" * 40,
    "the the the the", "The cat sat on the mat. The dog said hello!", '"Hello," said Mom. "Where is the red ball?"',
    "Привет, мир! Как дела?", "שלום עולם", "مرحبا بالعالم", "你好，世界。", "こんにちは世界", "안녕하세요 세계", "Γειά σου Κόσμε",
    "mixed 漢字 and kana かな and latin", "naïve café résumé", "fi ﬂ ﬀ", "∑∞≠≤ ∂x/∂y", "→←↑↓ ■□●○", "™®©",
]  # fmt: skip
_ODD = [
    "\x00", "a\x00b", "\x01\x02\x03", "\x7f", "\x80\x9f", "\ufeffBOM first", "\ufffd", "\ufffd\ufffd!", "\uffff", "\ufdd0",
    "\ue000\uf8ff", "\U000f0000", "\U0010ffff", "\u202eright to left\u202c", "\u200d", "\u200e\u200f", "\ud7ff", "Ā\u0100ġĠĊ",
    "ĠOnce", "Ċ", "Ä", "a\u0338=", "\ufe0f", "🏽", "\U0001f1e9", "\u0600\u06dd1",
]  # fmt: skip
_SPECIAL = [
    "<s>", "</s>", "<pad>", "<s>Once upon a time</s>", "a<s>b", "a <s> b", " </s> ", "<s><s></s>", "<S>", "< s>", "<s", "s>",
    "<</s>>", "<pad><pad>x", "The end.</s><s>Once",
]  # fmt: skip
TEXTS = _LETTERS + _MARKS + _EMOJI + _SPACE + _WORDS + _ODD + _SPECIAL


def describe(tokenizer: Tokenizer, name: str) -> dict[str, Any]:
    """The fixture of one tokenizer; `name` is its file, relative to the fixture."""
    encode: list[dict[str, Any]] = []
    decode: list[dict[str, Any]] = []
    for text in TEXTS:
        plain = tokenizer.encode(text, add_special_tokens=False).ids
        encode.append({"text": text, "ids": tokenizer.encode(text).ids, "ids_plain": plain})
    broken = _broken(tokenizer) if tokenizer.token_to_id("\u0100") is not None else []  # byte-level: the byte 0
    for ids in [case["ids"] for case in encode] + broken:
        kept = tokenizer.decode(ids, skip_special_tokens=False)
        decode.append({"ids": ids, "text": tokenizer.decode(ids, skip_special_tokens=True), "text_special": kept})
    return {"tokenizer": name, "encode": encode, "decode": decode}


def _broken(tokenizer: Tokenizer) -> list[list[int]]:
    """Sequences whose bytes are not valid UTF-8: cut characters, lone continuation bytes, overlong and surrogate forms."""
    alphabet = _byte_ids(tokenizer)
    strings = [
        "80", "bf", "c3", "c3 28", "e2 82", "e2 82 ac", "e2 28 a1", "f0 9f 99", "f0 9f 99 82", "f0 28 8c bc", "c0 af", "e0 80 af",
        "ed a0 80", "f4 90 80 80", "f8 88 80 80 80", "ff", "fe ff", "61 80 62", "c3 a9 c3", "f0 9f 99 82 f0 9f", "e2 82 e2 82 ac",
        "80 80 80", "41 c3", "f0 9f 91 a9 e2 80 8d", "c2 a0", "0d 0a", "00", "f0 80 80 80 41",
    ]  # fmt: skip
    broken = [[alphabet[int(byte, 16)] for byte in string.split()] for string in strings]
    end = [vocabulary.BOS, *broken[4], vocabulary.EOS]  # a special token between the bytes of one character
    return [*broken, [], [vocabulary.BOS], [vocabulary.EOS, vocabulary.EOS], end, [*broken[4][:1], vocabulary.EOS, *broken[5]]]


def _byte_ids(tokenizer: Tokenizer) -> list[int]:
    """The id of each byte's token. Printable bytes are their own character; the others, in order, are U+0100 and up."""
    printing = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = iter(range(0x100, 0x200))
    ids = []
    for byte in range(256):
        number = tokenizer.token_to_id(chr(byte if byte in printing else next(others)))
        if number is None:
            raise ValueError(f"tokenizer: has no token for byte {byte:#04x}")
        ids.append(number)
    return ids


def digits_variant() -> Tokenizer:
    """A second vocabulary, as in SmolLM2: every digit is separated before the byte-level split."""
    texts = ["The year 2026 has 365 days, 2027 too. Call 555 1234 or 555 9876! It's 12:30, isn't it?"] * 3
    tokenizer = vocabulary.train(texts, 340)
    splits = [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)]
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(splits)
    return tokenizer


def _byte_level_variant(kind: str) -> Tokenizer:
    """Pre-tokenization as in Llama 3 or Qwen 2; the first looks up whole words before merges, the second normalises to NFC."""
    tokenizer = vocabulary.train(PROSE, 400)
    content = json.loads(tokenizer.to_str())
    rule, normalizer, whole = tokenizers_gguf.RULES[kind]
    content["pre_tokenizer"], content["normalizer"] = rule, normalizer
    content["model"]["ignore_merges"] = whole
    return Tokenizer.from_str(json.dumps(content))


_MARK = "\u2581"  # a space in SentencePiece vocabularies
PROSE = [
    "Once upon a time there was a cat. The cat sat on the mat, and the dog said hello to the cat: they were happy.",
    "Lily's dog can't bark, but they're happy and I'll go. In 2026 it's 12:30, isn't it? naïve café, Привет мир, 你好世界",
] * 3  # fmt: skip


def _sentence_piece_variant(kind: str) -> Tokenizer:
    """Characters, and bytes for characters that the vocabulary lacks. The kinds differ in how they mark spaces.

    llama: a mark before every section of text; gemma: none, and runs of white space are tokens; mistral: one mark, before
    the whole text; unknown: as llama, without byte tokens.
    """
    names = [f"<0x{byte:02X}>" for byte in range(256)]
    special = ["<unk>", "<s>", "</s>"]
    trained = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=kind != "unknown"))
    trained.normalizer = normalizers.Replace(" ", _MARK)
    trained.pre_tokenizer = pre_tokenizers.Metaspace(replacement=_MARK, prepend_scheme="always", split=True)
    runs = ["\n\n", "\n\n\n", "  ", "   "] if kind == "gemma" else []
    alphabet = special + (names if kind != "unknown" else []) + runs
    trainer = trainers.BpeTrainer(vocab_size=len(alphabet) + 160, special_tokens=alphabet, show_progress=False)
    trained.train_from_iterator(PROSE, trainer)
    content = json.loads(trained.to_str())
    content["added_tokens"] = [
        token | {"special": token["content"] in special} for token in content["added_tokens"] if token["content"] in special + runs
    ]
    mark, unmark = ({"type": "Replace", "pattern": {"String": a}, "content": b} for a, b in ((" ", _MARK), (_MARK, " ")))
    decoders = [unmark, {"type": "ByteFallback"}, {"type": "Fuse"}]
    strip = {"type": "Strip", "content": " ", "start": 1, "stop": 0}
    content["pre_tokenizer"] = None
    if kind in ("llama", "unknown"):
        content["normalizer"] = {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": _MARK}, mark]}
        decoders.append(strip)
    elif kind == "gemma":
        content["normalizer"] = mark
        content["pre_tokenizer"] = {"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious", "invert": False}
    else:
        content["normalizer"] = None
        content["pre_tokenizer"] = {"type": "Metaspace", "replacement": _MARK, "prepend_scheme": "first", "split": False}
        decoders.append(strip)
    content["decoder"] = {"type": "Sequence", "decoders": decoders}
    return Tokenizer.from_str(json.dumps(content))


def variants() -> dict[str, Tokenizer]:
    """All tokenizers of the fixtures, except that of the shipped model, by name."""
    made = {"digits": digits_variant()}
    made |= {name: _byte_level_variant(rule) for name, rule in (("llama3", "llama-bpe"), ("qwen2", "qwen2"))}
    return made | {f"pieces-{kind}": _sentence_piece_variant(kind) for kind in ("llama", "gemma", "mistral", "unknown")}


def write(folder: Path, tokenizer_path: Path) -> None:
    """Writes stories-1m.json, and NAME.tokenizer.json and NAME.json of every variant, into the fixture folder."""
    folder.mkdir(parents=True, exist_ok=True)
    _dump(folder / "stories-1m.json", describe(Tokenizer.from_file(str(tokenizer_path)), "../../../models/stories-1m/tokenizer.json"))
    for name, tokenizer in variants().items():
        tokenizer.save(str(folder / f"{name}.tokenizer.json"))
        _dump(folder / f"{name}.json", describe(tokenizer, f"{name}.tokenizer.json"))


def _dump(path: Path, fixture: dict[str, Any]) -> None:
    """Writes one case per line, in ASCII, so that no editor changes the characters of the cases."""
    lines = [f'{{"tokenizer": {json.dumps(fixture["tokenizer"])}']
    for kind in ("encode", "decode"):
        lines.append(f',"{kind}": [')
        lines.append(",\n".join(json.dumps(case) for case in fixture[kind]))
        lines.append("]")
    path.write_text("\n".join(lines) + "}\n", encoding="ascii")
