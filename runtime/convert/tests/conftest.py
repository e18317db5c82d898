"""Shared fixtures: a tiny model, converted."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

os.environ.setdefault("TQDM_DISABLE", "1")

from lilims_convert import conversion
from lilims_training import tiny


@pytest.fixture(scope="session")
def tiny_tokenizer(tmp_path_factory) -> Path:
    return tiny.write(tmp_path_factory.mktemp("tiny"))[1]


@pytest.fixture(scope="session")
def convert_tiny(tiny_tokenizer):
    """Converts a checkpoint with the tiny tokenizer into a folder and returns the folder."""

    def convert(folder: Path, source, **options) -> Path:
        request = conversion.Request(
            tokenizer=tiny_tokenizer,
            destination=folder,
            name="tiny",
            version="1.0.0",
            source="test",
            licence="test",
            prefill_chunk=tiny.PREFILL_CHUNK,
            **options,
        )
        conversion.convert(source, request)
        return folder

    return convert


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory, convert_tiny) -> Path:
    """The tiny model, converted once; tests that modify it make a copy."""
    return convert_tiny(tmp_path_factory.mktemp("package") / "tiny", tiny.make())
