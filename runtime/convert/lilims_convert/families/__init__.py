"""Network families. Each module describes the tensors of its checkpoints and builds its program from shared blocks.

A family is a module with two functions:

    tensor_shapes(architecture) -> {canonical name: shape}
    forward(network, inputs) -> logits variable        called inside a MIL function being built

Families are listed here and nowhere else.
"""

from __future__ import annotations

from types import ModuleType

from . import llama

FAMILIES: dict[str, ModuleType] = {"llama": llama}


def find(name: str) -> ModuleType:
    """The module of a family; names the known ones when there is none."""
    try:
        return FAMILIES[name]
    except KeyError:
        raise ValueError(f"unknown family {name!r}; known are {', '.join(sorted(FAMILIES))}") from None
