"""The kernel on the neighbor graph against dense matrices."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from knnal.index.graph import build_graph
from knnal.index.kernel_graph import KernelGraph
from knnal.index.parallel import thread_count, use_threads
from knnal.index.similarity import similarities

POOLS = hnp.arrays(
    np.float64,
    st.tuples(st.integers(1, 40), st.sampled_from([2, 3, 6])),
    elements=st.integers(-3, 3),
)


def unit(X: Any) -> Any:
    X = np.asarray(X, dtype=np.float64)
    X = np.where(np.all(X == 0, axis=1, keepdims=True), 1.0, X)
    return (X / np.linalg.norm(X, axis=1, keepdims=True)).astype(np.float32)


def everyone(X: Any) -> Any:
    return np.ones(len(X), dtype=bool)


@pytest.fixture(name="X")
def vectors() -> Any:
    return unit(np.random.default_rng(0).normal(size=(180, 12)))


def dense(kernel: KernelGraph) -> Any:
    K = np.eye(len(kernel))
    for row in range(len(kernel)):
        targets, values = kernel.neighbors(row)
        assert (np.diff(targets) > 0).all()
        K[row, targets] = values
    return K


def dense_reference(X: Any, g: int = 20, tenth: int = 10) -> tuple[Any, float]:
    """Kernel matrix and width, straight from the definition, from all pairs of similarities."""
    n = len(X)
    S = np.array([similarities(X, x) for x in X])
    D = np.maximum(2 - 2 * S.astype(np.float64), 0)
    edge = np.zeros((n, n), dtype=bool)
    widths = []
    for row in range(n):
        others = np.delete(np.arange(n), row)
        nearest = others[np.lexsort((others, -S[row, others]))][:g]
        edge[row, nearest] = True
        if len(nearest):
            widths.append(D[row, nearest[: min(tenth, len(nearest))][-1]])
    h = max(float(np.median(widths)), 1e-12) if widths else 1.0
    K = np.where(edge | edge.T, np.exp(-D / h), 0)
    np.fill_diagonal(K, 1)
    return K, h


@settings(max_examples=80)
@given(POOLS, st.sampled_from([1, 3, 20]))
def test_the_kernel_is_symmetric_and_as_defined(X: Any, g: int) -> None:
    X = unit(X)
    kernel = KernelGraph(build_graph(X, everyone(X), g))
    K, h = dense_reference(X, g)
    np.testing.assert_array_equal(dense(kernel), K.astype(np.float32))
    np.testing.assert_array_equal(dense(kernel), dense(kernel).T)
    np.testing.assert_allclose(kernel.sums, K.sum(axis=1) - 1, rtol=1e-6, atol=1e-12)
    assert kernel.width == h


def test_the_width_is_the_median_squared_distance_to_the_tenth_neighbor(X: Any) -> None:
    exact = X.astype(np.float64)
    squared = np.sort(((exact[:, None] - exact[None]) ** 2).sum(axis=2), axis=1)[:, 10]
    assert KernelGraph(build_graph(X, everyone(X))).width == pytest.approx(
        np.median(squared), rel=1e-5
    )


def test_rows_that_are_not_live_have_no_kernel_and_no_part_in_its_width(X: Any) -> None:
    live = np.random.default_rng(1).random(len(X)) < 0.6
    kernel = KernelGraph(build_graph(X, live, g=7))
    inside = KernelGraph(build_graph(X[live], everyone(X[live]), g=7))
    assert kernel.width == inside.width
    np.testing.assert_array_equal(dense(kernel)[np.ix_(live, live)], dense(inside))
    assert (kernel.sums[~live] == 0).all()


@pytest.mark.parametrize("n", [1, 2, 5, 11, 20, 21])
def test_fewer_items_than_neighbors(n: int) -> None:
    X = unit(np.random.default_rng(n).normal(size=(n, 4)))
    K = dense(KernelGraph(build_graph(X, everyone(X))))
    np.testing.assert_array_equal(K, dense_reference(X)[0].astype(np.float32))


def test_copies_cover_copies() -> None:
    X = np.repeat(unit([[1.0, 2.0, 3.0]]), 30, axis=0)
    kernel = KernelGraph(build_graph(X, everyone(X)))
    assert np.isfinite(kernel.edges.kernel).all()
    np.testing.assert_array_equal(dense(kernel), dense_reference(X)[0].astype(np.float32))


def test_two_heaps_of_copies_stay_apart() -> None:
    X = unit(np.repeat(np.eye(4)[:2], 25, axis=0))
    K = dense(KernelGraph(build_graph(X, everyone(X))))
    assert (K[:25, 25:] == 0).all()
    assert K[0, 1] == 1


def test_a_hub_has_all_who_name_it() -> None:
    rng = np.random.default_rng(3)
    X = unit(np.vstack([np.eye(300), np.ones((1, 300))]) + rng.normal(size=(301, 300)) * 1e-3)
    kernel = KernelGraph(build_graph(X, everyone(X), g=2))
    assert kernel.neighbors(300)[0].tolist() == list(range(300))
    np.testing.assert_array_equal(dense(kernel), dense_reference(X, 2, 2)[0].astype(np.float32))


def test_an_empty_pool_has_an_empty_graph() -> None:
    graph = build_graph(np.empty((0, 3), np.float32), np.zeros(0, dtype=bool))
    assert len(KernelGraph(graph)) == 0
    assert KernelGraph(graph).sums.shape == (0,)


def test_the_number_of_threads_changes_nothing() -> None:
    X = np.tile(unit(np.random.default_rng(5).normal(size=(50, 5))), (400, 1))
    graph = build_graph(X, np.arange(len(X)) % 7 == 0, g=5)
    before = thread_count()
    kernels = []
    try:
        for threads in (1, 3):
            use_threads(threads)
            kernels.append(KernelGraph(graph))
    finally:
        use_threads(before)
    one, three = kernels
    np.testing.assert_array_equal(one.edges.targets, three.edges.targets)
    np.testing.assert_array_equal(one.edges.kernel, three.edges.kernel)
    np.testing.assert_array_equal(one.sums, three.sums)


def test_it_is_as_small_as_can_be(X: Any) -> None:
    kernel = KernelGraph(build_graph(X, everyone(X)))
    assert (kernel.edges.targets.dtype, kernel.edges.kernel.dtype) == (np.int32, np.float32)
    assert (kernel.edges.starts.dtype, kernel.sums.dtype) == (np.int64, np.float64)
