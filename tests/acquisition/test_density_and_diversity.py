"""Density and diversity against all pairs of similarities."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from knnal.acquisition.density import global_density, kernel_mass
from knnal.acquisition.diversity import distance, distance_as_printed, uncovered


def unit(n: int, d: int, seed: int) -> Any:
    X = np.random.default_rng(seed).normal(size=(n, d))
    return (X / np.linalg.norm(X, axis=1, keepdims=True)).astype(np.float32)


@given(st.integers(1, 60), st.sampled_from([1, 2, 16, 300]), st.integers(0, 99))
def test_global_density_is_the_mean_similarity_to_everyone(n: int, d: int, seed: int) -> None:
    X = unit(n, d, seed)
    exact = X.astype(np.float64)
    expected = (exact @ exact.T).mean(axis=1)
    density = global_density(X, exact.mean(axis=0))
    assert density.dtype == np.float64
    np.testing.assert_allclose(density, expected, atol=2e-6)


def test_kernel_mass_counts_the_item_itself() -> None:
    np.testing.assert_array_equal(kernel_mass(np.array([0.0, 2.5])), [1.0, 3.5])


@given(st.integers(1, 12), st.integers(1, 8), st.integers(0, 99))
def test_distances_to_the_labeled(n: int, labeled: int, seed: int) -> None:
    X, L = unit(n, 5, seed), unit(labeled, 5, seed + 100)
    S = X.astype(np.float64) @ L.T.astype(np.float64)
    nearest, farthest = S.max(axis=1).astype(np.float32), S.min(axis=1).astype(np.float32)
    np.testing.assert_allclose(distance(nearest), [1 - max(row) for row in S], atol=1e-6)
    np.testing.assert_allclose(
        distance_as_printed(farthest), [1 - max(1 - s for s in row) for row in S], atol=1e-6
    )


def test_without_labels_everyone_is_at_distance_one() -> None:
    nobody = np.array([np.inf], np.float32)
    assert distance(-nobody).tolist() == [1.0]
    assert distance_as_printed(nobody).tolist() == [1.0]


@pytest.mark.parametrize(
    ("gain", "mass", "share"), [(0.0, 4.0, 0.0), (4.0, 4.0, 1.0), (1, 4, 0.25)]
)
def test_uncovered_is_the_share_of_the_mass(gain: float, mass: float, share: float) -> None:
    assert uncovered(np.array([gain]), np.array([mass])).tolist() == [share]
