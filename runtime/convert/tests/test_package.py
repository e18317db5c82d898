"""The written folder: readable, every weight stored once, reproducible, and consistent with its manifest."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from checkpoints import SAMPLES
from lilims_convert import checkpoint, conversion, families, manifest, package
from lilims_training import tiny


def feature(description) -> tuple:
    kind = description.type.WhichOneof("Type")
    array = description.type.stateType.arrayType if kind == "stateType" else description.type.multiArrayType
    return description.name, list(array.shape), array.ArrayDataType.Name(array.dataType)


def test_interface_is_the_contract(tiny_folder):
    spec = package.open_copy(tiny_folder / "model.mlpackage")
    assert spec.specificationVersion == 9
    assert spec.description.defaultFunctionName == "decode"
    functions = {function.name: function for function in spec.description.functions}
    assert sorted(functions) == ["decode", "prefill"]
    for name, tokens in (("prefill", 8), ("decode", 1)):
        assert [feature(f) for f in functions[name].input] == [
            ("input_ids", [1, tokens], "INT32"),
            ("position_ids", [tokens], "INT32"),
            ("cache_slot", [1], "INT32"),
            ("causal_mask", [1, 1, tokens, 64], "FLOAT16"),
            ("last_index", [1], "INT32"),
        ]
        assert [feature(f) for f in functions[name].output] == [("logits", [1, 288], "FLOAT16")]
        assert [feature(f) for f in functions[name].state] == [("kv_cache", [4, 2, 64, 32], "FLOAT16")]
        assert spec.mlProgram.functions[name].opset == "CoreML8"


def blobs(folder: Path) -> list[tuple[int, int, bytes]]:
    """Kind, offset and bytes of every constant of the weight file, read according to the format."""
    data = (folder / "model.mlpackage/Data/com.apple.CoreML/weights/weight.bin").read_bytes()
    count, version = struct.unpack_from("<II", data)
    assert version == 2
    found, at = [], 64
    for _ in range(count):
        sentinel, kind, size, start, _ = struct.unpack_from("<IIQQQ", data, at)
        assert (sentinel, start) == (0xDEADBEEF, at + 64)
        found.append((kind, at, data[start : start + size]))
        at = start + size + -(start + size) % 64
    assert at - len(data) < 64, "nothing follows the last constant"
    return found


def references(function) -> dict[str, int]:
    """The names of a function's constants and their offsets in the weight file."""
    found = {}
    for op in function.block_specializations[function.opset].operations:
        name = op.attributes["name"].immediateValue.tensor.strings.values[0]
        values = {
            part: binding.value for part, argument in op.inputs.items() for binding in argument.arguments if binding.HasField("value")
        }
        for part, value in {**values, **{part: value for part, value in op.attributes.items() if part != "name"}}.items():
            if value.HasField("blobFileValue"):
                found[name if op.type == "const" else f"{name}/{part}"] = value.blobFileValue.offset
    return found


@pytest.mark.parametrize(
    ("layout", "quantization"),
    [("gpu", "fp16"), ("gpu", "int4"), ("ane", "int8"), ("ane", "palette4"), ("ane", "palette6"), ("ane", "palette8")],
)
def test_functions_share_every_weight(layout, quantization, tmp_path, convert_tiny):
    """Embedding and output layer are one matrix, used as rows and as a convolution, but stored once."""
    folder = convert_tiny(tmp_path / "model", tiny.make(), layout=layout, quantization=quantization, top_k=4, score=True)
    stored = blobs(folder)
    assert len({(kind, content) for kind, _, content in stored}) == len(stored), "a constant is stored twice"
    model = package.open_copy(folder / "model.mlpackage").mlProgram
    used = {name: references(function) for name, function in model.functions.items()}
    assert sorted(used) == ["decode", "logits", "prefill", "score"]
    assert all(constants == used["decode"] for constants in used.values())
    assert set(used["decode"].values()) == {at for _, at, _ in stored}, "every stored constant is used"
    rows = {offset for name, offset in used["decode"].items() if name.startswith("token_embd")}
    assert len(rows) == {"fp16": 1}.get(quantization, 2), "elements, and scales if there are any"


def test_weights_are_stored_once(tiny_folder):
    shapes = families.llama.tensor_shapes(tiny.ARCHITECTURE).values()
    values = sum(shape[0] * (shape[1] if len(shape) > 1 else 1) for shape in shapes)
    tables = 2 * tiny.ARCHITECTURE.context * tiny.ARCHITECTURE.head_dim
    stored = (tiny_folder / "model.mlpackage/Data/com.apple.CoreML/weights/weight.bin").stat().st_size
    assert 2 * (values + tables) < stored < 2.1 * (values + tables)


def test_every_write_to_the_cache_continues_from_the_one_before(tiny_folder):
    """A layer that updated an old copy of the state would erase what the layers before it wrote."""
    function = package.open_copy(tiny_folder / "model.mlpackage").mlProgram.functions["decode"]
    operations = function.block_specializations[function.opset].operations
    names = [op.type for op in operations if op.type in ("read_state", "write_state", "slice_update")]
    assert names == ["read_state"] + ["slice_update", "write_state", "read_state"] * tiny.ARCHITECTURE.layers
    newest = None
    for op in operations:
        if op.type == "slice_update":
            assert op.inputs["x"].arguments[0].name == newest
        elif op.type == "read_state":
            newest = op.outputs[0].name


