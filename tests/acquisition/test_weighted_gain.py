"""Weighted coverage kept by updates, against whole matrices and against starting over."""

from __future__ import annotations

import numpy as np
import pytest

from knnal.acquisition.weighted_gain import WeightedGain
from knnal.index.graph import build_graph
from knnal.index.kernel_graph import KernelGraph
from knnal.index.linalg import unit_rows


@pytest.mark.parametrize(("n", "moved"), [(50, 1), (400, 1), (400, 60), (1, 1)])
def test_any_changes_of_weights_and_cover_give_the_defined_gain(n: int, moved: int) -> None:
    rng = np.random.default_rng(n + moved)
    X = unit_rows(rng.normal(size=(n, 6)))
    graph = KernelGraph(build_graph(X, np.ones(n, dtype=bool), 8))
    K = np.eye(n)
    for row in range(n):
        targets, values = graph.neighbors(row)
        K[row, targets] = values
    gain = WeightedGain(graph)
    weights, covered = rng.random((2, n), dtype=np.float32)
    for _ in range(12):
        expected = (weights * np.maximum(K - covered, 0)).sum(axis=1)
        found = gain.of(weights, covered).copy()
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)
        np.testing.assert_array_equal(found, WeightedGain(graph).of(weights, covered))
        weights[rng.integers(0, n, moved)] = rng.random()
        covered[rng.integers(0, n, moved)] = rng.random()
