"""The GGUF reader: it agrees with llama.cpp's own package, and refuses every invalid file."""

from __future__ import annotations

import struct
import tracemalloc

import gguf
import numpy as np
import pytest

import gguf_files
from lilims_convert.sources import SourceError, blocks
from lilims_convert.sources import gguf as reader
from lilims_convert.sources.tensors import Selected, whole


def random_blocks(kind: blocks.BlockType, count: int, seed: int) -> np.ndarray:
    """Blocks of arbitrary bits with finite fp16 scales."""
    random = np.random.default_rng(seed)
    data = random.integers(0, 256, (count, kind.size), np.uint8)
    places = {"Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0], "Q2_K": [80, 82], "Q3_K": [108],
              "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208]}  # fmt: skip
    for place in places.get(kind.name, []):
        data[:, place : place + 2] = random.normal(0, 0.1, (count, 1)).astype(np.float16).view(np.uint8)
    if kind.elements == 1:
        values = random.normal(0, 1, count).astype(np.float32)
        wide = {"F32": values, "F16": values.astype(np.float16), "BF16": (values.view(np.uint32) >> 16).astype(np.uint16)}
        data = wide[kind.name].view(np.uint8).reshape(count, kind.size)
    return data


@pytest.mark.parametrize("number", blocks.TYPES, ids=lambda n: blocks.TYPES[n].name)
def test_every_type_is_what_the_gguf_package_reads(number):
    kind = blocks.TYPES[number]
    data = random_blocks(kind, 96, seed=number)
    expected = gguf.quants.dequantize(data, gguf.GGMLQuantizationType[kind.name])
    actual = kind.decode(data.reshape(-1))
    assert actual.dtype == np.float32
    np.testing.assert_allclose(actual, expected.reshape(-1), rtol=1e-6, atol=1e-7)


def test_reads_what_the_gguf_package_writes(tmp_path):
    path = tmp_path / "model.gguf"
    random = np.random.default_rng(0)
    matrix, vector = random.normal(0, 1, (48, 64)).astype(np.float32), random.normal(0, 1, 7).astype(np.float32)
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_uint32("llama.block_count", 3)
    writer.add_array("tokenizer.ggml.tokens", ["a", "ä", "<s>"])
    writer.add_array("tokenizer.ggml.scores", [0.5, -1.0])
    writer.add_bool("tokenizer.ggml.add_bos_token", True)
    quantised = gguf.quants.quantize(matrix, gguf.GGMLQuantizationType.Q8_0)
    writer.add_tensor("m", quantised, raw_dtype=gguf.GGMLQuantizationType.Q8_0)
    writer.add_tensor("v", vector)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    file = reader.read(path)
    assert file.metadata["general.architecture"] == "llama"
    assert file.metadata["tokenizer.ggml.tokens"] == ["a", "ä", "<s>"]
    assert file.metadata["tokenizer.ggml.scores"] == [0.5, -1.0]
    assert file.metadata["tokenizer.ggml.add_bos_token"] is True
    assert file.tensors["m"].shape == (48, 64)
    assert file.tensors["m"].kind == "Q8_0"
    np.testing.assert_array_equal(whole(file.tensors["v"]), vector)
    expected = gguf.quants.dequantize(quantised, gguf.GGMLQuantizationType.Q8_0)
    np.testing.assert_array_equal(file.tensors["m"].rows(5, 9), expected[5:9])
    order = np.array([7, 3, 40, 2])
    np.testing.assert_array_equal(whole(Selected(file.tensors["m"], order)), expected[order])


def small(**changes) -> bytes:
    metadata = {"general.architecture": "llama", "n": 1, "list": ["x", "y"], "numbers": [1, 2, 3]}
    tensors = [("a", (4, 32), 2, bytes(72)), ("b", (8,), 0, bytes(32))]
    return gguf_files.build({**metadata, **changes.pop("metadata", {})}, changes.pop("tensors", tensors), **changes)


def patched(data: bytes, old: bytes, new: bytes) -> bytes:
    assert data.count(old) == 1, f"{old!r} occurs {data.count(old)} times"
    return data.replace(old, new)


HUGE = struct.pack("<Q", 1 << 62)
HOSTILE = {
    "empty": (b"", "0 bytes is less than the header"),
    "other format": (b"PK\3\4" + bytes(40), "not a GGUF file"),
    "old version": (small(version=1), "GGUF version 1; supported: 2 and 3"),
    "big endian": (b"GGUF" + struct.pack(">I", 3) + bytes(40), "version 3 in big-endian"),
    "tensor count": (b"GGUF" + struct.pack("<I", 3) + HUGE + bytes(40), "4611686018427387904 tensors; at most 65536 are supported"),
    "tensor count beyond the file": (b"GGUF" + struct.pack("<IQ", 3, 65536) + bytes(40), r"65536 tensors and .*: only \d+ bytes remain"),
    "long header": (
        b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + gguf_files.text("k") + struct.pack("<IIQ", 9, 0, 65 << 20) + bytes(65 << 20),
        "metadata and names of more than 67108864 bytes are not supported",
    ),
    "metadata count": (b"GGUF" + struct.pack("<IQ", 3, 0) + HUGE + bytes(40), r"metadata entries: only \d+ bytes remain"),
    "key length": (b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + HUGE + bytes(40), r"bytes of a metadata key: only \d+ bytes remain"),
    "value type": (
        patched(small(), gguf_files.text("n") + struct.pack("<I", 4), gguf_files.text("n") + struct.pack("<I", 99)),
        "'n' has a value of unknown type 99",
    ),
    "array length": (
        patched(small(), struct.pack("<IIQ", 9, 4, 3), struct.pack("<II", 9, 4) + HUGE),
        r"values of 'numbers': only \d+ bytes remain",
    ),
    "array type": (
        patched(small(), struct.pack("<IIQ", 9, 4, 3), struct.pack("<IIQ", 9, 77, 3)),
        "'numbers' has an array of unknown type 77",
    ),
    "nested arrays": (
        b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + gguf_files.text("k") + struct.pack("<I", 9) + struct.pack("<IQ", 9, 1) * 9 + bytes(64),
        "more than 4 levels of nested arrays",
    ),
    "key twice": (patched(small(metadata={"m": 2}), gguf_files.text("m"), gguf_files.text("n")), "'n' occurs twice"),
    "tensor twice": (small(tensors=[("a", (8,), 0, bytes(32))] * 2), "tensor 'a' is listed twice"),
    "tensor type": (small(tensors=[("a", (32,), 39, bytes(32))]), "the unsupported type number 39; supported: F32"),
    "ragged blocks": (small(tensors=[("a", (2, 33), 2, bytes(64))]), "rows of 33 elements are not a multiple of the blocks of Q4_0"),
    "vector in blocks": (small(tensors=[("a", (32,), 2, bytes(18))]), "a vector of type Q4_0"),
    "no axes": (small(tensors=[("a", (), 0, bytes(32))]), "has 0 axes"),
    "many axes": (small(tensors=[("a", (1,) * 9, 0, bytes(32))]), "has 9 axes"),
    "empty axis": (small(tensors=[("a", (0, 4), 0, bytes(32))]), "empty shape"),
    "overflowing shape": (small(tensors=[("a", (1 << 40, 1 << 40), 0, bytes(32))]), "is the download incomplete"),
    "alignment": (small(metadata={"general.alignment": 24}), "general.alignment is 24"),
    "alignment of zero": (small(metadata={"general.alignment": 0}), "general.alignment is 0"),
    "alignment as text": (small(metadata={"general.alignment": "32"}), "general.alignment is '32'"),
    "misaligned offset": (
        patched(small(), struct.pack("<QIQ", 8, 0, 96), struct.pack("<QIQ", 8, 0, 97)),
        "starts at 97, which is not a multiple of the alignment of 32",
    ),
    "offset beyond": (patched(small(), struct.pack("<QIQ", 8, 0, 96), struct.pack("<QIQ", 8, 0, 1 << 60)), "is the download incomplete"),
    "overlap": (patched(small(), struct.pack("<QIQ", 8, 0, 96), struct.pack("<QIQ", 8, 0, 32)), "'a' and 'b' overlap"),
    "truncated data": (small()[:-1], "is the download incomplete"),
    "key not text": (patched(small(), gguf_files.text("n"), gguf_files.text(b"\xff")), "is not UTF-8"),
    "split": (small(metadata={"split.count": 3}), "one of 3 parts"),
}  # fmt: skip


@pytest.mark.parametrize("case", HOSTILE, ids=lambda c: c)
def test_hostile_file_is_refused_in_one_line(tmp_path, case):
    data, message = HOSTILE[case]
    path = tmp_path / "hostile.gguf"
    path.write_bytes(data)
    with pytest.raises(SourceError, match=message) as caught:
        reader.read(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def listed(kind: int, count: int, values: bytes) -> bytes:
    """A file whose metadata are one array."""
    return b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + gguf_files.text("k") + struct.pack("<IIQ", 9, kind, count) + values


MANY = 20000
GREEDY = {
    "bytes": listed(0, MANY, bytes([200]) * MANY),
    "truths": listed(7, MANY, bytes(MANY)),
    "floats": listed(6, MANY, struct.pack("<f", 1.5) * MANY),
    "texts": listed(8, MANY, b"".join(gguf_files.text(f"{n:x}") for n in range(MANY))),
    "wide texts": listed(8, MANY, b"".join(gguf_files.text(chr(0x10000 + n)) for n in range(MANY))),
    "lists": listed(9, MANY, struct.pack("<IQ", 0, 0) * MANY),
    "keys": b"GGUF" + struct.pack("<IQQ", 3, 0, MANY) + b"".join(gguf_files.text(f"{n:x}") + struct.pack("<IB", 0, 1) for n in range(MANY)),
}


@pytest.mark.parametrize("case", GREEDY)
def test_no_file_takes_much_more_memory_than_its_bytes(tmp_path, case):
    """The values that take most memory per byte; files that only claim large counts are among the hostile files above."""
    path = tmp_path / "greedy.gguf"
    path.write_bytes(GREEDY[case])
    tracemalloc.start()
    reader.read(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 11 * len(GREEDY[case])


def test_what_is_only_claimed_takes_no_memory(tmp_path):
    claims = [
        HOSTILE[case][0] for case in ("tensor count", "metadata count", "key length", "array length", "overflowing shape", "offset beyond")
    ]
    claims += [listed(kind, count, b"") for kind in (0, 7, 8, 9, 12) for count in (1 << 20, 1 << 40, (1 << 64) - 1)]
    path = tmp_path / "claims.gguf"
    for data in claims:
        path.write_bytes(data)
        tracemalloc.start()
        with pytest.raises(SourceError):
            reader.read(path)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 50_000, f"{peak} bytes for a file of {len(data)}"


def test_missing_file_is_named(tmp_path):
    with pytest.raises(SourceError, match=r"none\.gguf: No such file"):
        reader.read(tmp_path / "none.gguf")


def test_mutated_files_are_read_or_refused(tmp_path):
    """Every prefix, and thousands of files with a few bytes or numbers changed, is read or raises SourceError."""
    original = small()
    random = np.random.default_rng(7)
    odd = [struct.pack("<Q", n) for n in (0, 1, 31, 2**31, 2**32, 2**63, 2**64 - 1)] + [struct.pack("<I", n) for n in (8, 9, 2**31)]
    cases = [original[:length] for length in range(0, len(original), 3)]
    for _ in range(4000):
        data = bytearray(original)
        for _ in range(random.integers(1, 4)):
            at = int(random.integers(0, len(data)))
            piece = odd[random.integers(len(odd))] if random.random() < 0.5 else random.bytes(1)
            data[at : at + len(piece)] = piece
        cases.append(bytes(data))
    path = tmp_path / "mutated.gguf"
    read = refused = 0
    for data in cases:
        path.write_bytes(data)
        try:
            for tensor in reader.read(path).tensors.values():
                whole(tensor)
            read += 1
        except SourceError:
            refused += 1
    assert read > 100, "the mutations leave too few files valid"
    assert refused > 1000, "the mutations make too few files invalid"
