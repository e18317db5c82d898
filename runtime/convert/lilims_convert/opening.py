"""From a file or a directory to a checkpoint: which family it is of, its dimensions, its tensors by canonical names."""

from __future__ import annotations

from pathlib import Path

from . import digests, families
from .checkpoint import Checkpoint
from .families._reading import Values, flattened
from .sources import SourceError, gguf, safetensors


def open_gguf(path: Path) -> Checkpoint:
    """A GGUF file as a checkpoint; its metadata stays with it, for the tokenizer."""
    file = gguf.read(path)
    name = file.metadata.get("general.architecture")
    if "token_embd.weight" not in file.tensors:
        raise SourceError(f"{path}: has no token_embd.weight: it is no language model, or only its vocabulary")
    try:
        family = families.claiming("GGUF", name)
        architecture = family.from_gguf(Values(file.metadata, f"{name}."), file.tensors)
        tensors = file.tensors
        if hasattr(family, "gguf_tensors"):
            tensors = family.gguf_tensors(architecture, file.tensors)
    except ValueError as error:
        raise SourceError(f"{path}: {error}") from None
    tensors = {name: tensor for name, tensor in tensors.items() if name != "rope_freqs.weight"}
    return Checkpoint(architecture, tensors, digests.of_files([Path(path)]), metadata=file.metadata)


def open_directory(path: Path) -> Checkpoint:
    """A Hugging Face directory as a checkpoint."""
    model = safetensors.read(path)
    config = model.config
    if isinstance(config.get("text_config"), dict):
        raise SourceError(f"{path}: is of a model with more than text ({config.get('model_type')!r}), which is not supported")
    try:
        family = families.claiming("HUGGING_FACE", config.get("model_type"))
        values = Values(flattened(config))
        architecture = family.from_config(values)
        tensors = family.checkpoint_tensors(architecture, model.tensors)
    except ValueError as error:
        raise SourceError(f"{path}: {error}") from None
    return Checkpoint(architecture, tensors, digests.of_files(model.files), metadata=config)
