"""lilims-convert: a published model in, a model folder out, and what is to be known of it printed."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

DEFAULT_CHUNK = 64  # tokens a prefill call
DEFAULT_CONTEXT = 1024  # tokens of cache: decoding slows down with every slot
MOST_POSITIONS = 8192
# What loses little in published models. Four bits on the Neural Engine are palettes of 16 values, which only large ones bear.
DEFAULT_QUANTIZATION = {"gpu": "int4", "ane": "palette6"}
TOP_K = 64  # what samplers choose from is less; reading them all for each token is what costs


def main(arguments: list[str] | None = None) -> int:
    """Converts; 0 when it worked, 1 with one line on stderr when it did not, 2 for a mistake in the command line."""
    os.environ.setdefault("TQDM_DISABLE", "1")
    try:
        with _interrupted_when_terminated():
            _convert(_parser().parse_args(arguments))
    except (ValueError, OSError, ImportError) as mistake:
        print(f"lilims-convert: {_line(mistake)}", file=sys.stderr)
        return 1
    except MemoryError as mistake:
        wanted = f" ({_line(mistake)})" if str(mistake) else ""
        print(f"lilims-convert: out of memory{wanted}; close other programs, or convert on a larger machine", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("lilims-convert: interrupted; nothing was left behind", file=sys.stderr)
        return 130
    return 0


@contextmanager
def _interrupted_when_terminated() -> Iterator[None]:
    """Lets SIGTERM clean up as an interrupt from the keyboard does: whoever starts this program stops it that way."""

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    try:
        former = signal.signal(signal.SIGTERM, stop)
    except ValueError:  # not the main thread, which alone gets signals
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, former)


def _line(mistake: BaseException) -> str:
    if isinstance(mistake, ModuleNotFoundError):
        package = (mistake.name or str(mistake)).partition(".")[0]
        return f"the Python package {package} is missing: pip install {package}"
    if isinstance(mistake, OSError) and mistake.strerror:
        return f"{mistake.filename}: {mistake.strerror}" if mistake.filename else mistake.strerror
    return " ".join(str(mistake).split())


def _parser() -> argparse.ArgumentParser:
    from .storage import LAYOUTS, QUANTIZATIONS  # here, so that packages that are missing can be told of

    parser = argparse.ArgumentParser(prog="lilims-convert", description=__doc__)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--gguf", type=Path, metavar="FILE", help="a GGUF file")
    source.add_argument("--checkpoint", type=Path, metavar="DIR", help="a Hugging Face directory with safetensors")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="OUT", help="model folder to make, or to replace")
    parser.add_argument("--quantize", choices=QUANTIZATIONS, help="precision of the weights (default: int4 for gpu, palette6 for ane)")
    parser.add_argument("--layout", choices=LAYOUTS, default="gpu", help="gpu: linear layers, blocks of 32; ane: 1x1 convolutions, palettes or a scale a row (default gpu)")
    parser.add_argument(
        "--outputs", default="topk", type=_outputs, metavar="topk[:K]|logits",
        help=f"what each step gives: the K most likely tokens (default topk, K = {TOP_K}), or the logits of all",
    )  # fmt: skip
    parser.add_argument("--requantize", action="store_true", help="round also what the gpu layout could keep as the file has it")
    parser.add_argument("--context", type=int, help=f"cache length in tokens (default {DEFAULT_CONTEXT}, or what the network was trained for)")
    parser.add_argument("--prefill-chunk", type=int, metavar="N", help=f"tokens a prefill call (default {DEFAULT_CHUNK}, or the context where that is shorter)")
    parser.add_argument("--tokenizer", type=Path, metavar="FILE", help="tokenizer.json (default: that of the source)")
    parser.add_argument("--name", help="model name (default: the folder's)")
    parser.add_argument("--version", default="1.0.0", help="semantic version of the model (default 1.0.0)")
    parser.add_argument("--source", help="where the weights come from, in words (default: the file's name)")
    parser.add_argument("--licence", help="licence of the weights (default: what the source says)")
    parser.add_argument("--allow-large", action="store_true", help="allow a package of more than 1 GB")
    parser.add_argument("--memory", type=float, metavar="GIB", help="memory of the device it is for: refuse what cannot fit")
    judged = parser.add_argument_group("validation")
    judged.add_argument("--corpus", type=Path, metavar="FILE", help="texts parted by blank lines or <|endoftext|>, to measure perplexity on (default: the project's held-out stories)")
    judged.add_argument("--corpus-name", help="what the manifest calls the corpus (default: its file name)")
    judged.add_argument("--texts", type=int, metavar="N", help="score only the first N texts (default: all of a corpus that was named)")
    judged.add_argument("--agent", type=Path, metavar="FILE", help="the runtime that measures (default: BENCH_AGENT, bin/bench-agent, PATH)")
    judged.add_argument("--base", type=Path, metavar="DIR", help="a model whose manifest holds the perplexity in fp16 (default: it is made for the purpose)")
    judged.add_argument("--accept-loss", metavar="REASON", help="accept up to 5 %% loss of int4, and say why in the manifest")
    judged.add_argument("--no-measure", action="store_true", help="do not measure perplexity: nothing is then known of what was lost")
    parser.add_argument("--json", action="store_true", help="print the manifest and the lint's findings as one JSON object")
    return parser


def _outputs(text: str) -> int | None:
    """K, or None for logits."""
    kind, _, count = text.partition(":")
    if kind == "topk" and (not count or count.isdecimal() and int(count) > 0):
        return int(count or TOP_K)
    if text == "logits":
        return None
    raise argparse.ArgumentTypeError(f"{text!r}: topk, topk:K with K from 1 on, or logits is wanted")


def _convert(options: argparse.Namespace) -> None:
    from . import conversion, opening, report

    checkpoint = opening.open_gguf(options.gguf) if options.gguf else opening.open_directory(options.checkpoint)
    request = _request(options, checkpoint)
    report.refuse_what_cannot_fit(checkpoint.architecture, request, options.memory)
    agent = _agent(options)
    if agent is not None:
        request = _judged(options, checkpoint, request, agent)
    done = conversion.convert(checkpoint, request, report=_say)
    if options.json:
        print(report.as_json(done))
        return
    for line in report.summary(done):
        print(line)


def _agent(options: argparse.Namespace):
    """What measures perplexity, and on which texts; None where nothing can."""
    from .validation import HELD_OUT, HELD_OUT_NAME, HELD_OUT_TEXTS, Agent, find_agent

    if options.no_measure:
        return None
    program = options.agent or find_agent()
    if program is None or (options.corpus is None and not HELD_OUT.exists()):
        what = "bench-agent is not built (make bin/bench-agent)" if program is None else "no --corpus is named"
        _say(f"perplexity is not measured: {what}; nothing is known of what quantisation loses")
        return None
    if options.corpus is None:
        return Agent(program.resolve(), HELD_OUT, options.corpus_name or HELD_OUT_NAME, options.texts or HELD_OUT_TEXTS)
    if not options.corpus.is_file():
        raise ValueError(f"{options.corpus}: no such corpus")
    return Agent(program.resolve(), options.corpus, options.corpus_name or options.corpus.name, options.texts)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _request(options: argparse.Namespace, checkpoint):
    from .conversion import Request

    trained = checkpoint.architecture.context
    source = options.gguf or options.checkpoint
    tokenizer = options.tokenizer
    if tokenizer is None and options.checkpoint is not None:
        tokenizer = options.checkpoint / "tokenizer.json"
    context = options.context or min(DEFAULT_CONTEXT, trained)
    if not 1 <= context <= trained:
        raise ValueError(f"--context {context}: the network was trained for {trained} tokens")
    chunk = min(DEFAULT_CHUNK, context) if options.prefill_chunk is None else options.prefill_chunk
    if not 1 <= chunk <= context:
        raise ValueError(f"--prefill-chunk {chunk}: 1 to the context of {context} is wanted")
    return Request(
        destination=options.output,
        name=options.name or options.output.resolve().name,
        version=options.version,
        source=options.source or source.name,
        licence=options.licence or str(checkpoint.metadata.get("general.license") or "unknown"),
        tokenizer=tokenizer,
        context=context,
        positions=min(trained, MOST_POSITIONS),
        prefill_chunk=chunk,
        quantization=options.quantize or DEFAULT_QUANTIZATION[options.layout],
        layout=options.layout,
        top_k=min(TOP_K, checkpoint.architecture.vocab) if options.outputs == TOP_K else options.outputs,
        requantize=options.requantize,
        score=True,
        allow_large=options.allow_large,
    )


def _judged(options: argparse.Namespace, checkpoint, request, agent):
    """The request with what measures it, and the perplexity in fp16 that it is held against."""
    import tempfile
    from dataclasses import replace

    from . import conversion, manifest
    from .validation import Standard

    request = replace(request, evaluator=agent)
    if request.quantization == "fp16":
        return request
    if options.base is not None:
        entries = manifest.verify(options.base)["evaluation"]
        base = next((entry for entry in entries if entry["precision"] == "fp16"), None)
        if base is None:
            raise ValueError(f"{options.base}: its manifest holds no perplexity in fp16")
    else:
        options.output.absolute().parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="lilims-convert-", dir=options.output.absolute().parent) as scratch:
            plain = replace(request, destination=Path(scratch) / "fp16", quantization="fp16", requantize=False, allow_large=True)
            _say("converting to fp16 first, to know what quantisation loses")
            base = conversion.convert(checkpoint, plain, report=_say).evaluation[0]
    return replace(request, standard=Standard(base, options.accept_loss))


if __name__ == "__main__":
    sys.exit(main())
