"""Writes safetensors files for tests, byte by byte."""

from __future__ import annotations

import json
import struct

import numpy as np


def file_bytes(header: object, data: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def write_tensors(path, tensors: dict[str, np.ndarray], kinds: dict[str, str] | None = None) -> None:
    header, data = {"__metadata__": {"format": "pt"}}, b""
    for name, array in tensors.items():
        kind = (kinds or {}).get(name) or {"float64": "F64", "float32": "F32", "float16": "F16"}[str(array.dtype)]
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": [len(data), len(data) + array.nbytes]}
        data += array.tobytes()
    path.write_bytes(file_bytes(header, data))
