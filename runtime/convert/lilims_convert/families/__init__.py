"""Network families: one small module each. A new family is a new file here, without changes elsewhere.

A family is a module with these names:

    GGUF, HUGGING_FACE            its names in general.architecture and model_type
    from_gguf(values, tensors) -> Architecture                                  values are GGUF metadata
    from_config(values) -> Architecture                                         values are a config.json
    gguf_tensors(architecture, tensors) -> {canonical name: SourceTensor}       optional: if names or rows differ
    checkpoint_tensors(architecture, tensors) -> {canonical name: SourceTensor}
    tensor_shapes(architecture) -> {canonical name: shape}
    forward(decoder) -> the function's result, a variable                       called while a MIL function is built

The names of a checkpoint's tensors come without the prefix of its class (`model.`, `transformer.` and the like). A
checkpoint with tensors that the family does not use is refused. Canonical names are those of GGUF. Matrices are [out, in];
rotary rows are in half-rotation order. docs/ConversionGuide.md shows how to add a family.
"""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType

from ..sources import SourceError, shown


def names() -> list[str]:
    """The module names of all families."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))


def find(name: str) -> ModuleType:
    """The module of a family. Raises ValueError, with the known names, if there is none."""
    if name not in names():
        raise ValueError(f"unknown family {name!r}; known: {', '.join(names())}")
    return importlib.import_module(f"{__name__}.{name}")


def claiming(kind: str, label: object) -> ModuleType:
    """The family whose list `kind` (GGUF or HUGGING_FACE) has `label`, the architecture as a source names it."""
    modules = [find(name) for name in names()]
    for module in modules:
        if label in getattr(module, kind):
            return module
    known = ", ".join(sorted(name for module in modules for name in getattr(module, kind)))
    raise SourceError(f"architecture {shown(label)} is not supported; supported: {known}")
