"""lilims-convert: converts a published model to a model folder and prints its size, memory and accuracy."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from . import errors, options
from .precisions import LAYOUTS

if TYPE_CHECKING:  # these import coremltools, which takes seconds; and a missing package is reported by main
    from .checkpoint import Checkpoint
    from .conversion import Request
    from .validation import Agent

DEFAULT_CHUNK = 64  # tokens per prefill call
DEFAULT_CONTEXT = 1024  # tokens of cache; decoding slows down with every slot
MOST_POSITIONS = 8192
# Precisions with a small loss in published models. Four bits on the Neural Engine are palettes of 16 values, whose loss is
# small in large models only.
DEFAULT_QUANTIZATION = {"gpu": "int4", "ane": "palette6"}
TOP_K = 64  # more than samplers choose from; reading the whole vocabulary for each token is expensive


def main(arguments: list[str] | None = None) -> int:
    """Converts; 0 on success, 1 with one line on stderr for a failure, 2 for a mistake on the command line, 130 if interrupted."""
    try:
        with _interrupted_when_terminated():
            return errors.exit_code("lilims-convert", lambda: _convert(parser().parse_args(arguments)))
    except MemoryError as error:
        wanted = f" ({errors.one_line(error)})" if str(error) else ""
        print(f"lilims-convert: out of memory{wanted}; close other programs, or convert on a larger machine", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("lilims-convert: interrupted; no files were left behind", file=sys.stderr)
        return 130


@contextmanager
def _interrupted_when_terminated() -> Iterator[None]:
    """Handles SIGTERM like an interrupt from the keyboard, so that a caller that ends this program leaves no files behind."""

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    try:
        former = signal.signal(signal.SIGTERM, stop)
    except ValueError:  # not the main thread, which alone receives signals
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, former)


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="lilims-convert", description=__doc__)
    source = made.add_mutually_exclusive_group(required=True)
    source.add_argument("--gguf", type=Path, metavar="FILE", help="a GGUF file")
    source.add_argument("--checkpoint", type=Path, metavar="DIR", help="a Hugging Face directory with safetensors")
    options.output(made, "model folder to create or replace")
    options.quantize(made, default=None, described="int4 for gpu, palette6 for ane")
    made.add_argument(
        "--layout", choices=LAYOUTS, default="gpu",
        help="gpu: linear layers, blocks of 32; ane: 1x1 convolutions, palettes or one scale per row (default: gpu)",
    )  # fmt: skip
    made.add_argument(
        "--outputs", default="topk", type=_outputs, metavar="topk[:K]|logits",
        help=f"results of each step: the K most likely tokens (default: topk, K = {TOP_K}), or the logits of all tokens",
    )  # fmt: skip
    made.add_argument("--requantize", action="store_true", help="requantize also blocks that the gpu layout could keep unchanged")
    options.lengths(
        made,
        context=f"{DEFAULT_CONTEXT}, or the trained length if that is shorter",
        chunk=f"{DEFAULT_CHUNK}, or the context if that is shorter",
    )
    options.tokenizer(made, default="the tokenizer of the source")
    options.identity(made)
    made.add_argument("--allow-large", action="store_true", help="allow a package of more than 1 GB")
    made.add_argument("--memory", type=float, metavar="GIB", help="memory of the target device; a model that does not fit is refused")
    _add_validation(made.add_argument_group("validation"))
    made.add_argument("--json", action="store_true", help="print the manifest and the lint findings as one JSON object")
    return made


def _add_validation(group: argparse._ArgumentGroup) -> None:
    options.corpus(
        group, "texts separated by blank lines or <|endoftext|>, to measure perplexity on (default: the project's held-out stories)"
    )
    options.corpus_name(group)
    group.add_argument("--texts", type=int, metavar="N", help="score only the first N texts (default: every text of --corpus)")
    group.add_argument(
        "--agent", type=Path, metavar="FILE", help="the bench-agent that measures (default: BENCH_AGENT, bin/bench-agent, PATH)"
    )
    group.add_argument(
        "--base",
        type=Path,
        metavar="DIR",
        help="a model whose manifest holds the fp16 perplexity (default: an fp16 model is converted to measure it)",
    )
    group.add_argument("--accept-loss", metavar="REASON", help="accept up to 5 %% loss of int4 and record the reason in the manifest")
    group.add_argument("--no-measure", action="store_true", help="do not measure perplexity; the loss of accuracy stays unknown")


def _outputs(text: str) -> int | None:
    """K, or None for logits."""
    kind, _, count = text.partition(":")
    if kind == "topk" and (not count or (count.isdecimal() and int(count) > 0)):
        return int(count or TOP_K)
    if text == "logits":
        return None
    raise argparse.ArgumentTypeError(f"{text!r}: expected topk, topk:K with K at least 1, or logits")


def _convert(chosen: argparse.Namespace) -> None:
    from . import conversion, opening, report

    checkpoint = opening.open_gguf(chosen.gguf) if chosen.gguf else opening.open_directory(chosen.checkpoint)
    request = _request(chosen, checkpoint)
    report.check_memory(checkpoint.architecture, request, chosen.memory)
    agent = _agent(chosen)
    if agent is not None:
        request = _validated(chosen, checkpoint, request, agent)
    done = conversion.convert(checkpoint, request, report=_say)
    if chosen.json:
        print(report.as_json(done))
        return
    for line in report.summary(done):
        print(line)


def _agent(chosen: argparse.Namespace) -> Agent | None:
    """What measures perplexity, and on which texts; None if perplexity cannot be measured."""
    from .validation import HELD_OUT, HELD_OUT_NAME, HELD_OUT_TEXTS, Agent, find_agent

    if chosen.no_measure:
        return None
    program = chosen.agent or find_agent()
    if program is None or (chosen.corpus is None and not HELD_OUT.exists()):
        what = "bench-agent is not built (make bin/bench-agent)" if program is None else "no --corpus is given"
        _say(f"perplexity is not measured: {what}; the loss from quantisation is unknown")
        return None
    if chosen.corpus is None:
        return Agent(program.resolve(), HELD_OUT, chosen.corpus_name or HELD_OUT_NAME, chosen.texts or HELD_OUT_TEXTS)
    if not chosen.corpus.is_file():
        raise ValueError(f"{chosen.corpus}: no such corpus")
    return Agent(program.resolve(), chosen.corpus, chosen.corpus_name or chosen.corpus.name, chosen.texts)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _request(chosen: argparse.Namespace, checkpoint: Checkpoint) -> Request:
    from .conversion import Request

    trained = checkpoint.architecture.context
    source = chosen.gguf or chosen.checkpoint
    tokenizer = chosen.tokenizer
    if tokenizer is None and chosen.checkpoint is not None:
        tokenizer = chosen.checkpoint / "tokenizer.json"
    context = chosen.context or min(DEFAULT_CONTEXT, trained)
    if not 1 <= context <= trained:
        raise ValueError(f"--context {context}: must be 1 to {trained}, the length that the network was trained for")
    chunk = min(DEFAULT_CHUNK, context) if chosen.prefill_chunk is None else chosen.prefill_chunk
    if not 1 <= chunk <= context:
        raise ValueError(f"--prefill-chunk {chunk}: must be 1 to {context}, the context")
    return Request(
        destination=chosen.output,
        name=chosen.name or chosen.output.resolve().name,
        version=chosen.version,
        source=chosen.source or source.name,
        licence=chosen.licence or str(checkpoint.metadata.get("general.license") or "unknown"),
        tokenizer=tokenizer,
        context=context,
        positions=min(trained, MOST_POSITIONS),
        prefill_chunk=chunk,
        quantization=chosen.quantize or DEFAULT_QUANTIZATION[chosen.layout],
        layout=chosen.layout,
        top_k=min(TOP_K, checkpoint.architecture.vocab) if chosen.outputs == TOP_K else chosen.outputs,
        requantize=chosen.requantize,
        score=True,
        allow_large=chosen.allow_large,
    )


def _validated(chosen: argparse.Namespace, checkpoint: Checkpoint, request: Request, agent: Agent) -> Request:
    """The request with what measures the model, and the fp16 perplexity that it is compared with."""
    import tempfile
    from dataclasses import replace

    from . import conversion, manifest
    from .validation import Standard

    request = replace(request, evaluator=agent)
    if request.quantization == "fp16":
        return request
    if chosen.base is not None:
        entries = manifest.verify(chosen.base)["evaluation"]
        base = next((entry for entry in entries if entry["precision"] == "fp16"), None)
        if base is None:
            raise ValueError(f"{chosen.base}: its manifest has no fp16 perplexity")
    else:
        chosen.output.absolute().parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="lilims-convert-", dir=chosen.output.absolute().parent) as scratch:
            plain = replace(request, destination=Path(scratch) / "fp16", quantization="fp16", requantize=False, allow_large=True)
            _say("converting to fp16 first, to measure the loss from quantisation")
            base = conversion.convert(checkpoint, plain, report=_say).evaluation[0]
    return replace(request, standard=Standard(base, chosen.accept_loss))


if __name__ == "__main__":
    sys.exit(main())
