"""Writes the fixtures of the numerics tests: blocks.mlpackage, with building blocks of the converter's programs, and
blocks.json, with inputs near the limits of fp16 and their results in float64.

Run it with a Python that has the converter installed:  python generate.py [FOLDER]
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from coremltools.converters.mil.mil import Builder as mb
from coremltools.converters.mil.mil import Function, Program, Var, types

from lilims_convert import package, program
from lilims_convert.blocks import attention, norms
from lilims_convert.weightfile import WeightFile
from lilims_convert.weights import Blobs

WIDTH = 64
EPSILON = 1e-5
SIZES = (1e-4, 1.0, 250.0, 1e3, 1e4, 6e4)  # largest magnitudes of rows


def main(folder: Path) -> None:
    random = np.random.default_rng(17)
    gain, bias = random.uniform(0.5, 1.5, WIDTH).astype(np.float16), random.normal(0, 0.2, WIDTH).astype(np.float16)
    rows = values(random)
    programs: dict[str, Program] = {}
    cases: list[dict[str, Any]] = []

    def case(name: str, inputs: dict[str, np.ndarray], build: Callable[..., Var], expected: np.ndarray) -> None:
        placeholders = {key: mb.placeholder(shape=value.shape, dtype=types.fp16) for key, value in inputs.items()}
        mb.name_count.clear()
        made = Program()
        with Function(placeholders, opset_version=program.TARGET) as function:
            result = build(**function.inputs)
            result.name = "out"
            function.set_outputs([result])
        made.add_function("main", function)
        programs[name] = made
        given = {key: {"shape": value.shape, "values": numbers(value)} for key, value in inputs.items()}
        cases.append({"name": name, "inputs": given, "expected": {"shape": expected.shape, "values": numbers(expected)}})

    case("rms_norm", {"x": rows}, lambda x: norms.rms_norm(x, gain, EPSILON, -1), rms(rows, gain))
    case("layer_norm", {"x": rows}, lambda x: norms.layer_norm(x, gain, bias, EPSILON, -1), layer(rows, gain, bias))
    turned, column = rows.swapaxes(1, 2)[:, :, None], (1, WIDTH, 1, 1)
    case("rms_norm_channels", {"x": turned}, lambda x: norms.rms_norm(x, gain.reshape(column), EPSILON, 1),
         rms(rows, gain).swapaxes(1, 2)[:, :, None])  # fmt: skip
    case("layer_norm_channels", {"x": turned}, lambda x: norms.layer_norm(x, gain.reshape(column), bias.reshape(column), EPSILON, 1),
         layer(rows, gain, bias).swapaxes(1, 2)[:, :, None])  # fmt: skip
    queries, keys, contents, mask = heads(random)
    case("attention", {"q": queries, "k": keys, "v": contents, "mask": mask},
         lambda q, k, v, mask: attention.attention(q, k, v, mask, 0.25), attended(queries, keys, contents, mask))  # fmt: skip

    path = folder / "blocks.mlpackage"
    with WeightFile(package.weights_folder(path) / package.WEIGHT_FILE) as weights:
        package.write(programs, "rms_norm", weights, Blobs(), path)
    (folder / "blocks.json").write_text('{"cases": [\n' + ",\n".join(json.dumps(one) for one in cases) + "\n]}\n", encoding="utf-8")


def values(random: np.random.Generator) -> np.ndarray:
    """fp16 [1, rows, WIDTH]: rows of every magnitude, positive rows, constant rows, zeros."""
    rows = [random.uniform(-1, 1, WIDTH) * size for size in SIZES]
    rows += [random.uniform(0.5, 1, WIDTH) * size for size in SIZES]  # with a mean
    rows += [np.where(np.arange(WIDTH) == 5, -6e4, 6e4), np.full(WIDTH, 6e4), np.full(WIDTH, 0.25), np.zeros(WIDTH)]
    return np.array(rows).astype(np.float16)[None]


def rms(x: np.ndarray, gain: np.ndarray) -> np.ndarray:
    x = x.astype(np.float64)
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + EPSILON) * gain


def layer(x: np.ndarray, gain: np.ndarray, bias: np.ndarray) -> np.ndarray:
    x = x.astype(np.float64)
    centred = x - x.mean(-1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(-1, keepdims=True) + EPSILON) * gain + bias


def heads(random: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Queries, keys, values and mask: four query heads over two key heads, three tokens, six slots; products up to 6e4."""
    signs = random.choice([-1, 1], (2, 6, 16))
    sizes = np.array([1, 2, 4, 8, 16, 32])[:, None]  # keys: from 16 * 1 * q to 16 * 32 * q
    keys = (signs * sizes)[None]
    queries = np.stack([signs[:, 0], signs[:, 3], -signs[:, 5]], axis=1) * 468.0  # 468 * 0.25 * 16 * 32 = 59904
    queries = np.repeat(queries, 2, axis=0)[None]
    contents = random.normal(0, 1, (1, 2, 6, 16))
    mask = np.zeros((1, 1, 3, 6))
    mask[..., 0, 1:] = mask[..., 1, 4:] = -1e4
    mask[..., 2, 0] = -1e4
    return queries.astype(np.float16), keys.astype(np.float16), contents.astype(np.float16), mask.astype(np.float16)


def attended(queries: np.ndarray, keys: np.ndarray, contents: np.ndarray, mask: np.ndarray) -> np.ndarray:
    queries, keys, contents, mask = (part.astype(np.float64) for part in (queries, keys, contents, mask))
    keys, contents = np.repeat(keys, 2, 1), np.repeat(contents, 2, 1)
    scores = queries @ keys.swapaxes(-1, -2) * 0.25 + mask
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    return weights / weights.sum(-1, keepdims=True) @ contents


def numbers(array: np.ndarray) -> list[float]:
    return [float(f"{value:.7g}") for value in np.asarray(array, np.float64).ravel()]


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