@pytest.mark.parametrize("kind", [("gpu", "fp16"), ("gpu", "int4"), ("ane", "int8"), ("ane", "palette6")], ids="-".join)
def test_same_input_gives_the_same_bytes_in_another_process(kind, tmp_path, tiny_tokenizer):
    """String hashes, file times and folder names differ between the processes."""
    layout, quantization = kind
    source = SAMPLES["gemma3"].write_directory(tmp_path / "source")
    command = [
        "-m",
        "lilims_convert.cli",
        "--checkpoint",
        source,
        "--tokenizer",
        tiny_tokenizer,
        "--layout",
        layout,
        "--quantize",
        quantization,
    ]
    texts = []
    for seed in ("1", "2"):
        folder = tmp_path / seed
        subprocess.run(
            [sys.executable, *command, "--name", "same", "--context", "16", "--no-measure", "-o", folder],
            check=True,
            capture_output=True,
            cwd=Path(__file__).parents[1],
            env={**os.environ, "PYTHONHASHSEED": seed},
        )
        manifest.verify(folder)
        texts.append((folder / "manifest.json").read_bytes())
    assert texts[0] == texts[1]


def test_a_package_of_more_than_a_gigabyte_has_to_be_asked_for(tmp_path, convert_tiny, monkeypatch):
    monkeypatch.setattr(conversion, "LARGEST", 150_000)  # between the estimated and the actual size in fp16
    with pytest.raises(ValueError, match=r"the package would have about .* allow it with --allow-large"):
        convert_tiny(tmp_path / "model", tiny.make())
    assert list(tmp_path.iterdir()) == []
    convert_tiny(tmp_path / "model", tiny.make(), allow_large=True)
    monkeypatch.setattr(conversion, "LARGEST", 250_000)  # the other files of the folder count, too
    with pytest.raises(ValueError, match=r"the package has .* allow it with --allow-large"):
        convert_tiny(tmp_path / "other", tiny.make())
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


@pytest.mark.parametrize("version", ["1", "1.0", "v1.0.0", "1.0.0.0", "01.0.0", "1.0.0-", ""])
def test_versions_are_semantic(version, tmp_path, tiny_tokenizer):
    request = dataclasses.replace(tiny.request(tmp_path / "model", tiny_tokenizer), version=version)
    with pytest.raises(ValueError, match="is not a semantic version"):
        conversion.convert(tiny.make(), request)
    manifest.check_version("1.2.3-beta.4+build.5")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"context": 65}, "65 positions are more than the 64"),
        ({"positions": 65}, "65 positions are more than the 64"),
        ({"context": 7}, "8 tokens per call do not fit a context of 7"),
    ],
)
def test_lengths_that_do_not_fit_are_refused_before_any_work(options, message, tmp_path, convert_tiny):
    with pytest.raises(ValueError, match=message):
        convert_tiny(tmp_path / "model", tiny.make(), **options)
    assert list(tmp_path.iterdir()) == []


def test_shipped_models_agree_with_their_manifests():
    runtime = Path(__file__).parents[2]
    folders = [*sorted((runtime / "Tests/Fixtures/model").glob("*/")), *sorted((runtime / "models").glob("*/"))]
    assert len(folders) >= 3, "the repository ships two tiny models and at least one real one"
    for folder in folders:
        read = manifest.verify(folder)
        assert read["name"] == folder.name
        assert read["size_bytes"] == sum(file["size"] for file in read["files"])
        package.open_copy(folder / "model.mlpackage")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda f: (f / "tokenizer.json").unlink(), "tokenizer.json: missing"),
        (lambda f: (f / "tokenizer.json").write_text("{}"), "tokenizer.json: differs"),
        (lambda f: (f / "extra").write_text(""), "extra: not listed"),
        (lambda f: _edit(f, lambda m: m.update(hash="0" * 64)), "hash: does not match"),
    ],
    ids=["file missing", "file changed", "file added", "hash wrong"],
)
def test_verify_refuses(tiny_folder, tmp_path, spoil, message):
    copy = tmp_path / "copy"
    shutil.copytree(tiny_folder, copy)
    manifest.verify(copy)
    spoil(copy)
    with pytest.raises(ValueError, match=message):
        manifest.verify(copy)


def _edit(folder: Path, change) -> None:
    values = manifest.read(folder)
    change(values)
    (folder / "manifest.json").write_text(json.dumps(values))


def test_hash_is_over_path_size_and_digest():
    files = [{"path": "a", "size": 1, "sha256": "00"}, {"path": "b", "size": 2, "sha256": "ff"}]
    assert manifest.content_hash(files) == hashlib.sha256(b"a\t1\t00\nb\t2\tff\n").hexdigest()


def test_checkpoint_survives_the_disk_and_mistakes_are_all_reported(tmp_path):
    source = tiny.make()
    checkpoint.write(tmp_path / "c.npz", source)
    back = checkpoint.read(tmp_path / "c.npz")
    assert back.architecture == source.architecture
    assert all((back.tensors[name] == tensor).all() for name, tensor in source.tensors.items())
    tensors = {**source.tensors, "blk.9.attn_q.weight": source.tensors["output_norm.weight"]}
    tensors.pop("output_norm.weight")
    tensors["blk.0.attn_k.weight"] = tensors["blk.0.attn_k.weight"] * float("nan")
    with pytest.raises(ValueError, match="checkpoint: ") as caught:
        checkpoint.require(checkpoint.Checkpoint(source.architecture, tensors), families.llama.tensor_shapes(source.architecture))
    for part in ("output_norm.weight: missing", "blk.9.attn_q.weight: not part", "blk.0.attn_k.weight: contains values"):
        assert part in str(caught.value)
