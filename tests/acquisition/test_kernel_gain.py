"""The kernel gain kept by updates, against whole matrices and against starting over."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from knnal.acquisition.kernel_gain import KernelGain
from knnal.acquisition.terms import kernel_mass
from knnal.index.graph import build_graph
from knnal.index.kernel_graph import KernelGraph
from knnal.index.linalg import unit_rows

POOLS = hnp.arrays(
    np.float64,
    st.tuples(st.integers(1, 40), st.sampled_from([2, 3, 6])),
    elements=st.integers(-3, 3),
)


def kernel_graph(X: Any, g: int) -> KernelGraph:
    X = np.where(np.all(X == 0, axis=1, keepdims=True), 1.0, X)
    return KernelGraph(build_graph(unit_rows(X), np.ones(len(X), dtype=bool), g))


def gain_of(graph: KernelGraph) -> KernelGain:
    return KernelGain(graph.edges)


def matrix(graph: KernelGraph) -> Any:
    K = np.eye(len(graph))
    for row in range(len(graph)):
        targets, values = graph.neighbors(row)
        K[row, targets] = values
    return K


@settings(max_examples=80)
@given(POOLS, st.sampled_from([2, 5, 20]), st.data())
def test_any_sequence_of_labels_gives_the_defined_gain(X: Any, g: int, data: st.DataObject) -> None:
    graph = kernel_graph(X, g)
    K, kept, labeled = matrix(graph), gain_of(graph), list[int]()
    for row in data.draw(st.lists(st.integers(0, len(X) - 1), max_size=20)):
        kept.cover(row)
        labeled.append(row)
        covered = K[:, labeled].max(axis=1)
        np.testing.assert_allclose(kept.gain, np.maximum(K - covered, 0).sum(axis=1), atol=1e-12)
    fresh = gain_of(graph)
    for row in sorted(set(labeled)):
        fresh.cover(row)
    np.testing.assert_array_equal(kept.gain, fresh.gain)


def test_a_label_touches_its_neighbors_and_theirs() -> None:
    graph = kernel_graph(np.random.default_rng(6).normal(size=(300, 8)), 10)
    kept = gain_of(graph)
    before = kept.gain.copy()
    np.testing.assert_array_equal(before, kernel_mass(graph.sums))
    kept.cover(7)
    assert kept.gain[7] == pytest.approx(0.0, abs=1e-12)
    near = np.flatnonzero(matrix(graph)[7])
    reached = np.flatnonzero(matrix(graph)[near].any(axis=0))
    untouched = np.setdiff1d(np.arange(300), reached)
    assert 0 < len(untouched) < 300
    np.testing.assert_array_equal(kept.gain[untouched], before[untouched])


@pytest.mark.parametrize(("n", "moved"), [(50, 1), (400, 1), (400, 60), (1, 1)])
def test_any_changes_of_weights_and_cover_give_the_defined_gain(n: int, moved: int) -> None:
    rng = np.random.default_rng(n + moved)
    graph = kernel_graph(rng.normal(size=(n, 6)), 8)
    K, kept = matrix(graph), gain_of(graph)
    weights, covered = rng.random((2, n), dtype=np.float32)
    for _ in range(12):
        expected = (weights * np.maximum(K - covered, 0)).sum(axis=1)
        found = kept.update(weights, covered).copy()
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)
        np.testing.assert_array_equal(found, gain_of(graph).update(weights, covered))
        weights[rng.integers(0, n, moved)] = rng.random()
        covered[rng.integers(0, n, moved)] = rng.random()
