"""Network families: one small module each. A new one is a new file here; nothing else names it.

A family is a module with these names:

    GGUF, HUGGING_FACE            what general.architecture and model_type call it
    from_gguf(values, tensors) -> Architecture                                  values are GGUF metadata
    from_config(values) -> Architecture                                         values are a config.json
    gguf_tensors(architecture, tensors) -> {canonical name: SourceTensor}       optional: where names or rows differ
    checkpoint_tensors(architecture, tensors) -> {canonical name: SourceTensor}
    tensor_shapes(architecture) -> {canonical name: shape}
    forward(decoder) -> the function's result, a variable                       called while a MIL function is built

A checkpoint's tensors come without what its class put before their names (`model.`, `transformer.` and the like); every
one of them must find its place, or the checkpoint is refused. Canonical names are those of GGUF. Matrices are [out, in]; rotary rows are in half-rotation order. docs/ConversionGuide.md
shows how to add one.
"""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType

from ..sources import SourceError, shown


def names() -> list[str]:
    """Every family, by the name of its module."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))


def find(name: str) -> ModuleType:
    """The module of a family; names the known ones when there is none."""
    if name not in names():
        raise ValueError(f"unknown family {name!r}; known are {', '.join(names())}")
    return importlib.import_module(f"{__name__}.{name}")


def claiming(kind: str, label: object) -> ModuleType:
    """The family whose list `kind` (GGUF or HUGGING_FACE) holds a source's own name for its architecture."""
    modules = [find(name) for name in names()]
    for module in modules:
        if label in getattr(module, kind):
            return module
    known = ", ".join(sorted(name for module in modules for name in getattr(module, kind)))
    raise SourceError(f"architecture {shown(label)} belongs to no family; known are {known}")
