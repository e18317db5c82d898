"""Conversion as an ordered list of named steps, each with a remark why it stands where it stands.

A checkpoint comes in; a model folder that obeys docs/model-contract.md goes out. Steps pass one `Conversion` along and
never call each other, so a step can be looked at, replaced or followed by another one without touching the rest. They
work in a folder beside the destination, which takes its place when everything is done: whatever goes wrong on the way,
no folder is left that looks like a model.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import coremltools as ct
from coremltools.converters.mil.mil import Program

from . import __version__, checkpoint, families, lint, manifest, package, program, storage, vocabularies, workshop
from .blocks.network import Network
from .checkpoint import Checkpoint
from .storage import Recipe
from .validation import Evaluator, Standard, judge
from .vocabularies import Vocabulary
from .weightfile import WeightFile
from .weights import Weight

LARGEST = 10**9  # bytes of a package that nobody asked to be larger


@dataclass(frozen=True)
class Request:
    """What is to be converted and how."""

    destination: Path  # the model folder; made, or replaced
    name: str
    version: str  # semantic version of the model
    source: str  # in words: where the checkpoint comes from
    licence: str
    tokenizer: Path | None = None  # a tokenizer.json; None: the vocabulary of the source
    context: int | None = None  # cache length in tokens; None: what the network was trained for
    positions: int | None = None  # absolute positions; None: as many as `context`
    prefill_chunk: int = 32  # tokens a call of the prefill function
    quantization: str = "fp16"  # one of storage.QUANTIZATIONS
    layout: str = "gpu"  # one of storage.LAYOUTS
    top_k: int | None = None  # most likely tokens that prefill and decode give; None: the logits of all tokens
    requantize: bool = False  # see storage.Recipe
    score: bool = False  # a third function, for perplexity
    allow_large: bool = False  # the package may have more than LARGEST bytes
    evaluator: Evaluator | None = None  # what measures perplexity; None: no evaluation in the manifest
    standard: Standard | None = None  # what the perplexity is held against; None: it is only noted

    @property
    def recipe(self) -> Recipe:
        return Recipe(self.quantization, self.layout, self.requantize)


@dataclass
class Conversion:
    """What the steps make, in the order they make it."""

    request: Request
    checkpoint: Checkpoint
    folder: Path  # where the model is being made
    report: Callable[[str], None]
    vocabulary: Vocabulary | None = None
    file: WeightFile | None = None
    weights: dict[str, Weight] = field(default_factory=dict)
    network: Network | None = None
    programs: dict[str, Program] = field(default_factory=dict)
    findings: list[lint.Finding] = field(default_factory=list)
    evaluation: list[dict] = field(default_factory=list)
    manifest: dict = field(default_factory=dict)

    @property
    def package(self) -> Path:
        return self.folder / "model.mlpackage"


@dataclass(frozen=True)
class Step:
    name: str
    why_here: str
    run: Callable[[Conversion], None]


def _check(c: Conversion) -> None:
    architecture, request = c.checkpoint.architecture, c.request
    shapes = families.find(architecture.family).tensor_shapes(architecture)
    checkpoint.require(c.checkpoint, shapes)
    if request.top_k is not None and not 1 <= request.top_k <= architecture.vocab:
        raise ValueError(f"the {request.top_k} most likely tokens were asked for; the vocabulary has {architecture.vocab}")
    context, positions = _lengths(c)
    if positions > architecture.context:
        raise ValueError(f"{positions} positions are more than the {architecture.context} that the network was trained for")
    if request.prefill_chunk > context:
        raise ValueError(f"{request.prefill_chunk} tokens a call do not fit a context of {context}")
    manifest.check_version(request.version)
    estimate = storage.estimated_bytes(shapes, request.recipe)
    if estimate > LARGEST and not request.allow_large:
        raise ValueError(
            f"the package would have about {estimate / 1e9:.1f} GB; phones kill apps that load so much. "
            "Quantise further (--quantize int4), or ask for it with --allow-large"
        )
    free = shutil.disk_usage(c.folder).free
    if free < estimate * 1.05:
        raise OSError(f"{c.folder.parent}: {free / 1e9:.1f} GB are free, the package needs about {estimate / 1e9:.1f} GB")
    c.vocabulary = vocabularies.read(c.checkpoint, request.tokenizer)


def _store(c: Conversion) -> None:
    a, request = c.checkpoint.architecture, c.request
    c.file = WeightFile(package.weights_folder(c.package) / package.WEIGHT_FILE)
    names = families.find(a.family).tensor_shapes(a)
    for name in names:
        c.weights[name] = storage.store(c.file, name, c.checkpoint.tensor(name), request.recipe)
    c.network = Network(a, c.weights, *_lengths(c), request.layout, request.top_k)


def _lengths(c: Conversion) -> tuple[int, int]:
    """Slots of the cache, and absolute positions."""
    context = c.request.context or c.checkpoint.architecture.context
    return context, max(context, c.request.positions or context)


def _build(c: Conversion) -> None:
    chunk = c.request.prefill_chunk
    lengths = {"prefill": chunk, "decode": 1}
    if c.request.top_k is not None:
        lengths["logits"] = 1  # for whoever needs those of all tokens
    if c.request.score:
        lengths["score"] = chunk
    c.programs = {name: program.build(c.network, name, tokens) for name, tokens in lengths.items()}


def _write(c: Conversion) -> None:
    package.write(c.programs, "decode", c.file, c.network.blobs, c.package)
    c.file.close()
    vocabularies.write(c.vocabulary, c.folder / "tokenizer.json")
    size = sum(file["size"] for file in manifest.list_files(c.folder))
    if size > LARGEST and not c.request.allow_large:
        raise ValueError(f"the package has {size / 1e9:.2f} GB; ask for it with --allow-large")


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
        raise ValueError(f"{c.request.destination}: the package does not hold the functions that were put into it")


STEPS: tuple[Step, ...] = (
    Step("check", "every mistake in the input is reported before any work is done", _check),
    Step("store", "rounding and quantisation come before building, so programs are built from what is shipped", _store),
    Step("build", "one function per chunk length, all from the same stored tensors", _build),
    Step("write", "functions are written together, so that they share every constant", _write),
    Step("lint", "what the Neural Engine dislikes is looked for in what was written, not in what was meant", _lint),
    Step("describe", "the manifest lists every other file, so it comes after them; the runtime needs it to load", _describe),
    Step("measure", "perplexity is of the very package, as the runtime loads it; it is added to the manifest", _measure),
    Step("verify", "what was written is read back; a package that cannot be opened never leaves this house", _verify),
)


def convert(source: Checkpoint, request: Request, report: Callable[[str], None] = lambda line: None) -> Conversion:
    """Runs every step and puts the model in its place; `report` is told of each step before it runs."""
    destination = Path(request.destination).absolute()
    _refuse_strangers(destination)
    with workshop.beside(destination) as folder:
        conversion = Conversion(request, source, folder, report)
        try:
            for number, step in enumerate(STEPS, 1):
                report(f"{number}/{len(STEPS)} {step.name}: {step.why_here}")
                step.run(conversion)
        finally:
            if conversion.file is not None:
                conversion.file.abandon()
        workshop.put(folder, destination)
    return conversion


def _refuse_strangers(destination: Path) -> None:
    """Only a model folder, or an empty one, is replaced: the rest is somebody's."""
    if destination.is_symlink() or destination.is_file():
        raise ValueError(f"{destination}: is a file; name a folder")
    if destination.is_dir() and any(destination.iterdir()) and not (destination / manifest.FILE_NAME).exists():
        raise ValueError(f"{destination}: is a folder that holds something else than a model; name another one")
