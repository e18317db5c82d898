"""The story grammar: whole sentences, enough of them, and a split that holds by construction."""

from __future__ import annotations

import itertools
import re

import pytest

from lilims_training.stories import exercises, generate, grammar
from lilims_training.stories.generator import LONGEST, SHORTEST, is_held_out
from lilims_training.stories.lexicon import BOYS, GIRLS

SAMPLE = 3000


@pytest.fixture(scope="module")
def training():
    return list(itertools.islice(generate(7, held_out=False), SAMPLE))


@pytest.fixture(scope="module")
def held_out():
    return list(itertools.islice(generate(8, held_out=True), SAMPLE // 5))


def test_same_seed_tells_the_same_stories_and_another_seed_others(training):
    again = list(itertools.islice(generate(7, held_out=False), 50))
    assert again == training[:50]
    other = list(itertools.islice(generate(9, held_out=False), 50))
    assert not {story.text for story in other} & {story.text for story in again}


def test_no_story_is_told_twice(training):
    assert len({story.text for story in training}) == SAMPLE


def test_sides_share_no_combination(training, held_out):
    def combinations(stories):
        return {(story.plot, story.hero, story.friend) for story in stories}

    assert not combinations(training) & combinations(held_out)
    assert all(is_held_out(s.plot, s.hero, s.friend) for s in held_out)
    share = sum(is_held_out("race", f"hero{n}", "friend") for n in range(4000)) / 4000
    assert 0.03 < share < 0.07


def test_stories_read_as_text(training, held_out):
    plots = {name for name, plot in grammar.read().items() if plot.parts}
    assert {story.plot for story in training} == plots
    for story in training + held_out:
        text = story.text
        assert SHORTEST <= len(text.split()) <= LONGEST
        assert not re.search(r"[{}|#]|  |\bNone\b", text), text
        assert text[0].isupper(), text
        assert text.rstrip('"')[-1] in ".!?", text
        assert text.count('"') % 2 == 0, text
        assert story.hero in text
        assert not re.search(r"\b[Aa] [aeiou]", text), text
        # A sentence begins with a capital letter, also inside quotation marks.
        assert not re.search(r'[.!?]"? "?[a-z]', re.sub(r'[!?]" (?:he|she|\w+ed|said|they|thought)\b', "", text)), text


def test_exercises_repeat_two_names():
    texts = list(itertools.islice(exercises(3), 20))
    assert texts == list(itertools.islice(exercises(3), 20))
    assert len(set(texts)) == 20
    names = set(GIRLS + BOYS)
    for text in texts:
        words = re.findall(r"\w+", text)
        assert len(names & set(words)) == 2
        assert sum(word in names for word in words) > len(words) / 4


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("== a | | thng=nothing", "plots.txt:1: no list 'nothing'"),
        ("== a | | toy\n- The {tyo} fell.", r"plots.txt:2: slot \{tyo\} is not bound in plot a"),
        ("== a | opening closing | toy", "plots.txt:1: no shared part 'opening'"),
        ("- The end.", "plots.txt:1: no plot"),
        ("== a\nThe end.", "plots.txt:2: a line must start with"),
    ],
    ids=["unknown list", "unknown slot", "unknown part", "sentence without a plot", "line without a mark"],
)
def test_grammar_says_where_the_mistake_is(tmp_path, lines, message):
    file = tmp_path / "plots.txt"
    file.write_text(lines)
    with pytest.raises(ValueError, match=message):
        grammar.read(file)
