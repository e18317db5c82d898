"""The runtime's tokenizer agrees with Hugging Face's on thousands of random texts, for every kind of vocabulary."""

from __future__ import annotations

import json
import random
import subprocess
import unicodedata

import pytest

import runtime_agent
from lilims_convert.golden_tokenizer import TEXTS, variants

COUNT = 3000
WORDS = (
    "the of and in it Once upon time there café naïve don't they're I'LL 'Re 2026 12:30 1,000 Привет 你好 世界 مرحبا नमस्ते 🙂 👩‍👩‍👧‍👦 🇩🇪 "
    "e\u0301 ▁ ▁▁ <s> </s> <unk> <0x0A> ½ ² def f(x): return x**2 == … — “q” ' '' \u00a0 \u200d \ufeff _x_ \U0001d4b3"
).split(" ")
SPACES = ["", "", " ", " ", " ", "  ", "   ", "\n", "\n\n", "\n\n\n", "\r\n", "\t", " \n"]
RANGES = [(0x20, 0x7E), (0xA0, 0x24F), (0x300, 0x36F), (0x370, 0x5FF), (0x900, 0x97F), (0xE00, 0xE7F), (0x2000, 0x206F),
          (0x2190, 0x2BFF), (0x3040, 0x30FF), (0x4E00, 0x4FFF), (0xAC00, 0xACFF),
          (0x1F300, 0x1FAFF), (0x1F1E6, 0x1F1FF), (9, 13), (0x10000, 0x1FFFF)]  # fmt: skip


def texts(count: int, seed: int) -> list[str]:
    """Words with unusual spaces, and characters of many scripts, limited to those in both Unicode tables."""
    draw = random.Random(seed)

    def character() -> str:
        if draw.random() < 0.2:
            return " "
        one = chr(draw.randint(*draw.choice(RANGES)))
        return one if unicodedata.category(one) not in ("Cn", "Cs") else "x"

    made = []
    while len(made) < count:
        if draw.random() < 0.5:
            made.append("".join(draw.choice(WORDS) + draw.choice(SPACES) for _ in range(draw.randint(1, 30))))
        elif draw.random() < 0.8:
            made.append("".join(character() for _ in range(draw.randint(1, 40))))
        else:
            made.append(draw.choice(TEXTS) + draw.choice(TEXTS))
    return made


def encode(tokenizer_path, inputs: list[str]) -> list[list[int]]:
    lines = "".join(json.dumps(text) + "\n" for text in inputs)
    command = [runtime_agent.program(), "tokens", "--tokenizer", str(tokenizer_path)]
    done = subprocess.run(command, input=lines, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("name", list(variants()))
def test_random_texts_have_the_same_ids(name, tmp_path):
    path = tmp_path / "tokenizer.json"
    tokenizer = variants()[name]
    tokenizer.save(str(path))
    inputs = texts(COUNT, seed=len(name))
    for text, ids in zip(inputs, encode(path, inputs), strict=True):
        wanted = tokenizer.encode(text, add_special_tokens=False).ids
        assert ids == wanted, f"{text!r}: {ids}, want {wanted}"


def test_a_long_text_without_words_takes_no_longer_than_it_must(tmp_path):
    """A vocabulary without pre-tokenization merges the whole text at once; a quadratic search would take minutes here."""
    path = tmp_path / "tokenizer.json"
    tokenizer = variants()["pieces-gemma"]
    tokenizer.save(str(path))
    text = "the cat sat on the mat " * 20000
    assert encode(path, [text]) == [tokenizer.encode(text, add_special_tokens=False).ids]
