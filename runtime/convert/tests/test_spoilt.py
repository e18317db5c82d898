"""Conversion of corrupted files: it gives a model that can be opened, or one line and no files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from checkpoints import SAMPLES
from lilims_convert import cli, manifest

HEADER = 1500  # bytes at the start of a file that are changed more often, because they describe the rest
EACH = 150  # files per kind


def spoilt(original: bytes, random: np.random.Generator) -> bytes:
    """A file with bytes flipped, replaced by digits, duplicated or removed."""
    data = bytearray(original)
    for _ in range(random.integers(1, 4)):
        at = int(random.integers(0, min(HEADER, len(data)) if random.random() < 0.9 else len(data)))
        match random.integers(0, 5):
            case 0:
                data[at] ^= 1 << int(random.integers(0, 8))
            case 1:
                data[at] = int(random.choice(list(b'0123456789-{}[],":\\')))
            case 2:
                data[at:at] = data[at : at + int(random.integers(1, 32))]
            case 3:
                del data[at : at + int(random.integers(1, 32))]
            case _:
                if random.random() < 0.2:
                    del data[at:]
    return bytes(data)


def outcome(source: Path, flag: str, tokenizer: Path, place: Path, capsys) -> int:
    """Converts, and checks what holds for every outcome; returns the exit code."""
    code = cli.main(
        [flag, str(source), "--tokenizer", str(tokenizer), "-o", str(place), "--quantize", "fp16", "--context", "32", "--no-measure"]
    )
    said = capsys.readouterr().err.splitlines()
    if code == 0:
        manifest.verify(place)
        return code
    assert code in (1, 2), said
    mistakes = [line for line in said if not line[:1].isdigit()]
    assert mistakes, said
    assert all(line.startswith(("lilims-convert: ", "  ")) for line in mistakes), said
    assert not any("Traceback" in line for line in said), said
    assert list(place.parent.iterdir()) == [], "something was left behind"
    return code


@pytest.mark.parametrize("kind", ["gguf", "safetensors", "config"])
def test_spoilt_files(kind, tmp_path, tiny_tokenizer, capsys):
    random = np.random.default_rng({"gguf": 1, "safetensors": 2, "config": 3}[kind])
    sample, places = SAMPLES["llama"], tmp_path / "models"
    places.mkdir()
    if kind == "gguf":
        source, flag = tmp_path / "model.gguf", "--gguf"
        sample.write_gguf(source)
        file = source
    else:
        source, flag = sample.write_directory(tmp_path / "source"), "--checkpoint"
        file = source / ("config.json" if kind == "config" else "model.safetensors")
    original = file.read_bytes()
    assert outcome(source, flag, tiny_tokenizer, places / "out", capsys) == 0, "the original file must be valid"
    made = refused = 0
    for number in range(EACH):
        for path in places.iterdir():
            path.rename(tmp_path / f"made {number}")
        file.write_bytes(spoilt(original, random))
        code = outcome(source, flag, tiny_tokenizer, places / "out", capsys)
        made, refused = made + (code == 0), refused + (code != 0)
    assert made > 5, "the changes leave too few files valid"
    assert refused > 50, "the changes make too few files invalid"
