"""Conversion as an ordered list of named steps, each with the reason for its place in the order.

Input: a checkpoint. Output: a model folder as specified in docs/model-contract.md. The steps pass on one `Conversion` and
do not call each other, so each can be tested, replaced or followed by another one without changes to the rest. They work
in a folder beside the destination, which is moved to the destination at the end: a failed conversion leaves no folder
that looks like a model.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import coremltools as ct
from coremltools.converters.mil.mil import Program

from . import __version__, checkpoint, families, lint, manifest, package, program, staging, storage, vocabularies
from .blocks.network import Network
from .checkpoint import Checkpoint
from .storage import Recipe
from .validation import Evaluator, Standard, judge
from .vocabularies import Vocabulary
from .weightfile import WeightFile
from .weights import Weight

LARGEST = 10**9  # bytes; larger packages need allow_large


@dataclass(frozen=True)
class Request:
    """What to convert to, and how."""

    destination: Path  # the model folder; created or replaced
    name: str
    version: str  # semantic version of the model
    source: str  # where the checkpoint comes from, as text for the manifest
    licence: str
    tokenizer: Path | None = None  # a tokenizer.json; None: the vocabulary of the source
    context: int | None = None  # cache length in tokens; None: the trained length
    positions: int | None = None  # absolute positions; None: the same as `context`
    prefill_chunk: int = 32  # tokens per call of the prefill function
    quantization: str = "fp16"  # one of precisions.QUANTIZATIONS
    layout: str = "gpu"  # one of precisions.LAYOUTS
    top_k: int | None = None  # number of most likely tokens that prefill and decode return; None: all logits
    requantize: bool = False  # see storage.Recipe
    score: bool = False  # add the function `score`, for perplexity
    allow_large: bool = False  # allow a package of more than LARGEST bytes
    evaluator: Evaluator | None = None  # measures perplexity; None: no evaluation in the manifest
    standard: Standard | None = None  # what the perplexity is compared with; None: it is only recorded

    @property
    def recipe(self) -> Recipe:
        """How weights are stored."""
        return Recipe(self.quantization, self.layout, self.requantize)


@dataclass
class Conversion:
    """The intermediate results. Those without a default are set by the steps, in this order."""

    request: Request
    checkpoint: Checkpoint
    folder: Path  # where the model is written
    report: Callable[[str], None]
    cleanup: ExitStack  # closed at the end, however the conversion ends
    vocabulary: Vocabulary = field(init=False)
    file: WeightFile = field(init=False)
    weights: dict[str, Weight] = field(default_factory=dict)
    network: Network = field(init=False)
    programs: dict[str, Program] = field(default_factory=dict)
    findings: list[lint.Finding] = field(default_factory=list)
    evaluation: list[dict[str, Any]] = field(default_factory=list)
    manifest: dict[str, Any] = field(default_factory=dict)

    @property
    def package(self) -> Path:
        """The .mlpackage."""
        return self.folder / "model.mlpackage"


@dataclass(frozen=True)
class Step:
    """A step and the reason for its place in the order."""

    name: str
    why_here: str
    run: Callable[[Conversion], None]


def _check(c: Conversion) -> None:
    architecture, request = c.checkpoint.architecture, c.request
    shapes = families.find(architecture.family).tensor_shapes(architecture)
    checkpoint.require(c.checkpoint, shapes)
    if request.top_k is not None and not 1 <= request.top_k <= architecture.vocab:
        raise ValueError(f"top-k of {request.top_k}: must be 1 to {architecture.vocab}, the size of the vocabulary")
    context, positions = _lengths(c)
    if positions > architecture.context:
        raise ValueError(f"{positions} positions are more than the {architecture.context} that the network was trained for")
    if request.prefill_chunk > context:
        raise ValueError(f"{request.prefill_chunk} tokens per call do not fit a context of {context}")
    manifest.check_version(request.version)
    estimate = storage.estimated_bytes(shapes, request.recipe)
    if estimate > LARGEST and not request.allow_large:
        raise ValueError(
            f"the package would have about {estimate / 1e9:.1f} GB; phones kill apps that load so much. "
            "Quantise further (--quantize int4), or allow it with --allow-large"
        )
    free = shutil.disk_usage(c.folder).free
    if free < estimate * 1.05:
        raise OSError(f"{c.folder.parent}: {free / 1e9:.1f} GB free; the package needs about {estimate / 1e9:.1f} GB")
    c.vocabulary = vocabularies.read(c.checkpoint, request.tokenizer)


def _store(c: Conversion) -> None:
    a, request = c.checkpoint.architecture, c.request
    c.file = WeightFile(package.weights_folder(c.package) / package.WEIGHT_FILE)
    c.cleanup.callback(c.file.abandon)
    names = families.find(a.family).tensor_shapes(a)
    for name in names:
        c.weights[name] = storage.store(c.file, name, c.checkpoint.tensor(name), request.recipe)
    c.network = Network(a, c.weights, *_lengths(c), request.layout, request.top_k)


def _lengths(c: Conversion) -> tuple[int, int]:
    """Cache slots and absolute positions."""
    context = c.request.context or c.checkpoint.architecture.context
    return context, max(context, c.request.positions or context)


def _build(c: Conversion) -> None:
    chunk = c.request.prefill_chunk
    lengths = {"prefill": chunk, "decode": 1}
    if c.request.top_k is not None:
        lengths["logits"] = 1  # for callers that need all logits
    if c.request.score:
        lengths["score"] = chunk
    c.programs = {name: program.build(c.network, name, tokens) for name, tokens in lengths.items()}


def _write(c: Conversion) -> None:
    package.write(c.programs, "decode", c.file, c.network.blobs, c.package)
    c.file.close()
    vocabularies.write(c.vocabulary, c.folder / "tokenizer.json")
    size = sum(file["size"] for file in manifest.list_files(c.folder))
    if size > LARGEST and not c.request.allow_large:
        raise ValueError(f"the package has {size / 1e9:.2f} GB; allow it with --allow-large")


def _lint(c: Conversion) -> None:
    c.findings = lint.check(package.open_copy(c.package))


def _describe(c: Conversion) -> None:
    a, request = c.network.architecture, c.request
    description = {
        "name": request.name,
        "version": request.version,
        "family": a.family,
        "quantization": request.quantization,
        "layout": request.layout,
        "context": c.network.context,
        "prefill_chunk": request.prefill_chunk,
        "architecture": {key: value for key, value in a.to_dict().items() if key not in ("family", "context")},
        "tokenizer": c.vocabulary.entry(),
        "functions": {name: name for name in c.programs},
        "evaluation": c.evaluation,
        "source": {"what": request.source, "sha256": c.checkpoint.sha256},
        "tools": {"coremltools": ct.__version__, "lilims_convert": __version__},
        "licence": request.licence,
    }
    if request.top_k is not None:
        description["outputs"] = {"kind": "top_k", "k": request.top_k}
    if c.network.positions > c.network.context:
        description["positions"] = c.network.positions
    if c.network.local_window is not None:
        description["local_window"] = c.network.local_window
    c.manifest = manifest.write(c.folder, description)


def _measure(c: Conversion) -> None:
    if c.request.evaluator is None:
        return
    result = c.request.evaluator.measure(c.folder)
    c.evaluation = [{**result, "precision": c.request.quantization}]
    if c.request.standard is not None:
        c.evaluation = judge(c.evaluation[0], c.request.standard, c.report)
    _describe(c)


def _verify(c: Conversion) -> None:
    manifest.verify(c.folder)
    functions = package.open_copy(c.package).description.functions
    if sorted(function.name for function in functions) != sorted(c.programs):
        raise ValueError(f"{c.request.destination}: the package does not contain the functions that were written")


STEPS: tuple[Step, ...] = (
    Step("check", "mistakes in the input are reported before any work is done", _check),
    Step("store", "tensors are rounded and quantised before programs are built from them", _store),
    Step("build", "one function per chunk length, all from the same stored tensors", _build),
    Step("write", "functions are written together, so that they share every constant", _write),
    Step("lint", "the written program is checked for what the Neural Engine does not support well", _lint),
    Step("describe", "the manifest lists all other files and the runtime needs it, so it is written after them", _describe),
    Step("measure", "the runtime measures the perplexity of the written package; the manifest records it", _measure),
    Step("verify", "the package is read back, so that one that cannot be opened is never published", _verify),
)


def convert(source: Checkpoint, request: Request, report: Callable[[str], None] = lambda line: None) -> Conversion:
    """Runs every step and moves the model to its destination; `report` gets a line before each step."""
    destination = Path(request.destination).absolute()
    _check_destination(destination)
    with staging.beside(destination) as folder:
        with ExitStack() as cleanup:
            conversion = Conversion(request, source, folder, report, cleanup)
            for number, step in enumerate(STEPS, 1):
                report(f"{number}/{len(STEPS)} {step.name}: {step.why_here}")
                step.run(conversion)
        staging.put(folder, destination)
    return conversion


def _check_destination(destination: Path) -> None:
    """Refuses to replace anything but a model folder or an empty folder."""
    if destination.is_symlink() or destination.is_file():
        raise ValueError(f"{destination}: is a file; name a folder")
    if destination.is_dir() and any(destination.iterdir()) and not (destination / manifest.FILE_NAME).exists():
        raise ValueError(f"{destination}: is a folder that contains something other than a model; name another one")
