"""The similarity of two vectors depends on those two alone, and is their cosine."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from knnal.index.parallel import thread_count, use_threads
from knnal.index.similarity import rounding_bound, similarities, similarities_at

DIMENSIONS = [1, 2, 3, 5, 8, 15, 16, 17, 31, 33, 64, 127, 512, 1280]
pytestmark = pytest.mark.parametrize("d", DIMENSIONS)


def unit(rng: np.random.Generator, n: int, d: int) -> Any:
    X = rng.normal(size=(n, d))
    return (X / np.linalg.norm(X, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def rng(d: int) -> np.random.Generator:
    return np.random.default_rng(d)


def test_a_permutation_permutes_the_values(rng: np.random.Generator, d: int) -> None:
    X, q = unit(rng, 101, d), unit(rng, 1, d)[0]
    order = rng.permutation(len(X))
    np.testing.assert_array_equal(similarities(X[order], q), similarities(X, q)[order])


def test_each_row_alone_gives_its_value_in_the_batch(rng: np.random.Generator, d: int) -> None:
    X, q = unit(rng, 70, d), unit(rng, 1, d)[0]
    whole = similarities(X, q)
    alone = [similarities(X[i : i + 1].copy(), q)[0] for i in range(len(X))]
    np.testing.assert_array_equal(np.array(alone), whole)
    np.testing.assert_array_equal(similarities(X[13:29], q), whole[13:29])


def test_it_does_not_matter_where_in_memory_the_vectors_lie(
    rng: np.random.Generator, d: int
) -> None:
    X, q = unit(rng, 40, d), unit(rng, 1, d)[0]
    expected = similarities(X, q)
    for offset in range(20):
        room = np.empty(X.size + 40, dtype=np.float32)
        moved = room[offset : offset + X.size].reshape(X.shape)
        moved[:] = X
        moved_q = np.empty(d + 40, dtype=np.float32)[20 - offset : 20 - offset + d]
        moved_q[:] = q
        np.testing.assert_array_equal(similarities(moved, moved_q), expected)


def test_it_is_symmetric(rng: np.random.Generator, d: int) -> None:
    X = unit(rng, 23, d)
    pairwise = np.array([similarities(X, q) for q in X])
    np.testing.assert_array_equal(pairwise, pairwise.T)


def test_rows_read_where_they_lie_give_the_same(rng: np.random.Generator, d: int) -> None:
    X, Q = unit(rng, 50, d), unit(rng, 600, d)
    picked = rng.integers(0, len(X), (len(Q), 6))
    full = np.array([similarities(X, q) for q in Q])
    np.testing.assert_array_equal(
        similarities_at(X, picked, Q), np.take_along_axis(full, picked, axis=1)
    )


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_the_number_of_threads_changes_nothing(
    rng: np.random.Generator, d: int, threads: int
) -> None:
    X, q = np.tile(unit(rng, 1000, d), (40, 1)), unit(rng, 1, d)[0]
    before = thread_count()
    try:
        use_threads(threads)
        np.testing.assert_array_equal(similarities(X, q)[:1000], similarities(X[:1000], q))
        np.testing.assert_array_equal(similarities(X, q)[-1000:], similarities(X[:1000], q))
    finally:
        use_threads(before)


def test_it_is_the_dot_product_in_double_precision(rng: np.random.Generator, d: int) -> None:
    X, q = unit(rng, 200, d), unit(rng, 1, d)[0]
    exact = X.astype(np.float64) @ q.astype(np.float64)
    np.testing.assert_allclose(similarities(X, q), exact, rtol=0, atol=rounding_bound(d) / 2)


def test_the_rounding_bound_holds_against_a_matrix_product(
    rng: np.random.Generator, d: int
) -> None:
    X = unit(rng, 300, d)
    X[150:] = -np.abs(X[:150])  # sums that never cancel round the most
    gap = np.abs(np.array([similarities(X, q) for q in X]) - X @ X.T).max()
    assert gap <= rounding_bound(d) < 1e-3
