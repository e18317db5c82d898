"""python -m lilims_convert COMMAND: conversion of .npz checkpoints, and the commands around a model folder."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from . import errors, moved, options


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; 0 when it succeeds, 1 with one line on stderr when its input is at fault."""
    given = sys.argv[1:] if arguments is None else arguments
    if given and given[0] in moved.COMMANDS:
        return moved.run(f"lilims_convert {given[0]}", given[0], given[1:])
    chosen = parser().parse_args(given)
    return errors.exit_code(f"lilims_convert {chosen.command}", lambda: chosen.run(chosen))


def parser() -> argparse.ArgumentParser:
    """The command line; a command's function is its `run`."""
    made = argparse.ArgumentParser(prog="python -m lilims_convert", description=__doc__)
    commands = made.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_convert(commands.add_parser("convert-checkpoint", help="convert an .npz checkpoint to a model folder"))

    verify = commands.add_parser("verify", help="check a model folder against its manifest")
    options.model(verify)
    verify.set_defaults(run=_verify)

    golden = commands.add_parser("golden", help="write the reference logits of a model folder for the Swift tests")
    options.model(golden)
    options.former_positionals(golden, options.output(golden, "the fixture, golden.json", metavar="FILE"))
    golden.add_argument("--prompt", action="append", required=True, help="a prompt; repeat the flag for several")
    golden.set_defaults(run=_golden)

    evaluate = commands.add_parser("evaluate", help="measure the perplexity of a model folder on a corpus")
    options.model(evaluate)
    options.former_positionals(evaluate, options.corpus(evaluate, "texts separated by blank lines", required=True))
    evaluate.set_defaults(run=_evaluate)

    cases = commands.add_parser("golden-tokenizer", help="write the tokenizer fixtures of the Swift tests")
    tokenizer = options.tokenizer(cases, required=True)
    output = options.output(cases, "the fixture folder, runtime/Tests/Fixtures/tokenizer")
    options.former_positionals(cases, tokenizer, output)
    cases.set_defaults(run=_golden_tokenizer)
    return made


def _add_convert(convert: argparse.ArgumentParser) -> None:
    checkpoint = convert.add_argument(
        "--checkpoint", type=Path, required=True, metavar="FILE", help="checkpoint.npz, as lilims_training writes it"
    )
    output = options.output(convert, "model folder to create or replace")
    options.former_positionals(convert, checkpoint, output)
    options.tokenizer(convert, default="the one beside the checkpoint")
    options.identity(convert, source="a checkpoint of lilims_training", licence="unknown")
    options.lengths(convert, context="as trained", chunk="32")
    quantize = options.quantize(convert, default="fp16")
    options.former_flag(convert, "--quantization", quantize)
    options.corpus(convert, "held-out texts, separated by blank lines, to measure perplexity on")
    options.corpus_name(convert)
    convert.set_defaults(run=_convert, prefill_chunk=32)


def _convert(chosen: argparse.Namespace) -> None:
    from . import checkpoint, conversion, evaluate

    evaluator = None
    if chosen.corpus is not None:
        evaluator = evaluate.ReferenceEvaluator(chosen.corpus, chosen.corpus_name or chosen.corpus.name)
    request = conversion.Request(
        tokenizer=chosen.tokenizer or chosen.checkpoint.with_name("tokenizer.json"),
        destination=chosen.output,
        name=chosen.name or chosen.output.resolve().name,
        version=chosen.version,
        source=chosen.source,
        licence=chosen.licence,
        context=chosen.context,
        prefill_chunk=chosen.prefill_chunk,
        quantization=chosen.quantize,
        evaluator=evaluator,
    )
    written = conversion.convert(checkpoint.read(chosen.checkpoint), request, report=print).manifest
    print(f"{chosen.output}: {written['size_bytes']} bytes, hash {written['hash']}")


def _verify(chosen: argparse.Namespace) -> None:
    from . import manifest

    read = manifest.verify(chosen.model)
    print(f"{read['name']} {read['version']}: {len(read['files'])} files match hash {read['hash']}")


def _golden(chosen: argparse.Namespace) -> None:
    from . import golden

    golden.write(chosen.output, chosen.model, chosen.prompt)


def _evaluate(chosen: argparse.Namespace) -> None:
    from . import evaluate, shipped

    model = shipped.open_model(chosen.model)
    texts = evaluate.read_corpus(chosen.corpus)
    result = evaluate.perplexity(model.reference(), model.tokenizer, texts, model.manifest["tokenizer"]["eos"])
    print(f"{model.manifest['name']}: perplexity {result.perplexity:.4f} over {result.tokens} tokens of {len(texts)} texts")


def _golden_tokenizer(chosen: argparse.Namespace) -> None:
    from . import golden_tokenizer

    golden_tokenizer.write(chosen.output, chosen.tokenizer)


if __name__ == "__main__":
    sys.exit(main())
