"""Kernel coverage and weighted gains kept by updates, against dense matrices and starting over."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from knnal.acquisition.kernel_coverage import KernelCoverage, WeightedGain
from knnal.acquisition.terms import kernel_mass, uncovered
from knnal.index.graph import build_graph
from knnal.index.kernel_graph import KernelGraph

POOLS = hnp.arrays(
    np.float64,
    st.tuples(st.integers(1, 40), st.sampled_from([2, 3, 6])),
    elements=st.integers(-3, 3),
)


def kernel_graph(X: Any, g: int) -> KernelGraph:
    X = np.where(np.all(X == 0, axis=1, keepdims=True), 1.0, X)
    unit = (X / np.linalg.norm(X, axis=1, keepdims=True)).astype(np.float32)
    return KernelGraph(build_graph(unit, np.ones(len(X), dtype=bool), g))


def labeled_afresh(graph: KernelGraph, labeled: Iterable[int]) -> KernelCoverage:
    coverage = KernelCoverage(graph.edges)
    for row in sorted(labeled):
        coverage.add(row)
    return coverage


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
    coverage = KernelCoverage(graph.edges)
    labeled: set[int] = set()
    for row in data.draw(st.lists(st.integers(0, len(X) - 1), max_size=20)):
        (coverage.remove if row in labeled else coverage.add)(row)
        labeled ^= {row}
        covered, gain = by_definition(graph, labeled)
        np.testing.assert_array_equal(coverage.covered, covered)
        np.testing.assert_allclose(coverage.gain, gain, atol=1e-12)
        fresh = labeled_afresh(graph, labeled)
        np.testing.assert_array_equal(coverage.covered, fresh.covered)
        np.testing.assert_array_equal(coverage.gain, fresh.gain)


def test_a_larger_pool_over_many_steps() -> None:
    rng = np.random.default_rng(4)
    graph = kernel_graph(rng.normal(size=(400, 8)), 20)
    coverage = KernelCoverage(graph.edges)
    labeled: set[int] = set()
    for row in rng.integers(0, 400, 150).tolist():
        (coverage.remove if row in labeled else coverage.add)(row)
        labeled ^= {row}
    covered, gain = by_definition(graph, labeled)
    np.testing.assert_array_equal(coverage.covered, covered)
    np.testing.assert_allclose(coverage.gain, gain, atol=1e-12)
    fresh = labeled_afresh(graph, labeled)
    np.testing.assert_array_equal(coverage.gain, fresh.gain)


def test_labeled_rows_have_nothing_left_to_cover() -> None:
    graph = kernel_graph(np.random.default_rng(5).normal(size=(30, 3)), 5)
    assert (labeled_afresh(graph, range(30)).gain == 0).all()
    assert (KernelCoverage(graph.edges).gain >= 1).all()


def test_where_nothing_is_covered_all_of_the_density_is_to_gain() -> None:
    graph = kernel_graph(np.random.default_rng(6).normal(size=(300, 8)), 10)
    density = kernel_mass(graph.sums)
    coverage = KernelCoverage(graph.edges)
    np.testing.assert_array_equal(coverage.gain, density)
    coverage.add(7)
    near = np.append(graph.neighbors(7)[0], 7)
    touched = np.unique(np.concatenate([near, *(graph.neighbors(row)[0] for row in near)]))
    untouched = np.setdiff1d(np.arange(300), touched)
    assert 0 < len(untouched) < 300
    assert (uncovered(coverage.gain, density)[untouched] == 1.0).all()
    assert coverage.gain[7] == 0


def test_a_label_and_its_undo_leave_nothing_behind() -> None:
    graph = kernel_graph(np.random.default_rng(7).normal(size=(200, 6)), 8)
    coverage = labeled_afresh(graph, [3, 90])
    before = coverage.gain.copy()
    coverage.add(50)
    assert (coverage.gain != before).any()
    coverage.remove(50)
    np.testing.assert_array_equal(coverage.gain, before)


@pytest.mark.parametrize(("n", "moved"), [(50, 1), (400, 1), (400, 60), (1, 1)])
def test_any_changes_of_weights_and_cover_give_the_defined_gain(n: int, moved: int) -> None:
    rng = np.random.default_rng(n + moved)
    graph = kernel_graph(rng.normal(size=(n, 6)), 8)
    K = np.eye(n)
    for row in range(n):
        targets, values = graph.neighbors(row)
        K[row, targets] = values
    gain = WeightedGain(graph.edges)
    weights, covered = rng.random((2, n), dtype=np.float32)
    for _ in range(12):
        expected = (weights * np.maximum(K - covered, 0)).sum(axis=1)
        found = gain.of(weights, covered).copy()
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)
        np.testing.assert_array_equal(found, WeightedGain(graph.edges).of(weights, covered))
        weights[rng.integers(0, n, moved)] = rng.random()
        covered[rng.integers(0, n, moved)] = rng.random()
