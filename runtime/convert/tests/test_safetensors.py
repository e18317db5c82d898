"""The reader of Hugging Face directories."""

from __future__ import annotations

import json
import struct

import numpy as np
import pytest

from lilims_convert.sources import SourceError, safetensors
from lilims_convert.sources.tensors import whole
from safetensors_files import file_bytes, write_tensors


@pytest.fixture
def directory(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    return tmp_path


def test_reads_every_float_type(directory):
    values = np.random.default_rng(0).normal(0, 1, (6, 4)).astype(np.float32)
    bf16 = (values.view(np.uint32) >> 16).astype(np.uint16)
    tensors = {"a": values, "b": values.astype(np.float16), "c": values.astype(np.float64), "d": bf16}
    write_tensors(directory / "model.safetensors", tensors, {"d": "BF16"})
    model = safetensors.read(directory)
    assert model.config == {"model_type": "llama"}
    np.testing.assert_array_equal(whole(model.tensors["a"]), values)
    np.testing.assert_array_equal(whole(model.tensors["b"]), values.astype(np.float16).astype(np.float32))
    np.testing.assert_array_equal(whole(model.tensors["c"]), values)
    np.testing.assert_array_equal(whole(model.tensors["d"]), (bf16.astype(np.uint32) << 16).view(np.float32))
    np.testing.assert_array_equal(model.tensors["a"].rows(2, 5), values[2:5])


def test_reads_shards_and_names_the_missing_ones(directory):
    one, two = {"a": np.ones((2, 2), np.float32)}, {"b": np.zeros(3, np.float32)}
    write_tensors(directory / "model-1.safetensors", one)
    write_tensors(directory / "model-2.safetensors", two)
    places = {"a": "model-1.safetensors", "b": "model-2.safetensors"}
    index = directory / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": places}))
    assert sorted(safetensors.read(directory).tensors) == ["a", "b"]
    index.write_text(json.dumps({"weight_map": {**places, "c": "model-3.safetensors", "d": "model-4.safetensors"}}))
    with pytest.raises(SourceError, match=r"2 of 4 shards are missing: model-3\.safetensors, model-4\.safetensors"):
        safetensors.read(directory)
    index.write_text(json.dumps({"weight_map": {**places, "c": "model-2.safetensors"}}))
    with pytest.raises(SourceError, match=r"the first is 'c' in model-2\.safetensors"):
        safetensors.read(directory)
    index.write_text(json.dumps({"weight_map": {"a": "../elsewhere.safetensors"}}))
    with pytest.raises(SourceError, match="not a file of the same directory"):
        safetensors.read(directory)


ENTRY = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
HOSTILE = {
    "short": (b"1234", "not a safetensors file"),
    "header too long": (struct.pack("<Q", 1 << 60) + bytes(20), "does not fit in the file of 28"),
    "not JSON": (file_bytes(b"{,"), "not JSON"),
    "a list": (file_bytes([1]), "the header is not a JSON object"),
    "name twice": (file_bytes(b'{"a": 1, "a": 2}'), "'a' occurs twice"),
    "deep": (file_bytes(b"[" * 100000), "not JSON"),
    "no entry": (file_bytes({"a": 3}), "the entry is not a JSON object"),
    "unknown type": (file_bytes({"a": {**ENTRY, "dtype": "F6"}}, bytes(8)), "unknown type 'F6'"),
    "type of type": (file_bytes({"a": {**ENTRY, "dtype": []}}, bytes(8)), r"unknown type \[\]"),
    "negative": (file_bytes({"a": {**ENTRY, "shape": [-2]}}, bytes(8)), "not lists of sizes"),
    "wrong length": (file_bytes({"a": {**ENTRY, "shape": [3]}}, bytes(8)), "8 bytes for 3 elements"),
    "a scalar of two": (file_bytes({"a": {**ENTRY, "shape": []}}, bytes(8)), "8 bytes for 1 elements"),
    "truncated": (file_bytes({"a": ENTRY}, bytes(7)), "is the download incomplete"),
    "overlap": (file_bytes({"a": ENTRY, "b": {**ENTRY, "data_offsets": [4, 12]}}, bytes(12)), "overlap"),
}


@pytest.mark.parametrize("case", HOSTILE, ids=lambda c: c)
def test_hostile_file_is_refused_in_one_line(directory, case):
    data, message = HOSTILE[case]
    (directory / "model.safetensors").write_bytes(data)
    with pytest.raises(SourceError, match=message) as caught:
        safetensors.read(directory)
    assert "\n" not in str(caught.value)


def test_mutated_files_are_read_or_refused(directory):
    path = directory / "model.safetensors"
    write_tensors(path, {"a": np.ones((4, 2), np.float32), "b": np.ones(8, np.float16)})
    original = path.read_bytes()
    random = np.random.default_rng(3)
    for number in range(3000):
        data = bytearray(original[: random.integers(len(original))] if number % 4 == 0 else original)
        for _ in range(random.integers(0, 4)):
            if data:
                data[random.integers(len(data))] = random.integers(256)
        path.write_bytes(data)
        try:
            for tensor in safetensors.read(directory).tensors.values():
                whole(tensor)
        except SourceError:
            pass


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda d: (d / "config.json").unlink(), "config.json: No such file"),
        (lambda d: (d / "config.json").write_text("[]"), "config.json: must be a JSON object"),
        (lambda d: (d / "pytorch_model.bin").write_bytes(b"x"), "pickle, which is not supported"),
        (lambda d: None, "has neither model.safetensors nor"),
    ],
    ids=["no configuration", "odd configuration", "pickle", "no weights"],
)
def test_unusable_directory_is_refused(directory, make, message):
    make(directory)
    with pytest.raises(SourceError, match=message):
        safetensors.read(directory)


def test_no_directory_is_refused(tmp_path):
    with pytest.raises(SourceError, match="not a model directory"):
        safetensors.read(tmp_path / "absent")
