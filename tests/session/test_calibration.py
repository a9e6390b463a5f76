"""Calibration against scikit-learn's figures, and temperatures against ones that are known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics
from sklearn.calibration import calibration_curve

from knnal.session.calibration import (
    COLDEST,
    cross_validated,
    expected_calibration_error,
    fit_temperature,
    log_loss,
    reliability,
    with_temperature,
)

outcomes = st.lists(st.tuples(st.floats(0, 1, width=32), st.booleans()), min_size=1, max_size=60)


@given(outcomes)
def test_the_reliability_plot_is_scikit_learns(found: list[tuple[float, bool]]) -> None:
    confidence, right = np.array([p for p, _ in found]), np.array([r for _, r in found])
    bins = reliability(confidence, right)
    accuracy, mean = calibration_curve(right, confidence, n_bins=10, pos_label=True)
    np.testing.assert_allclose([b.accuracy for b in bins], accuracy, atol=1e-12)
    np.testing.assert_allclose([b.confidence for b in bins], mean, atol=1e-12)
    assert sum(b.count for b in bins) == len(found)


def test_the_error_by_hand() -> None:
    confidence, right = np.array([0.9, 0.8, 0.81, 0.3]), np.array([True, True, False, False])
    # 0.8 lies in the bin that ends there, 0.81 and 0.9 in the next one
    expected = (1 * 0.2 + 2 * abs(0.5 - 0.855) + 1 * 0.3) / 4
    error = expected_calibration_error(reliability(confidence, right))
    assert error == pytest.approx(expected)


def drawn(temperature: float, n: int = 20_000) -> tuple[Any, Any]:
    """Probabilities, and classes drawn by what they are at a temperature."""
    rng = np.random.default_rng(0)
    P = rng.dirichlet([0.7, 0.7, 0.7], n)
    true = P ** (1 / temperature)
    true /= true.sum(axis=1, keepdims=True)
    return P, (rng.random(n)[:, None] > true.cumsum(axis=1)).sum(axis=1)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_a_temperature_is_found_again(temperature: float) -> None:
    P, classes = drawn(temperature)
    assert fit_temperature(P, classes) == pytest.approx(temperature, rel=0.05)
    assert log_loss(P, classes) == pytest.approx(metrics.log_loss(classes, P))
    before, after = (
        expected_calibration_error(reliability(Q.max(axis=1), Q.argmax(axis=1) == classes))
        for Q in (P, cross_validated(P, classes))
    )
    assert after < 0.015
    assert temperature == 1.0 or before > 0.1


@given(st.lists(st.floats(0, 1), min_size=2, max_size=6), st.floats(0.1, 10))
def test_the_order_of_the_classes_stays(values: list[float], temperature: float) -> None:
    P = (np.array([values]) + 1e-9) / (np.sum(values) + 1e-9 * len(values))
    Q = with_temperature(P, temperature)
    assert Q.sum() == pytest.approx(1)
    order = np.argsort(P[0], kind="stable")
    assert (np.diff(Q[0][order]) >= -1e-12).all()


def test_what_was_never_wrong_is_made_as_sure_as_bounds_allow() -> None:
    P = np.array([[0.8, 0.2], [0.3, 0.7], [0.9, 0.1]])
    temperature = fit_temperature(P, np.array([0, 1, 0]))
    assert temperature == pytest.approx(COLDEST, rel=0.01)


def test_no_item_is_judged_by_a_temperature_that_it_was_fitted_on() -> None:
    P, classes = drawn(2.0, 40)
    before = cross_validated(P, classes)
    for item in (0, 17):
        changed = classes.copy()
        changed[item] = (changed[item] + 1) % 3
        after = cross_validated(P, changed)
        fold = np.arange(40) % 10 == item % 10
        np.testing.assert_array_equal(after[fold], before[fold])
        assert (after[~fold] != before[~fold]).any()
