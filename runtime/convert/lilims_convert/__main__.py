"""python -m lilims_convert COMMAND: conversion and the small jobs around it."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; 0 when it worked, 1 with one line on stderr when the input was at fault."""
    options = _parser().parse_args(arguments)
    os.environ.setdefault("TQDM_DISABLE", "1")  # coremltools draws a progress bar per list of passes
    try:
        options.run(options)
    except (ValueError, OSError) as mistake:
        print(f"lilims_convert {options.command}: {mistake}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m lilims_convert", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    convert = commands.add_parser("convert-checkpoint", help="turn an .npz checkpoint into a model folder")
    convert.add_argument("checkpoint", type=Path, help="checkpoint.npz, as lilims_convert.train writes it")
    convert.add_argument("destination", type=Path, help="model folder to make or replace")
    convert.add_argument("--tokenizer", type=Path, help="tokenizer.json (default: beside the checkpoint)")
    convert.add_argument("--name", help="model name (default: the folder's)")
    convert.add_argument("--version", default="1.0.0", help="semantic version of the model (default 1.0.0)")
    convert.add_argument("--context", type=int, help="cache length in tokens (default: the trained one)")
    convert.add_argument("--prefill-chunk", type=int, default=32, help="tokens a prefill call (default 32)")
    convert.add_argument("--quantization", default="fp16", help="how weights are stored (default fp16)")
    convert.add_argument("--corpus", type=Path, help="held-out texts, parted by blank lines, to measure perplexity on")
    convert.add_argument("--corpus-name", default="", help="what the manifest calls the corpus (default: its file name)")
    convert.add_argument("--source", default="a checkpoint of lilims_convert.train", help="where the weights come from")
    convert.add_argument("--licence", default="unknown", help="licence of the weights")
    convert.set_defaults(run=_convert)

    verify = commands.add_parser("verify", help="check a model folder against its manifest")
    verify.add_argument("folder", type=Path)
    verify.set_defaults(run=_verify)

    golden = commands.add_parser("golden", help="write the reference logits of a model folder for the Swift tests")
    golden.add_argument("folder", type=Path, help="model folder")
    golden.add_argument("output", type=Path, help="golden.json")
    golden.add_argument("--prompt", action="append", required=True, help="a prompt; may be given several times")
    golden.set_defaults(run=_golden)

    evaluate = commands.add_parser("evaluate", help="measure the perplexity of a model folder on a corpus")
    evaluate.add_argument("folder", type=Path, help="model folder")
    evaluate.add_argument("corpus", type=Path, help="texts parted by blank lines")
    evaluate.set_defaults(run=_evaluate)

    sample = commands.add_parser("sample", help="let a model folder go on from a prompt, by the numpy reference")
    sample.add_argument("folder", type=Path, help="model folder")
    sample.add_argument("--prompt", default="Once upon a time", help="what it begins with (default: Once upon a time)")
    sample.add_argument("--tokens", type=int, default=250, help="at most so many tokens (default 250)")
    sample.add_argument("--temperature", type=float, default=0.0, help="0 is greedy (default 0)")
    sample.add_argument("--top-k", type=int, default=40, help="most likely tokens to choose from (default 40)")
    sample.add_argument("--seed", type=int, default=0, help="of the choice (default 0)")
    sample.set_defaults(run=_sample)

    cases = commands.add_parser("golden-tokenizer", help="write what Hugging Face's tokenizers say of odd texts")
    cases.add_argument("tokenizer", type=Path, help="tokenizer.json of the shipped model")
    cases.add_argument("folder", type=Path, help="runtime/Tests/Fixtures/tokenizer")
    cases.set_defaults(run=_golden_tokenizer)

    tiny = commands.add_parser("tiny", help="write the tiny random models of the tests and the reference of the first")
    tiny.add_argument("folder", type=Path, help="gets tiny/, tiny-ranked/ and tiny.golden.json")
    tiny.set_defaults(run=_tiny)
    return parser


def _convert(options: argparse.Namespace) -> None:
    from . import checkpoint, conversion, evaluate

    evaluator = None
    if options.corpus is not None:
        evaluator = evaluate.ReferenceEvaluator(options.corpus, options.corpus_name or options.corpus.name)
    request = conversion.Request(
        tokenizer=options.tokenizer or options.checkpoint.with_name("tokenizer.json"),
        destination=options.destination,
        name=options.name or options.destination.resolve().name,
        version=options.version,
        source=options.source,
        licence=options.licence,
        context=options.context,
        prefill_chunk=options.prefill_chunk,
        quantization=options.quantization,
        evaluator=evaluator,
    )
    written = conversion.convert(checkpoint.read(options.checkpoint), request, report=print).manifest
    print(f"{options.destination}: {written['size_bytes']} bytes, hash {written['hash']}")


def _verify(options: argparse.Namespace) -> None:
    from . import manifest

    read = manifest.verify(options.folder)
    print(f"{read['name']} {read['version']}: {len(read['files'])} files agree with hash {read['hash']}")


def _golden(options: argparse.Namespace) -> None:
    from . import golden

    golden.write(options.output, options.folder, options.prompt)


def _evaluate(options: argparse.Namespace) -> None:
    from . import evaluate, shipped

    model = shipped.open_model(options.folder)
    texts = evaluate.read_corpus(options.corpus)
    result = evaluate.perplexity(model.reference(), model.tokenizer, texts, model.manifest["tokenizer"]["eos"])
    print(f"{model.manifest['name']}: perplexity {result.perplexity:.4f} over {result.tokens} tokens of {len(texts)} texts")


def _sample(options: argparse.Namespace) -> None:
    from . import sampling, shipped

    model = shipped.open_model(options.folder)
    choice = sampling.Choice(options.temperature, options.top_k, options.seed)
    print(sampling.tell(model, options.prompt, options.tokens, choice))


def _golden_tokenizer(options: argparse.Namespace) -> None:
    from . import golden_tokenizer

    golden_tokenizer.write(options.folder, options.tokenizer)


def _tiny(options: argparse.Namespace) -> None:
    from . import checkpoint, conversion, golden, tiny

    with tempfile.TemporaryDirectory(prefix="lilims-convert-") as scratch:
        source, tokenizer = tiny.write(Path(scratch) / "tiny")
        conversion.convert(checkpoint.read(source), tiny.request(options.folder / "tiny", tokenizer))
        source, tokenizer = tiny.write(Path(scratch) / "tiny-ranked", tiny.RANKED)
        conversion.convert(checkpoint.read(source), tiny.ranked_request(options.folder / "tiny-ranked", tokenizer))
    golden.write(options.folder / "tiny.golden.json", options.folder / "tiny", tiny.PROMPTS)


if __name__ == "__main__":
    sys.exit(main())
