"""Seed -> stories, and which of them are held out.

A story is held out if the hash of its combination of plot, hero and friend falls into a fixed twentieth of all hashes.
Training and held-out stories therefore never share such a combination, whatever the seeds, and no story is in both.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass

from . import grammar
from .grammar import ALWAYS, SLOT, Plot
from .lexicon import ANIMALS, BOYS, GIRLS, LISTS, PRONOUNS

HELD_OUT_SHARE = 20  # one combination in 20 is held out
SHORTEST, LONGEST = 60, 200  # words


@dataclass(frozen=True)
class Story:
    """A story, and the combination that decides whether it is held out."""

    text: str
    plot: str
    hero: str
    friend: str

    @property
    def held_out(self) -> bool:
        return is_held_out(self.plot, self.hero, self.friend)


def is_held_out(plot: str, hero: str, friend: str) -> bool:
    """Whether stories of this combination are held out of the training."""
    digest = hashlib.sha256(f"{plot}|{hero}|{friend}".encode()).digest()
    return int.from_bytes(digest[:4], "big") % HELD_OUT_SHARE == 0


def generate(seed: int, held_out: bool) -> Iterator[Story]:
    """An endless sequence of distinct stories of one side of the split; the same seed gives the same stories."""
    chance = random.Random(seed)
    plots = grammar.read()
    names = sorted(name for name, plot in plots.items() if plot.parts)
    seen: set[bytes] = set()
    while True:
        story = _story(chance, plots, chance.choice(names))
        mark = hashlib.sha256(story.text.encode()).digest()[:12]
        words = len(story.text.split())
        if story.held_out == held_out and SHORTEST <= words <= LONGEST and mark not in seen:
            seen.add(mark)
            yield story


def _story(chance: random.Random, plots: dict[str, Plot], name: str) -> Story:
    plot = plots[name]
    before, after = (plots[part] for part in plot.parts)
    slots = _cast(chance)
    for slot, source in [(name, name) for name in ALWAYS] + list(plot.roles):
        entry = chance.choice(LISTS[source])
        slots.update(entry if isinstance(entry, dict) else {slot: entry})
    beats = before.beats + plot.beats + after.beats
    chosen = [chance.choice(beat) for beat in beats]
    text = " ".join(_fill(sentence, slots) for sentence in chosen if sentence)
    return Story(text, plot.name, slots["hero"], slots["friend"])


def _cast(chance: random.Random) -> dict[str, str]:
    slots: dict[str, str] = {}
    for prefix, name_slot in (("", "hero"), ("f", "friend")):
        gender = chance.choice(("girl", "boy"))
        name = chance.choice([n for n in (GIRLS if gender == "girl" else BOYS) if n != slots.get("hero")])
        slots[name_slot] = name
        slots[prefix + "kind"] = gender if chance.random() < 0.4 else chance.choice(ANIMALS)
        slots.update({prefix + pronoun: word for pronoun, word in PRONOUNS[gender].items()})
    return slots


def _fill(sentence: str, slots: dict[str, str]) -> str:
    """Fills slots. {Name} gives a value with a capital letter; a value may contain slots itself."""

    def word(match: re.Match[str]) -> str:
        slot = match.group(1)
        lower = slot[0].lower() + slot[1:]
        value = _fill(slots[lower], slots) if "{" in slots[lower] else slots[lower]
        return value[0].upper() + value[1:] if slot != lower else value

    return SLOT.sub(word, sentence)
