"""Kernel coverage kept by updates, against dense matrices and against starting over."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from knnal.acquisition.density import kernel_mass
from knnal.acquisition.diversity import uncovered
from knnal.acquisition.kernel_coverage import Coverage
from knnal.index.graph import build_graph
from knnal.index.kernel_graph import KernelGraph

POOLS = hnp.arrays(
    np.float64,
    st.tuples(st.integers(1, 40), st.sampled_from([2, 3, 6])),
    elements=st.integers(-3, 3),
)
NOBODY_LABELED = np.array([], dtype=np.int64)


def kernel_graph(X: Any, g: int) -> KernelGraph:
    X = np.where(np.all(X == 0, axis=1, keepdims=True), 1.0, X)
    unit = (X / np.linalg.norm(X, axis=1, keepdims=True)).astype(np.float32)
    return KernelGraph(build_graph(unit, np.ones(len(X), dtype=bool), g))


def by_definition(graph: KernelGraph, labeled: set[int]) -> tuple[Any, Any]:
    """c_j = max over l of K(j, l); gain(x) = sum over j of max(K(x, j) - c_j, 0)."""
    K = np.eye(len(graph))
    for row in range(len(graph)):
        targets, values = graph.neighbors(row)
        K[row, targets] = values
    c = K[:, sorted(labeled)].max(axis=1, initial=0.0)
    return c, np.maximum(K - c[None, :], 0).sum(axis=1)


@settings(max_examples=80)
@given(POOLS, st.sampled_from([2, 5, 20]), st.data())
def test_any_sequence_of_labels_gives_the_defined_gain(X: Any, g: int, data: st.DataObject) -> None:
    graph = kernel_graph(X, g)
    coverage = Coverage(graph, NOBODY_LABELED)
    labeled: set[int] = set()
    for row in data.draw(st.lists(st.integers(0, len(X) - 1), max_size=20)):
        before = coverage.gain.copy()
        changed = coverage.remove(row) if row in labeled else coverage.add(row)
        labeled ^= {row}
        np.testing.assert_array_equal(changed, np.flatnonzero(coverage.gain != before))
        covered, gain = by_definition(graph, labeled)
        np.testing.assert_array_equal(coverage.covered, covered)
        np.testing.assert_allclose(coverage.gain, gain, atol=1e-12)
        fresh = Coverage(graph, np.array(sorted(labeled), dtype=np.int64))
        np.testing.assert_array_equal(coverage.covered, fresh.covered)
        np.testing.assert_array_equal(coverage.gain, fresh.gain)


def test_a_larger_pool_over_many_steps() -> None:
    rng = np.random.default_rng(4)
    graph = kernel_graph(rng.normal(size=(400, 8)), 20)
    coverage = Coverage(graph, NOBODY_LABELED)
    labeled: set[int] = set()
    for row in rng.integers(0, 400, 150).tolist():
        (coverage.remove if row in labeled else coverage.add)(row)
        labeled ^= {row}
    covered, gain = by_definition(graph, labeled)
    np.testing.assert_array_equal(coverage.covered, covered)
    np.testing.assert_allclose(coverage.gain, gain, atol=1e-12)
    fresh = Coverage(graph, np.array(sorted(labeled), dtype=np.int64))
    np.testing.assert_array_equal(coverage.gain, fresh.gain)


def test_labeled_rows_have_nothing_left_to_cover() -> None:
    graph = kernel_graph(np.random.default_rng(5).normal(size=(30, 3)), 5)
    everyone = np.arange(30)
    assert (Coverage(graph, everyone).gain == 0).all()
    assert (Coverage(graph, everyone[:0]).gain >= 1).all()


def test_where_nothing_is_covered_all_of_the_density_is_to_gain() -> None:
    graph = kernel_graph(np.random.default_rng(6).normal(size=(300, 8)), 10)
    density = kernel_mass(graph.sums)
    coverage = Coverage(graph, NOBODY_LABELED)
    np.testing.assert_array_equal(coverage.gain, density)
    untouched = np.setdiff1d(np.arange(300), coverage.add(7))
    assert 0 < len(untouched) < 300
    assert (uncovered(coverage.gain, density)[untouched] == 1.0).all()


def test_a_label_and_its_undo_touch_the_same_rows() -> None:
    graph = kernel_graph(np.random.default_rng(7).normal(size=(200, 6)), 8)
    coverage = Coverage(graph, np.array([3, 90]))
    before = coverage.gain.copy()
    added, removed = coverage.add(50), coverage.remove(50)
    np.testing.assert_array_equal(added, removed)
    assert added.dtype == np.int64
    np.testing.assert_array_equal(coverage.gain, before)
