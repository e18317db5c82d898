"""Conversion as an ordered list of named steps, each with a remark why it stands where it stands.

A checkpoint comes in; a model folder that obeys docs/model-contract.md goes out. Steps pass one `Conversion` along and
never call each other, so a step can be looked at, replaced or followed by another one without touching the rest.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import coremltools as ct
from coremltools.converters.mil.mil import Program
from tokenizers import Tokenizer

from . import __version__, checkpoint, evaluate, families, manifest, package, program, vocabulary
from .checkpoint import Checkpoint
from .families.blocks import Network
from .reference import Reference
from .weights import Weight, to_fp16


@dataclass(frozen=True)
class Request:
    """What is to be converted and how."""

    tokenizer: Path  # tokenizer.json
    destination: Path  # the model folder; made, or replaced
    name: str
    version: str  # semantic version of the model
    source: str  # in words: where the checkpoint comes from
    licence: str
    context: int | None = None  # cache length in tokens; None: what the network was trained for
    prefill_chunk: int = 32  # tokens a call of the prefill function
    quantization: str = "fp16"  # a key of QUANTIZERS
    corpus: Path | None = None  # held-out texts to measure perplexity on; None: no evaluation in the manifest
    corpus_name: str = ""


@dataclass
class Conversion:
    """What the steps make, in the order they make it."""

    request: Request
    checkpoint: Checkpoint
    network: Network | None = None
    programs: dict[str, Program] = field(default_factory=dict)
    functions: dict[str, ct.models.MLModel] = field(default_factory=dict)
    evaluation: list[dict] = field(default_factory=list)
    manifest: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Step:
    name: str
    why_here: str
    run: Callable[[Conversion], None]


def _check(c: Conversion) -> None:
    architecture = c.checkpoint.architecture
    checkpoint.require(c.checkpoint, families.find(architecture.family).tensor_shapes(architecture))
    tokenizer = Tokenizer.from_file(str(c.request.tokenizer))
    if tokenizer.get_vocab_size() > architecture.vocab:
        raise ValueError(
            f"tokenizer {c.request.tokenizer}: {tokenizer.get_vocab_size()} entries, but the network has "
            f"{architecture.vocab}; were they trained together?"
        )


def _store_fp16(source: Checkpoint) -> dict[str, Weight]:
    return {name: to_fp16(name, tensor) for name, tensor in source.tensors.items()}


# How the tensors of a checkpoint are stored, by the name that the manifest gives it.
QUANTIZERS: dict[str, Callable[[Checkpoint], dict[str, Weight]]] = {"fp16": _store_fp16}


def _store(c: Conversion) -> None:
    try:
        quantize = QUANTIZERS[c.request.quantization]
    except KeyError:
        known = ", ".join(sorted(QUANTIZERS))
        raise ValueError(f"unknown quantization {c.request.quantization!r}; known are {known}") from None
    context = c.request.context or c.checkpoint.architecture.context
    c.network = Network(c.checkpoint.architecture, quantize(c.checkpoint), context)


def _build(c: Conversion) -> None:
    c.programs = {"prefill": program.build(c.network, c.request.prefill_chunk), "decode": program.build(c.network, 1)}


def _lower(c: Conversion) -> None:
    c.functions = {name: program.lower(built) for name, built in c.programs.items()}


def _write(c: Conversion) -> None:
    destination = Path(c.request.destination)
    if destination.exists():
        shutil.rmtree(destination)
    destination.mkdir(parents=True)
    package.write(c.functions, "decode", destination / "model.mlpackage")
    shutil.copyfile(c.request.tokenizer, destination / "tokenizer.json")


def _measure(c: Conversion) -> None:
    if c.request.corpus is None:
        return
    dense = {name: weight.dense() for name, weight in c.network.weights.items()}
    reference = Reference(c.network.architecture, dense, c.network.context)
    texts = evaluate.read_corpus(c.request.corpus)
    tokenizer = Tokenizer.from_file(str(c.request.tokenizer))
    result = evaluate.perplexity(reference, tokenizer, texts, end=vocabulary.EOS)
    c.evaluation.append(
        {
            "corpus": c.request.corpus_name or Path(c.request.corpus).name,
            "texts": len(texts),
            "tokens": result.tokens,
            "perplexity": round(result.perplexity, 4),
            "precision": c.request.quantization,
            "method": evaluate.METHOD,
            "by": f"lilims_convert {__version__}, numpy reference",
        }
    )


def _describe(c: Conversion) -> None:
    a, request = c.network.architecture, c.request
    special = {"bos": vocabulary.BOS, "eos": vocabulary.EOS}
    c.manifest = manifest.write(
        request.destination,
        {
            "name": request.name,
            "version": request.version,
            "family": a.family,
            "quantization": request.quantization,
            "context": c.network.context,
            "prefill_chunk": request.prefill_chunk,
            "architecture": {key: value for key, value in a.to_dict().items() if key not in ("family", "context")},
            "tokenizer": {"file": "tokenizer.json", **special, "add_bos": True},
            "functions": {name: name for name in c.functions},
            "evaluation": c.evaluation,
            "source": {"what": request.source, "sha256": c.checkpoint.sha256},
            "tools": {"coremltools": ct.__version__, "lilims_convert": __version__},
            "licence": request.licence,
        },
    )


def _verify(c: Conversion) -> None:
    manifest.verify(c.request.destination)
    functions = package.open_copy(Path(c.request.destination) / "model.mlpackage").description.functions
    if sorted(function.name for function in functions) != sorted(c.functions):
        raise ValueError(f"{c.request.destination}: the package does not hold the functions that were put into it")


STEPS: tuple[Step, ...] = (
    Step("check", "every mistake in the input is reported before any work is done", _check),
    Step("store", "rounding and quantisation come before building, so programs are built from what is shipped", _store),
    Step("build", "one function per chunk length, all from the same stored tensors", _build),
    Step("lower", "functions are lowered apart: coremltools' passes do not take several functions at once", _lower),
    Step("write", "merging comes after lowering, when equal constants can be recognised and stored once", _write),
    Step("measure", "perplexity is of the stored tensors, and must be known before the manifest is written", _measure),
    Step("describe", "the manifest lists every other file, so it is written last", _describe),
    Step("verify", "what was written is read back; a package that cannot be opened never leaves this house", _verify),
)


def convert(source: Checkpoint, request: Request, report: Callable[[str], None] = lambda line: None) -> dict:
    """Runs every step and returns the manifest; `report` is told of each step before it runs."""
    conversion = Conversion(request, source)
    for number, step in enumerate(STEPS, 1):
        report(f"{number}/{len(STEPS)} {step.name}: {step.why_here}")
        step.run(conversion)
    return conversion.manifest
