"""Palettes: close to optimal, reproducible, and correct for unusual values."""

from __future__ import annotations

import numpy as np
import pytest
from coremltools._deps import kmeans1d

from lilims_convert import quantize


def restored(indices: np.ndarray, tables: np.ndarray) -> np.ndarray:
    groups = len(tables)
    return np.take_along_axis(tables.astype(np.float32), indices.reshape(groups, -1).astype(int), axis=1).reshape(indices.shape)


def error(rows: np.ndarray, bits: int) -> float:
    return float(((restored(*quantize.palettes(rows, bits)) - rows) ** 2).sum())


@pytest.mark.parametrize(("bits", "most"), [(4, 1.06), (6, 1.2), (8, 1.5)])
@pytest.mark.parametrize("kind", ["normal", "laplace", "outliers"])
def test_errors_are_near_the_least_possible(bits, most, kind):
    """kmeans1d finds the optimum, at a hundred times the cost."""
    random = np.random.default_rng(bits)
    rows = {"normal": random.normal(0, 0.05, (8, 500)), "laplace": random.laplace(0, 0.05, (8, 500))}.get(kind)
    if rows is None:
        rows = random.normal(0, 0.02, (8, 500))
        rows[0, :3] = 0.9
    rows = rows.astype(np.float32)
    clusters, centroids = kmeans1d.cluster(rows.reshape(-1).astype(float).tolist(), 1 << bits)
    least = float(((np.array(centroids)[clusters] - rows.reshape(-1)) ** 2).sum())
    assert error(rows, bits) < most * least


def test_every_group_has_its_own():
    """Groups are independent, so a matrix may be processed in chunks of rows."""
    rows = np.random.default_rng(1).normal(0, 1, (24, 40)).astype(np.float32) * np.repeat([1, 100, 0.01], 8)[:, None].astype(np.float32)
    whole = quantize.palettes(rows, 4)
    for group in range(3):
        indices, tables = quantize.palettes(rows[group * 8 : group * 8 + 8], 4)
        np.testing.assert_array_equal(tables[0], whole[1][group])
        np.testing.assert_array_equal(indices, whole[0][group * 8 : group * 8 + 8])


@pytest.mark.parametrize("bits", [4, 6, 8])
@pytest.mark.parametrize(
    "values",
    [[0.0], [0.25], [-1.0, 1.0], [0.0, 0.0, 0.0, 6e4], [1e-7, -1e-7], list(range(16))],
    ids=["zeros", "one value", "two values", "one far out", "near nothing", "as many as four bits have"],
)
def test_few_values_are_kept(values, bits):
    rows = np.resize(np.array(values, np.float32), (8, 32))
    found = restored(*quantize.palettes(rows, bits))
    np.testing.assert_allclose(found, rows, rtol=1e-3, atol=1e-6)
