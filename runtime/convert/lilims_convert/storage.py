"""Storage of the tensors of a checkpoint: each is written to the weight file in chunks of rows.

One chunk is in memory at a time, whatever the size of the model or of its largest matrix.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from . import exact, quantize
from .exact import Exact
from .precisions import LAYOUTS, PALETTES, QUANTIZATIONS
from .sources.tensors import SourceTensor
from .weightfile import Blob, WeightFile
from .weights import BlockwiseWeight, DenseWeight, PaletteWeight, SplitWeight, Weight, checked_fp16

CHUNK = 1 << 20  # elements read at a time
# Tensors with a row per vocabulary entry. They get eight bits: four would cost them most accuracy and save least space.
VOCABULARY = ("token_embd.weight", "output.weight", "output.bias")
# The largest number of outputs of a convolution that the Neural Engine's compiler accepts.
ANE_ROWS = 16384


_Rounding = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]  # rows -> integers and scales


@dataclass(frozen=True)
class Recipe:
    """How weights are stored."""

    quantization: str = "fp16"  # one of QUANTIZATIONS
    layout: str = "gpu"  # one of LAYOUTS
    requantize: bool = False  # requantise also blocks that Core ML could store unchanged: fewer kinds of constants

    def __post_init__(self) -> None:
        for what, value, known in (("quantization", self.quantization, QUANTIZATIONS), ("layout", self.layout, LAYOUTS)):
            if value not in known:
                raise ValueError(f"unknown {what} {value!r}; known: {', '.join(sorted(known))}")
        if self.quantization in PALETTES and self.layout != "ane":
            raise ValueError(f"{self.quantization}: palettes are for the ane layout; the gpu layout has int4 and int8")

    @property
    def palette_bits(self) -> int | None:
        """Bits of a palette's index; None if weights have scales instead. On the Neural Engine int4 is a palette."""
        four = self.quantization == "int4" and self.layout == "ane"
        return 4 if four else PALETTES.get(self.quantization)


def store(file: WeightFile, name: str, tensor: SourceTensor, recipe: Recipe) -> Weight:
    """Writes one tensor and returns how it is stored."""
    limit = ANE_ROWS if recipe.layout == "ane" and name in VOCABULARY else tensor.shape[0]
    kept = _vector if len(tensor.shape) == 1 else _matrix
    parts = [
        kept(file, _Rows(name, tensor, start, min(start + limit, tensor.shape[0])), recipe) for start in range(0, tensor.shape[0], limit)
    ]
    return parts[0] if len(parts) == 1 else SplitWeight(tuple(parts))


def _vector(file: WeightFile, rows: _Rows, recipe: Recipe) -> Weight:
    return DenseWeight(file.add_small("fp16", checked_fp16(rows.name, rows.tensor.rows(rows.start, rows.stop))))


@dataclass(frozen=True)
class _Rows:
    """A range of rows of a source tensor."""

    name: str
    tensor: SourceTensor
    start: int
    stop: int

    @property
    def count(self) -> int:
        return self.stop - self.start

    @property
    def columns(self) -> int:
        return self.tensor.shape[1]

    def chunks(self, multiple: int = 1) -> Iterator[tuple[int, int]]:
        step = max(1, CHUNK // self.columns // multiple) * multiple
        for start in range(self.start, self.stop, step):
            yield start, min(start + step, self.stop)

    def floats(self, multiple: int = 1) -> Iterator[np.ndarray]:
        for start, stop in self.chunks(multiple):
            rows = self.tensor.rows(start, stop)
            if not np.isfinite(rows).all():
                raise ValueError(f"{self.name}: contains values that are not finite")
            yield rows


def _matrix(file: WeightFile, rows: _Rows, recipe: Recipe) -> Weight:
    quantization = recipe.quantization
    if rows.name == "position_embd.weight" or quantization == "fp16":
        chunks = (checked_fp16(rows.name, chunk) for chunk in rows.floats())
        return DenseWeight(file.add("fp16", (rows.count, rows.columns), chunks))
    if recipe.layout == "gpu" and not recipe.requantize:
        found = exact.find(rows.tensor.kind, "int8" if rows.name in VOCABULARY else quantization)
        if found is not None:
            return _blockwise(file, rows, found)
    if quantization == "int8" or rows.name in VOCABULARY:
        return _scaled(file, rows, "int8", rows.columns, quantize.int8_rows)
    if recipe.palette_bits is not None:
        if rows.count % quantize.PALETTE_ROWS == 0:
            return _palettes(file, rows, recipe.palette_bits)
    elif rows.columns % quantize.BLOCK == 0:
        return _scaled(file, rows, "int4", quantize.BLOCK, quantize.int4_blocks)
    return _scaled(file, rows, "int8", rows.columns, quantize.int8_rows)


def _scaled(file: WeightFile, rows: _Rows, kind: str, block: int, rounded: _Rounding) -> Weight:
    scales: list[np.ndarray] = []

    def data() -> Iterator[np.ndarray]:
        for chunk in rows.floats():
            values, scale = rounded(chunk)
            scales.append(scale)
            yield values

    written = file.add(kind, (rows.count, rows.columns), data())
    return BlockwiseWeight(written, file.add("fp16", (rows.count, rows.columns // block), scales))


def _palettes(file: WeightFile, rows: _Rows, bits: int) -> Weight:
    tables: list[np.ndarray] = []

    def indices() -> Iterator[np.ndarray]:
        for chunk in rows.floats(quantize.PALETTE_ROWS):
            found, table = quantize.palettes(chunk, bits)
            tables.append(table)
            yield found

    written = file.add(f"uint{bits}", (rows.count, rows.columns), indices())
    shape = (rows.count // quantize.PALETTE_ROWS, 1 << bits)
    return PaletteWeight(written, file.add("fp16", shape, tables))


def _blockwise(file: WeightFile, rows: _Rows, found: Exact) -> Weight:
    """The blocks of the source: values, scales and offsets, each in a constant."""
    scales: list[np.ndarray] = []
    offsets: list[np.ndarray] = []

    def data() -> Iterator[np.ndarray]:
        for start, stop in rows.chunks():
            values, scale, offset = found.unpack(rows.tensor.raw(start, stop).reshape(-1, found.size))
            scales.append(checked_fp16(rows.name, scale))
            if offset is not None:
                offsets.append(checked_fp16(rows.name, offset))
            yield values

    shape = (rows.count, rows.columns // found.block)
    written = file.add(found.kind, (rows.count, rows.columns), data())
    scale = file.add("fp16", shape, scales)
    offset: Blob | None = file.add("fp16", shape, offsets) if offsets else None
    return BlockwiseWeight(written, scale, offset)


def estimated_bytes(shapes: dict[str, tuple[int, ...]], recipe: Recipe) -> int:
    """The approximate size of a weight file, from bits per element, including scales."""
    total = 0.0
    for name, shape in shapes.items():
        bits = 16.0
        if len(shape) > 1 and recipe.quantization != "fp16" and name != "position_embd.weight":
            wide = recipe.quantization == "int8" or name in VOCABULARY
            bits = 8.5 if wide else (recipe.palette_bits or 4) + 0.5
        count = 1
        for size in shape:
            count *= size
        total += count * bits / 8
    return int(total)
