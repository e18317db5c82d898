"""Texts longer than the cache: slots are reused in rotation, and every layer attends to the right positions.

The runtime runs the packages; the reference computes the whole text at once, with a band mask. In both, the keys and values
of a token are computed from its own window.
"""

from __future__ import annotations

import numpy as np
import pytest

import references
import runtime_agent
from checkpoints import SAMPLES, VOCAB, WINDOW
from lilims_convert import manifest, opening, package

CONTEXT = 19  # not a multiple of the chunk of 8, so that chunks wrap around the end of the cache
POSITIONS = 64
REACH = CONTEXT - 8 + 1  # a chunk overwrites the rest before its last token attends
TEXT = np.random.default_rng(5).integers(3, VOCAB, 55).tolist()
GREEDY = 5
# Rotary and learned positions, with and without layers with windows.
NAMES = ["llama", "gpt2", "gemma3", "gpt_neo"]


@pytest.fixture(scope="session")
def rotating(tmp_path_factory, convert_tiny):
    made = {}

    def convert(name: str, layout: str = "gpu"):
        if (name, layout) not in made:
            folder = tmp_path_factory.mktemp(name)
            source = opening.open_directory(SAMPLES[name].write_directory(folder / "source"))
            made[name, layout] = convert_tiny(
                folder / "model", source, context=CONTEXT, positions=POSITIONS, layout=layout, top_k=5, score=True
            )
        return made[name, layout]

    return convert


def expected(name: str, ids: list[int]) -> np.ndarray:
    sample = SAMPLES[name]
    return references.logits(sample.config, sample.tensors(), ids, references.stored, REACH)


@pytest.mark.parametrize("layout", ["gpu", "ane"])
@pytest.mark.parametrize("name", NAMES)
def test_a_text_three_times_the_cache(name, layout, rotating):
    found, greedy = runtime_agent.logits(rotating(name, layout), TEXT, GREEDY, "--slide")
    rows = expected(name, TEXT + greedy[:-1])[len(TEXT) - 1 :]
    np.testing.assert_allclose(found, rows, atol=1e-3, rtol=0)
    assert greedy == rows.argmax(-1).tolist()


@pytest.mark.parametrize("name", NAMES)
def test_every_token_on_its_own_says_the_same(name, rotating):
    """After each token, to cover every slot of every round; then in chunks of all alignments."""
    found, _ = runtime_agent.logits(rotating(name), TEXT, 0, "--slide", "--by-token")
    np.testing.assert_allclose(found, expected(name, TEXT), atol=1e-3, rtol=0)


def test_the_window_makes_a_difference():
    """The references differ enough for the tests above to detect a cache that keeps too much or too little."""
    for name in NAMES:
        sample = SAMPLES[name]
        rows = [references.logits(sample.config, sample.tensors(), TEXT, reach=reach)[-1] for reach in (REACH, REACH - 1, REACH + 1, None)]
        assert all(np.abs(rows[0] - row).max() > 0.02 for row in rows[1:]), name


def test_positions_run_out_and_the_newest_half_is_computed_again(rotating):
    """After the last position the text restarts at position 0 with its last tokens."""
    text = (TEXT * 2)[:80]
    found, _ = runtime_agent.logits(rotating("llama"), text, 0, "--slide", "--by-token")
    kept = text[POSITIONS - CONTEXT // 2 : POSITIONS]
    rows = expected("llama", kept + text[POSITIONS:])[len(kept) :]
    np.testing.assert_allclose(found[POSITIONS:], rows, atol=1e-3, rtol=0)


@pytest.mark.parametrize(("name", "window"), [("llama", None), ("gpt2", None), ("gemma3", WINDOW), ("gpt_neo", WINDOW)])
def test_the_manifest_says_what_the_masks_are(name, window, rotating):
    folder = rotating(name)
    read = manifest.verify(folder)
    assert (read["context"], read["positions"], read.get("local_window")) == (CONTEXT, POSITIONS, window)
    for function in package.open_copy(folder / "model.mlpackage").description.functions:
        assert ("local_mask" in [given.name for given in function.input]) == (window is not None)


def test_a_window_that_hides_nothing_needs_no_mask(tmp_path, convert_tiny):
    source = opening.open_directory(SAMPLES["gemma3"].write_directory(tmp_path / "source"))
    read = manifest.read(convert_tiny(tmp_path / "model", source, context=WINDOW))
    assert "local_window" not in read
    assert read["runtime"]["minimum"] == "1.0.0", "an older runtime can run it"
