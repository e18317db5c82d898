"""Reads plots: beats in order, each with several alternative sentences.

The format of plots.txt:

    == name | before after | role role=list …
                                   a plot, the shared parts before and after it, and the roles that it fills
    == name                        a shared part
    - a sentence with {slots}      one alternative of a beat
    -                              the empty alternative: the beat may be left out
                                   an empty line ends the beat
    # …                            a comment

A role `place` binds the slot {place} from the list "place"; `thing=toy` binds {thing} from "toy"; a list whose entries
are dicts binds all slots of an entry.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from .lexicon import LISTS

PLOTS_FILE = Path(__file__).with_name("plots.txt")
SLOT = re.compile(r"\{(\w+)\}")
# Slots that every story binds: the hero, a friend, and their pronouns.
CAST = {"hero", "kind", "he", "him", "his", "friend", "fkind", "fhe", "fhim", "fhis"}
ALWAYS = ("size", "trait", "hobby", "glad", "sad", "weather", "color")


@dataclass(frozen=True)
class Plot:
    name: str
    parts: tuple[str, ...]  # the shared parts before and after; none for a shared part itself
    roles: tuple[tuple[str, str], ...]  # (slot, list)
    beats: tuple[tuple[str, ...], ...]  # per beat, its alternative sentences; "" leaves the beat out


def read(path: Path = PLOTS_FILE) -> dict[str, Plot]:
    """All plots and shared parts by name. Raises ValueError with the line number for unknown lists, slots and parts."""
    plots: dict[str, Plot] = {}
    header, beats, beat = None, [], []

    def finish() -> None:
        nonlocal beats, beat
        if beat:
            beats.append(tuple(beat))
        if header:
            plots[header[0]] = Plot(*header, tuple(beats))
        beats, beat = [], []

    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        where = f"{path.name}:{number}"
        if line.startswith("=="):
            finish()
            header = _header(line, where, plots)
            known = _slots(header[2])
        elif line.startswith("-"):
            text = line[1:].strip()
            for slot in SLOT.findall(text):
                if slot[0].lower() + slot[1:] not in known:
                    raise ValueError(f"{where}: slot {{{slot}}} is not bound in plot {header[0]}")
            beat.append(text)
        elif not line.strip():
            if beat:
                beats.append(tuple(beat))
                beat = []
        elif not line.startswith("#"):
            raise ValueError(f"{where}: a line begins with '==', '-' or '#'")
    finish()
    return plots


def _header(line: str, where: str, before: dict[str, Plot]) -> tuple[str, tuple[str, ...], tuple[tuple[str, str], ...]]:
    name, parts, roles = ([field.strip() for field in line.strip("= ").split("|")] + ["", ""])[:3]
    for part in parts.split():
        if part not in before:
            raise ValueError(f"{where}: no shared part {part!r} above this line")
    pairs = []
    for role in roles.split():
        slot, _, source = role.partition("=")
        if (source or slot) not in LISTS:
            raise ValueError(f"{where}: no list {source or slot!r} in the lexicon")
        pairs.append((slot, source or slot))
    return name, tuple(parts.split()), tuple(pairs)


def _slots(roles: tuple[tuple[str, str], ...]) -> set[str]:
    slots = set(CAST) | set(ALWAYS)
    for slot, source in roles:
        entry = LISTS[source][0]
        slots |= set(entry) if isinstance(entry, dict) else {slot}
    return slots
