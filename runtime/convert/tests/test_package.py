"""The written folder: readable, weights stored once, the same bytes every time, and true to its manifest."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lilims_convert import checkpoint, families, manifest, package, tiny


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


def test_weights_are_stored_once(tiny_folder):
    shapes = families.llama.tensor_shapes(tiny.ARCHITECTURE).values()
    values = sum(shape[0] * (shape[1] if len(shape) > 1 else 1) for shape in shapes)
    tables = 2 * tiny.ARCHITECTURE.context * tiny.ARCHITECTURE.head_dim
    stored = (tiny_folder / "model.mlpackage/Data/com.apple.CoreML/weights/weight.bin").stat().st_size
    assert 2 * (values + tables) < stored < 2.1 * (values + tables)


def test_every_write_to_the_cache_continues_from_the_one_before(tiny_folder):
    """A layer that updated a stale copy of the state would erase what the layers before it had written."""
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


def test_same_input_gives_the_same_bytes_in_another_process(tiny_folder, tmp_path):
    subprocess.run(
        [sys.executable, "-m", "lilims_convert", "tiny", str(tmp_path)],
        check=True,
        capture_output=True,
        cwd=Path(__file__).parents[1],
        env={**os.environ, "PYTHONHASHSEED": "1"},
    )
    assert manifest.verify(tmp_path / "tiny")["files"] == manifest.verify(tiny_folder)["files"]


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
    with pytest.raises(ValueError) as caught:
        checkpoint.require(checkpoint.Checkpoint(source.architecture, tensors), families.llama.tensor_shapes(source.architecture))
    for part in ("output_norm.weight: missing", "blk.9.attn_q.weight: not part", "blk.0.attn_k.weight: holds values"):
        assert part in str(caught.value)
