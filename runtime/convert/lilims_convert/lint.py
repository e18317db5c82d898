"""Static checks of a written program for what the Neural Engine is known not to support well. No device is needed.

Findings of level "error" keep a program off the Neural Engine; those of level "warning" make it slower, or keep single
operations off it. Each names the operation, the cause and a remedy. The rules (`lint_rules`) come from reports on ports of
language models; the compute plan of a device is authoritative.
"""

from __future__ import annotations

from dataclasses import dataclass

from coremltools.proto import Model_pb2

from .lint_rules import RULES, Body, Observation


@dataclass(frozen=True)
class Finding:
    """One kind of violation of a rule, with all its places."""

    rule: str
    level: str  # error or warning
    functions: tuple[str, ...]  # in which it occurs
    operation: str  # name of the first one; "" for a whole function
    text: str
    remedy: str

    def __str__(self) -> str:
        where = ", ".join(self.functions)
        return f"{self.level}: {self.rule}: {self.operation + ' in ' if self.operation else ''}{where}: {self.text}; {self.remedy}"


def check(model: Model_pb2.Model) -> list[Finding]:
    """All findings: one per rule and kind, with the number of places."""
    bodies = [Body.of(name, model.mlProgram.functions[name]) for name in sorted(model.mlProgram.functions)]
    findings: list[Finding] = []
    for rule, look in RULES.items():
        kinds: dict[tuple[str, str], list[tuple[str, Observation]]] = {}
        for body in bodies:
            for observation in look(body):
                kinds.setdefault((observation.level, observation.kind), []).append((body.name, observation))
        findings += [_together(rule, seen) for seen in kinds.values()]
    return findings


def _together(rule: str, seen: list[tuple[str, Observation]]) -> Finding:
    functions = tuple(dict.fromkeys(name for name, _ in seen))
    first = seen[0][1]
    more = len(seen) - len(functions) if not first.operation else len(seen) - 1
    text = f"{first.text} (and {more} more)" if more > 0 else first.text
    return Finding(rule, first.level, functions, first.operation, text, first.remedy)
