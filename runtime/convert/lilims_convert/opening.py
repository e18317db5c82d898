"""Reads a file or a directory as a checkpoint: finds its family, its dimensions and its tensors by canonical names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from . import digests, families
from .architecture import Architecture
from .checkpoint import Checkpoint
from .families._reading import Values, bare, flattened
from .sources import SourceError, gguf, safetensors, shown
from .sources.tensors import SourceTensor, equal, origin

# Buffers that old model classes saved beside their weights; they can be computed from the configuration.
_BUFFERS = re.compile(r"(.*\.)?rotary_emb\.inv_freq|h\.\d+\.attn\.(attention\.)?(masked_)?bias")
# The parts of a multimodal network that do not process text.
_OTHER_MODALITIES = re.compile(r"(vision_tower|vision_model|multi_modal_projector|audio_tower)\..*")


def open_gguf(path: Path) -> Checkpoint:
    """A GGUF file as a checkpoint, with its metadata, which contain the tokenizer. Raises SourceError."""
    file = gguf.read(path)
    name = file.metadata.get("general.architecture")
    if "token_embd.weight" not in file.tensors:
        raise SourceError(f"{path}: has no token_embd.weight: not a language model, or only its vocabulary")
    try:
        family = families.claiming("GGUF", name)
        architecture = family.from_gguf(Values(file.metadata, f"{name}."), file.tensors)
        tensors = {name: tensor for name, tensor in file.tensors.items() if name != "rope_freqs.weight"}
        if architecture.tied_embeddings:
            tensors.pop("output.weight", None)
        if hasattr(family, "gguf_tensors"):
            tensors = family.gguf_tensors(architecture, tensors)
    except ValueError as error:
        raise SourceError(f"{path}: {error}") from None
    return Checkpoint(architecture, tensors, digests.of_files([Path(path)]), metadata=file.metadata)


def open_directory(path: Path) -> Checkpoint:
    """A Hugging Face directory as a checkpoint. Raises SourceError."""
    model = safetensors.read(path)
    try:
        config = _of_text(model.config)
        family = families.claiming("HUGGING_FACE", config.get("model_type"))
        _refuse_quantised(config)
        architecture = family.from_config(Values(flattened(config)))
        found = bare(model.tensors)
        tensors = family.checkpoint_tensors(architecture, found)
        if architecture.tied_embeddings:
            tensors.pop("output.weight", None)
        _check_unused(architecture, tensors, found, multimodal=config is not model.config)
    except ValueError as error:
        raise SourceError(f"{path}: {error}") from None
    return Checkpoint(architecture, tensors, digests.of_files(model.files), metadata=model.config)


def _of_text(config: dict[str, Any]) -> dict[str, Any]:
    """The text part of a configuration, if the network is multimodal."""
    text = config.get("text_config")
    if not isinstance(text, dict):
        return config
    return {**{key: value for key, value in config.items() if key != "text_config"}, **text, "model_type": config.get("model_type")}


def _refuse_quantised(config: Mapping[str, object]) -> None:
    quantised = config.get("quantization_config")
    if quantised is not None:
        how = quantised.get("quant_method") if isinstance(quantised, dict) else quantised
        raise SourceError(f"is already quantised ({shown(how)}); convert the original checkpoint, or a GGUF file")


def _check_unused(a: Architecture, tensors: Mapping[str, SourceTensor], found: Mapping[str, SourceTensor], multimodal: bool) -> None:
    """Raises SourceError for tensors that the program does not use, unless they are known to be unnecessary."""
    used = {id(origin(tensor)) for tensor in tensors.values()}
    left = [name for name, tensor in found.items() if id(tensor) not in used and not _BUFFERS.fullmatch(name)]
    if multimodal:
        left = [name for name in left if not _OTHER_MODALITIES.fullmatch(name)]
    if a.tied_embeddings and "lm_head.weight" in left and "token_embd.weight" in tensors:
        if not equal(found["lm_head.weight"], origin(tensors["token_embd.weight"])):
            raise SourceError(
                "lm_head.weight differs from the embedding, although config.json ties them: "
                "set tie_word_embeddings to false there to keep both, or remove lm_head.weight"
            )
        left.remove("lm_head.weight")
    if left:
        more = f" and {len(left) - 5} more" if len(left) > 5 else ""
        raise SourceError(f"has tensors that {a.family} does not use: {_first(left)}{more}; were they quantised, or added by fine-tuning?")
    odd = [f"{name} ({t.kind})" for name, t in found.items() if id(t) in used and t.kind not in safetensors.TYPES]
    if odd:
        raise SourceError(
            f"{len(odd)} tensors have types that weights cannot have: {_first(odd)}; supported: {', '.join(safetensors.TYPES)}"
        )


def _first(names: list[str]) -> str:
    return ", ".join(name[:80] for name in sorted(names)[:5])
