"""The similarity of two vectors depends on those two alone, and is their cosine."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from knnal.neighbors.similarity import rounding_bound, similarities

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


def test_pairwise_is_the_same_as_one_by_one_and_symmetric(rng: np.random.Generator, d: int) -> None:
    X = unit(rng, 23, d)
    pairwise = similarities(X[:, None, :], X[None, :, :])
    np.testing.assert_array_equal(pairwise, [similarities(X, q) for q in X])
    np.testing.assert_array_equal(pairwise, pairwise.T)


def test_gathered_candidates_give_the_same(rng: np.random.Generator, d: int) -> None:
    X, Q = unit(rng, 50, d), unit(rng, 9, d)
    picked = rng.integers(0, len(X), (len(Q), 6))
    gathered = similarities(X[picked], Q[:, None, :])
    full = np.array([similarities(X, q) for q in Q])
    np.testing.assert_array_equal(gathered, np.take_along_axis(full, picked, axis=1))


def test_it_is_the_dot_product_in_double_precision(rng: np.random.Generator, d: int) -> None:
    X, q = unit(rng, 200, d), unit(rng, 1, d)[0]
    exact = X.astype(np.float64) @ q.astype(np.float64)
    np.testing.assert_allclose(similarities(X, q), exact, rtol=0, atol=rounding_bound(d) / 2)


def test_the_rounding_bound_holds_against_a_matrix_product(
    rng: np.random.Generator, d: int
) -> None:
    X = unit(rng, 300, d)
    X[150:] = -np.abs(X[:150])  # sums that never cancel round the most
    gap = np.abs(similarities(X[:, None], X[None]) - X @ X.T).max()
    assert gap <= rounding_bound(d) < 1e-3
