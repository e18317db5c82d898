"""What the Neural Engine is known to dislike, looked for in a written program. Static: no device is asked.

Findings of level "error" keep a program off the Neural Engine; those of level "warning" make it slower, or keep single
operations off it. Each says what was seen, in which operation, and what helps. The rules (`lint_rules`) come from what
ports of language models have reported; a device's own compute plan has the last word.
"""

from __future__ import annotations

from dataclasses import dataclass

from coremltools.proto import Model_pb2

from .lint_rules import RULES, Body, Sight


@dataclass(frozen=True)
class Finding:
    """One thing that a rule saw, in all places where it saw it."""

    rule: str
    level: str  # error or warning
    functions: tuple[str, ...]  # in which it was seen
    operation: str  # the first one's name; "" where it is about a whole function
    text: str
    remedy: str

    def __str__(self) -> str:
        where = ", ".join(self.functions)
        return f"{self.level}: {self.rule}: {self.operation + ' in ' if self.operation else ''}{where}: {self.text}; {self.remedy}"


def check(model: Model_pb2.Model) -> list[Finding]:
    """All findings: one for each rule and kind of thing, with the number of places."""
    bodies = [Body.of(name, model.mlProgram.functions[name]) for name in sorted(model.mlProgram.functions)]
    findings: list[Finding] = []
    for rule, look in RULES.items():
        kinds: dict[tuple[str, str], list[tuple[str, Sight]]] = {}
        for body in bodies:
            for sight in look(body):
                kinds.setdefault((sight.level, sight.kind), []).append((body.name, sight))
        findings += [_together(rule, seen) for seen in kinds.values()]
    return findings


def _together(rule: str, seen: list[tuple[str, Sight]]) -> Finding:
    functions = tuple(dict.fromkeys(name for name, _ in seen))
    first = seen[0][1]
    more = len(seen) - len(functions) if not first.operation else len(seen) - 1
    text = f"{first.text} (and {more} more)" if more > 0 else first.text
    return Finding(rule, first.level, functions, first.operation, text, first.remedy)
