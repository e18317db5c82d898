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


_Header = tuple[str, tuple[str, ...], tuple[tuple[str, str], ...]]  # name, parts and roles of a plot


@dataclass(frozen=True)
class Plot:
    """A plot, or a part that plots share."""

    name: str
    parts: tuple[str, ...]  # the shared parts before and after; none for a shared part itself
    roles: tuple[tuple[str, str], ...]  # (slot, list)
    beats: tuple[tuple[str, ...], ...]  # per beat, its alternative sentences; "" leaves the beat out


def read(path: Path = PLOTS_FILE) -> dict[str, Plot]:
    """All plots and shared parts by name. Raises ValueError with the line number for unknown lists, slots and parts."""
    reader = _Reader()
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        reader.read(line, f"{path.name}:{number}")
    reader.finish()
    return reader.plots


class _Reader:
    """The plots read so far, and the one that is being read."""

    def __init__(self) -> None:
        self.plots: dict[str, Plot] = {}
        self._header: _Header | None = None
        self._known: set[str] = set()
        self._beats: list[tuple[str, ...]] = []
        self._beat: list[str] = []

    def read(self, line: str, where: str) -> None:
        if line.startswith("=="):
            self.finish()
            self._header = _header(line, where, self.plots)
            self._known = _slots(self._header[2])
        elif line.startswith("-"):
            self._beat.append(self._sentence(line[1:].strip(), where))
        elif not line.strip():
            self._end_beat()
        elif not line.startswith("#"):
            raise ValueError(f"{where}: a line must start with '==', '-' or '#'")

    def finish(self) -> None:
        """Ends the current plot."""
        self._end_beat()
        if self._header is not None:
            self.plots[self._header[0]] = Plot(*self._header, tuple(self._beats))
        self._beats = []

    def _end_beat(self) -> None:
        if self._beat:
            self._beats.append(tuple(self._beat))
            self._beat = []

    def _sentence(self, text: str, where: str) -> str:
        if self._header is None:
            raise ValueError(f"{where}: no plot ('== name') above this line")
        for slot in SLOT.findall(text):
            if slot[0].lower() + slot[1:] not in self._known:
                raise ValueError(f"{where}: slot {{{slot}}} is not bound in plot {self._header[0]}")
        return text


def _header(line: str, where: str, before: dict[str, Plot]) -> _Header:
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
