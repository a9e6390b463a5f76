"""Combinations against SciPy's ranks and plain arithmetic."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from knnal.acquisition.combine import empirical_cdf, power_product, product

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
