"""Writes GGUF files for tests byte by byte, including every kind of invalid file."""

from __future__ import annotations

import struct

U32, F32, BOOL, STRING, ARRAY = 4, 6, 7, 8, 9


def text(value: str | bytes) -> bytes:
    raw = value if isinstance(value, bytes) else value.encode()
    return struct.pack("<Q", len(raw)) + raw


def value(item) -> bytes:
    """A metadata value, preceded by its type."""
    if isinstance(item, bool):
        return struct.pack("<IB", BOOL, item)
    if isinstance(item, int):
        return struct.pack("<II", U32, item)
    if isinstance(item, float):
        return struct.pack("<If", F32, item)
    if isinstance(item, str):
        return struct.pack("<I", STRING) + text(item)
    kinds = {bool: BOOL, str: STRING, float: F32}
    kind = kinds.get(type(item[0]), U32) if item else U32
    body = b"".join(value(one)[4:] for one in item)
    return struct.pack("<IIQ", ARRAY, kind, len(item)) + body


def tensor_info(name: str, shape: tuple[int, ...], kind: int, offset: int) -> bytes:
    return text(name) + struct.pack("<I", len(shape)) + struct.pack(f"<{len(shape)}Q", *shape[::-1]) + struct.pack("<IQ", kind, offset)


def build(metadata: dict, tensors: list[tuple[str, tuple[int, ...], int, bytes]], version: int = 3, alignment: int = 32) -> bytes:
    """A whole file; tensors are (name, numpy shape, type number, bytes)."""
    infos, data = b"", b""
    for name, shape, kind, body in tensors:
        infos += tensor_info(name, shape, kind, len(data))
        data += body + b"\0" * (-len(body) % alignment)
    head = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(metadata))
    head += b"".join(text(key) + value(item) for key, item in metadata.items()) + infos
    return head + b"\0" * (-len(head) % alignment) + data
