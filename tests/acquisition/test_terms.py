"""Score terms and their combinations against SciPy, all pairs and plain arithmetic."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from knnal.acquisition.terms import (
    MEASURES,
    disagreement,
    distance,
    distance_as_printed,
    empirical_cdf,
    entropy,
    global_density,
    kernel_mass,
    largest_margin,
    least_confidence,
    power_product,
    product,
    smallest_margin,
    uncovered,
)


def distribution(votes: list[float]) -> list[float]:
    total = sum(votes)
    return [vote / total for vote in votes] if total else [1 / len(votes)] * len(votes)


VOTE = st.one_of(st.just(0.0), st.floats(1e-6, 1.0))
MATRICES = st.integers(1, 6).flatmap(
    lambda classes: st.lists(
        st.lists(VOTE, min_size=classes, max_size=classes).map(distribution), min_size=1, max_size=8
    ).map(np.array)
)


@given(MATRICES)
def test_entropy_is_that_of_scipy(P: Any) -> None:
    np.testing.assert_allclose(entropy(P), stats.entropy(P, axis=1), atol=1e-9)


@given(MATRICES)
def test_measures_of_the_ranked_probabilities(P: Any) -> None:
    ranked = [sorted(row, reverse=True) for row in P.tolist()]
    second = [row[1] if len(row) > 1 else 0.0 for row in ranked]
    for measure, expected in (
        (least_confidence, [1 - row[0] for row in ranked]),
        (smallest_margin, [1 - (row[0] - p2) for row, p2 in zip(ranked, second, strict=True)]),
        (largest_margin, [1 - (row[0] - row[-1]) for row in ranked]),
    ):
        np.testing.assert_allclose(measure(P), expected, atol=1e-12)


@given(st.lists(MATRICES, min_size=1, max_size=4))
def test_disagreement_is_mutual_information(voters: list[Any]) -> None:
    n, c = min(len(P) for P in voters), min(P.shape[1] for P in voters)
    P = np.stack([P[:n, :c] + 1e-12 for P in voters], axis=1)
    P /= P.sum(axis=2, keepdims=True)
    expected = [
        # KL between the joint distribution of voter and class and the product of its marginals
        stats.entropy(
            (rows / len(rows)).ravel(),
            np.outer(np.full(len(rows), 1 / len(rows)), rows.mean(axis=0)).ravel(),
        )
        for rows in P
    ]
    np.testing.assert_allclose(disagreement(P), expected, atol=1e-9)


@given(MATRICES, st.randoms())
def test_the_order_of_classes_does_not_matter(P: Any, random: Any) -> None:
    order = list(range(P.shape[1]))
    random.shuffle(order)
    for measure in MEASURES.values():
        np.testing.assert_allclose(measure(P[:, order]), measure(P), atol=1e-12)


@pytest.mark.parametrize("name", MEASURES)
def test_the_extremes(name: str) -> None:
    sure, even = MEASURES[name](np.array([[0.0, 1.0, 0.0], [1 / 3, 1 / 3, 1 / 3]]))
    assert sure == 0
    assert even > 0.6


@pytest.mark.parametrize("name", MEASURES)
def test_without_classes_all_are_equally_uncertain(name: str) -> None:
    values = MEASURES[name](np.empty((4, 0)))
    assert values.shape == (4,)
    assert len(set(values.tolist())) == 1


def test_the_input_is_left_as_it_was() -> None:
    P = np.array([[0.2, 0.5, 0.3]])
    for measure in MEASURES.values():
        measure(P)
    assert P.tolist() == [[0.2, 0.5, 0.3]]


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


VALUES = st.one_of(
    hnp.arrays(np.float64, st.integers(1, 40), elements=st.integers(-3, 3).map(float)),
    hnp.arrays(np.float64, st.integers(1, 40), elements=st.floats(-1e9, 1e9)),
)


@given(VALUES)
def test_the_cdf_is_the_largest_rank_of_equals(values: Any) -> None:
    expected = stats.rankdata(values, method="max") / len(values)
    np.testing.assert_array_equal(empirical_cdf(values), expected)


@given(VALUES)
def test_the_cdf_counts_values_at_most_as_large(values: Any) -> None:
    plain = values.tolist()
    expected = [sum(other <= value for other in plain) / len(plain) for value in plain]
    np.testing.assert_array_equal(empirical_cdf(values), expected)


@given(VALUES)
def test_the_cdf_keeps_the_order_and_reaches_one(values: Any) -> None:
    F = empirical_cdf(values)
    assert F.max() == 1
    assert F.min() > 0
    assert (np.diff(F[np.argsort(values, kind="stable")]) >= 0).all()


def test_the_cdf_of_nothing_is_nothing() -> None:
    assert empirical_cdf(np.empty(0)).shape == (0,)


@given(st.floats(0, 1), st.floats(0, 20), st.floats(0, 1))
def test_the_product_adds_a_floor_to_the_uncertainty(u: float, i: float, d: float) -> None:
    value = product([np.array([u]), np.array([i]), np.array([d])], [True, False, False])[0]
    np.testing.assert_allclose(value, (u + 0.001) * i * d, rtol=1e-12)


def test_powers_weigh_the_places() -> None:
    places = [np.array([0.25, 1.0, 0.5]), np.array([0.5, 0.25, 1.0])]
    assert power_product(places, [1.0, 1.0]).tolist() == [0.125, 0.25, 0.5]
    np.testing.assert_allclose(power_product(places, [0.5, 1.0]), [0.25, 0.25, 0.5**0.5])
    assert power_product(places, [0.0, 1.0]).tolist() == places[1].tolist()
    assert places[0].tolist() == [0.25, 1.0, 0.5]


def test_where_the_classifier_is_sure_density_and_diversity_still_decide() -> None:
    density, diversity = np.array([1.0, 3.0, 2.0]), np.array([1.0, 1.0, 0.0])
    S = product([np.zeros(3), density, diversity], [True, False, False])
    assert S.argmax() == 1
    assert S[0] > S[2] == 0
