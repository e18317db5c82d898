"""A model folder, opened: the numpy reference with the values that its package contains."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from . import families, manifest, package
from .architecture import Architecture
from .reference import Reference


@dataclass(frozen=True)
class Shipped:
    """The contents of a model folder that the reference needs."""

    manifest: dict[str, Any]
    architecture: Architecture
    tensors: dict[str, np.ndarray]  # float32, by canonical names
    tokenizer: Tokenizer

    def reference(self, cache: str = "fp16") -> Reference:
        """The numpy reference; `cache` is the precision of keys and values, fp16 or fp32."""
        return Reference(self.architecture, self.tensors, self.manifest["context"], cache=cache)


def open_model(folder: Path) -> Shipped:
    """Verifies the folder and reads its tensors from the package. Raises ValueError for models other than fp16 Llamas."""
    folder = Path(folder)
    read = manifest.verify(folder)
    dimensions = {"family": read["family"], "context": read["context"], **read["architecture"]}
    architecture = Architecture.from_dict(dimensions)
    stored = package.constants(folder / "model.mlpackage", read["functions"]["decode"])
    names = families.find(architecture.family).tensor_shapes(architecture)
    missing = [name for name in names if name.replace(".", "_") not in stored]
    if missing or architecture.family != "llama":
        what = f"{architecture.family} in the {read.get('layout', 'gpu')} layout, {read['quantization']}"
        raise ValueError(f"{folder}: is {what}; the numpy reference reads plain fp16 Llamas only: use bench-agent")
    tensors = {name: np.asarray(stored[name.replace(".", "_")], np.float32) for name in names}
    return Shipped(read, architecture, tensors, Tokenizer.from_file(str(folder / read["tokenizer"]["file"])))
