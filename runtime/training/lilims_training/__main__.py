"""python -m lilims_training COMMAND, or lilims-training COMMAND: training, sampling, and the models of the tests."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from lilims_convert import errors, options


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; 0 when it succeeds, 1 with one line on stderr when its input is at fault."""
    chosen = parser().parse_args(arguments)
    return errors.exit_code(f"lilims_training {chosen.command}", lambda: chosen.run(chosen))


def parser() -> argparse.ArgumentParser:
    """The command line; a command's function is its `run`."""
    made = argparse.ArgumentParser(prog="lilims-training", description=__doc__)
    commands = made.add_subparsers(dest="command", required=True, metavar="COMMAND")

    train = commands.add_parser("train", help="train the small story model; an interrupted training is resumed")
    output = options.output(train, "folder for the tokenizer, the checkpoint and the held-out stories")
    options.former_positionals(train, output)
    options.seed(train, 20261123)
    train.add_argument("--steps", type=int, default=1200, metavar="N", help="training steps (default: 1200)")
    train.set_defaults(run=_train)

    sample = commands.add_parser("sample", help="continue a prompt with a model folder, by the numpy reference")
    options.model(sample)
    sample.add_argument("--prompt", default="Once upon a time", help="text to continue (default: Once upon a time)")
    sample.add_argument("--tokens", type=int, default=250, metavar="N", help="largest number of tokens to generate (default: 250)")
    sample.add_argument("--temperature", type=float, default=0.0, help="sampling temperature; 0 is greedy (default: 0)")
    sample.add_argument("--top-k", type=int, default=40, metavar="K", help="sample from the K most likely tokens (default: 40)")
    options.seed(sample, 0)
    sample.set_defaults(run=_sample)

    tiny = commands.add_parser("tiny", help="write the random models of the tests, and the reference logits of the first")
    options.former_positionals(tiny, options.output(tiny, "folder for tiny/, tiny-ranked/ and tiny.golden.json"))
    tiny.set_defaults(run=_tiny)
    return made


def _train(chosen: argparse.Namespace) -> None:
    from . import train

    chosen.output.mkdir(parents=True, exist_ok=True)
    tokenizer = train.prepare(chosen.output, chosen.seed)
    train.run(chosen.output, tokenizer, chosen.seed, chosen.steps)


def _sample(chosen: argparse.Namespace) -> None:
    from lilims_convert import shipped

    from . import sampling

    choice = sampling.Choice(chosen.temperature, chosen.top_k, chosen.seed)
    print(sampling.generate(shipped.open_model(chosen.model), chosen.prompt, chosen.tokens, choice))


def _tiny(chosen: argparse.Namespace) -> None:
    from lilims_convert import checkpoint, conversion, golden

    from . import tiny

    with tempfile.TemporaryDirectory(prefix="lilims-training-") as scratch:
        source, tokenizer = tiny.write(Path(scratch) / "tiny")
        conversion.convert(checkpoint.read(source), tiny.request(chosen.output / "tiny", tokenizer))
        source, tokenizer = tiny.write(Path(scratch) / "tiny-ranked", tiny.RANKED)
        conversion.convert(checkpoint.read(source), tiny.ranked_request(chosen.output / "tiny-ranked", tokenizer))
    golden.write(chosen.output / "tiny.golden.json", chosen.output / "tiny", tiny.PROMPTS)


if __name__ == "__main__":
    sys.exit(main())
