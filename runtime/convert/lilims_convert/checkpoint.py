"""Checkpoints: an architecture and its tensors by canonical names.

The names are those of GGUF, so GGUF files need no table of names:
token_embd.weight, blk.N.{attn_norm,attn_q,attn_k,attn_v,attn_output,ffn_norm,ffn_gate,ffn_up,ffn_down}.weight,
output_norm.weight and, when the embeddings are not tied, output.weight. Matrices are [out, in]; rows of attn_q and
attn_k are in half-rotation order (element i is rotated with element i + head_dim/2).

On disk a checkpoint is an .npz file with an additional entry, "architecture", the JSON text of `Architecture`.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from .architecture import Architecture
from .sources.tensors import ArrayTensor, SourceTensor

ARCHITECTURE_ENTRY = "architecture"
_NAMED = 12  # mistakes of a checkpoint that are listed; the rest are only counted


@dataclass(frozen=True)
class Checkpoint:
    """A trained network as in its source, before anything is rounded."""

    architecture: Architecture
    tensors: Mapping[str, np.ndarray | SourceTensor]
    sha256: str | None = None  # of the source files; None for a checkpoint made in memory
    metadata: Mapping[str, object] = field(default_factory=dict)  # GGUF metadata or config.json

    def tensor(self, name: str) -> SourceTensor:
        """A tensor, readable in rows, whether it is in memory or in a file."""
        tensor = self.tensors[name]
        return ArrayTensor(tensor) if isinstance(tensor, np.ndarray) else tensor


def read(path: Path) -> Checkpoint:
    """Reads an .npz checkpoint. Raises ValueError if it has no architecture."""
    digest = hashlib.sha256(Path(path).read_bytes()).hexdigest()
    with np.load(path, allow_pickle=False) as archive:
        if ARCHITECTURE_ENTRY not in archive:
            raise ValueError(f"checkpoint {path}: no {ARCHITECTURE_ENTRY!r} entry; was it written by lilims_training?")
        architecture = Architecture.from_dict(json.loads(str(archive[ARCHITECTURE_ENTRY])))
        tensors = {name: archive[name] for name in archive.files if name != ARCHITECTURE_ENTRY}
    return Checkpoint(architecture, tensors, digest)


def write(path: Path, checkpoint: Checkpoint) -> None:
    """Writes an uncompressed .npz checkpoint; the same tensors give the same bytes (np.savez would store the time)."""
    text = json.dumps(checkpoint.architecture.to_dict(), sort_keys=True)
    entries = {ARCHITECTURE_ENTRY: np.array(text), **{name: checkpoint.tensors[name] for name in sorted(checkpoint.tensors)}}
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, tensor in entries.items():
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, np.ascontiguousarray(tensor).reshape(np.shape(tensor)), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0)), buffer.getvalue())


def require(checkpoint: Checkpoint, shapes: dict[str, tuple[int, ...]]) -> None:
    """Raises ValueError, with all mistakes in one message, if the tensors are not exactly those of `shapes`."""
    mistakes = [f"{name}: missing" for name in shapes if name not in checkpoint.tensors]
    mistakes += [f"{name}: not part of the family" for name in checkpoint.tensors if name not in shapes]
    for name, shape in shapes.items():
        tensor = checkpoint.tensors.get(name)
        if tensor is None:
            continue
        if tuple(tensor.shape) != shape:
            mistakes.append(f"{name}: shape {list(tensor.shape)}, expected {list(shape)}")
        elif isinstance(tensor, np.ndarray) and not np.isfinite(tensor).all():  # tensors in files are checked when they are stored
            mistakes.append(f"{name}: contains values that are not finite")
    if mistakes:
        more = f"; and {len(mistakes) - _NAMED} more" if len(mistakes) > _NAMED else ""
        raise ValueError("checkpoint: " + "; ".join(sorted(mistakes)[:_NAMED]) + more)
