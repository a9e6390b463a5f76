"""Label diffusion by pushes, against solving the equations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knnal.index.diffusion import RESTART, TOLERANCE, Diffusion
from knnal.index.graph import build_graph
from knnal.index.kernel_graph import KernelGraph
from knnal.index.parallel import over_rows, thread_count, use_threads

SHAPES = st.sampled_from(["generic", "clusters", "copies", "an outlier"])


def graph(n: int, d: int, shape: str, seed: int, live: Any = None) -> KernelGraph:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d))
    if shape == "clusters":
        X = X[rng.integers(0, 3, n) % n] * 4 + X
    elif shape == "copies":
        X = X[rng.integers(0, max(n // 4, 1), n)]
    elif shape == "an outlier":
        X[:, 0] += 6
        X[-1] = -X[0]
    X = (X / np.linalg.norm(X, axis=1, keepdims=True)).astype(np.float32)
    return KernelGraph(build_graph(X, np.ones(n, dtype=bool) if live is None else live, 5))


def degrees(W: Any) -> tuple[Any, float]:
    """In units of their median over rows with any neighbor, and at least a hundredth."""
    sums = W.sum(axis=1)
    typical = float(np.median(sums[sums > 0])) if (sums > 0).any() else 1.0
    return np.maximum(sums / typical, 0.01), typical


def solved(kernel: KernelGraph) -> Any:
    """``[(I - a P)^-1](x, l) / sqrt(D_l)`` for all pairs, from dense matrices."""
    W = np.zeros((len(kernel), len(kernel)))
    for row in range(len(kernel)):
        targets, values = kernel.neighbors(row)
        W[row, targets] = values.astype(np.float64) ** 4
    D, typical = degrees(W)
    P = W / typical / D[:, None]
    return np.linalg.inv(np.eye(len(W)) - (1 - RESTART) * P) / np.sqrt(D)


def dense(diffusion: Diffusion, n: int) -> Any:
    S = np.zeros((n, n))
    for row in range(n):
        reached, scores = diffusion.spread(row)
        assert len(set(reached.tolist())) == len(reached)
        S[reached, row] = scores
    return S


@settings(max_examples=40)
@given(st.integers(1, 60), st.integers(1, 8), SHAPES, st.integers(0, 99))
def test_scores_fall_short_by_no_more_than_promised(n: int, d: int, shape: str, seed: int) -> None:
    kernel = graph(n, d, shape, seed)
    exact = solved(kernel)
    for tolerance in (TOLERANCE, 1e-4, 1e-9):
        diffusion = Diffusion(kernel, tolerance)
        short = exact - dense(diffusion, n)
        assert (short <= tolerance / RESTART * np.sqrt(diffusion.degrees) + 1e-9).all()
        assert (short >= -1e-9 * exact.max()).all()


@settings(max_examples=20)
@given(st.integers(2, 60), SHAPES, st.integers(0, 99))
def test_degrees_are_in_units_of_their_median(n: int, shape: str, seed: int) -> None:
    kernel = graph(n, 4, shape, seed)
    W = np.zeros((n, n))
    for row in range(n):
        targets, values = kernel.neighbors(row)
        W[row, targets] = values.astype(np.float64) ** 4
    np.testing.assert_allclose(Diffusion(kernel).degrees, degrees(W)[0], rtol=1e-12)


def test_all_labels_together_stay_within_bounds() -> None:
    """What the sums of the graph expert rely on."""
    for shape in ("generic", "clusters", "copies", "an outlier"):
        S = solved(graph(80, 3, shape, 1))
        assert S.sum(axis=1).max() <= 1 / RESTART / np.sqrt(0.01) + 1e-9


def test_a_label_reaches_itself_first() -> None:
    diffusion = Diffusion(graph(50, 4, "generic", 0))
    for row in range(50):
        assert diffusion.spread(row)[0][0] == row


def test_a_row_without_neighbors_keeps_its_label_to_itself() -> None:
    live = np.ones(30, dtype=bool)
    live[[3, 17]] = False
    diffusion = Diffusion(graph(30, 4, "generic", 0, live))
    reached, scores = diffusion.spread(3)
    assert reached.tolist() == [3]
    np.testing.assert_allclose(scores, [1 / np.sqrt(0.01)])
    assert not {3, 17} & set(diffusion.spread(5)[0].tolist())


def test_a_pool_of_one_row() -> None:
    reached, scores = Diffusion(graph(1, 2, "generic", 0)).spread(0)
    assert (reached.tolist(), scores.tolist()) == ([0], [10.0])


@pytest.mark.parametrize("shape", ["generic", "copies", "clusters"])
def test_the_same_label_spreads_in_the_same_way_whatever_came_before(shape: str) -> None:
    kernel = graph(200, 6, shape, 3)
    used = Diffusion(kernel)
    first = [used.spread(row) for row in range(200)]
    order = np.random.default_rng(0).permutation(200).tolist()
    for row in order:
        for again in (used.spread(row), Diffusion(kernel).spread(row)):
            for one, other in zip(again, first[row], strict=True):
                np.testing.assert_array_equal(one, other)


def test_labels_spread_on_several_threads_as_on_one() -> None:
    diffusion = Diffusion(graph(300, 6, "clusters", 4))
    expected = [diffusion.spread(row) for row in range(300)]
    before = thread_count()
    try:
        use_threads(3)
        parts = over_rows(lambda a, b: [diffusion.spread(row) for row in range(a, b)], 300, 10)
    finally:
        use_threads(before)
    for ours, theirs in zip((column for part in parts for column in part), expected, strict=True):
        np.testing.assert_array_equal(ours[0], theirs[0])
        np.testing.assert_array_equal(ours[1], theirs[1])


def test_a_label_reaches_no_more_of_a_graph_twice_as_large() -> None:
    reach = []
    for n in (4000, 8000):
        diffusion = Diffusion(graph(n, 8, "generic", 5))
        reach.append(np.mean([len(diffusion.spread(row)[0]) for row in range(0, n, n // 40)]))
    assert reach[1] < 1.3 * reach[0] < 0.6 * 4000
