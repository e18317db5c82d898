"""The tiny models in the repository are what this package writes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lilims_convert import manifest
from lilims_training import tiny

FIXTURES = Path(__file__).parents[2] / "Tests/Fixtures/model"


@pytest.mark.parametrize("name", ["tiny", "tiny-ranked"])
def test_tiny_models_are_current(name: str, tiny_models: Path) -> None:
    assert manifest.verify(tiny_models / name) == manifest.verify(FIXTURES / name)


def test_tiny_prompts_fit_the_context() -> None:
    fixture = json.loads((FIXTURES / "tiny.golden.json").read_text())
    for case in fixture["cases"]:
        assert len(case["ids"]) + len(case["greedy"]) <= tiny.ARCHITECTURE.context
