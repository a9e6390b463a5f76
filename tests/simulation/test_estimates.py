"""Intervals against SciPy's bootstrap on the same data."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from knnal.simulation.estimates import mean_interval, percentile_interval, resampling_weights


def test_weights_are_shares_of_whole_draws() -> None:
    weights = resampling_weights(7, 500, np.random.default_rng(0))
    assert weights.shape == (500, 7)
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    np.testing.assert_allclose(weights * 7, np.rint(weights * 7))
    np.testing.assert_allclose(weights.mean(axis=0), 1 / 7, atol=0.02)


@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_the_interval_of_a_mean_is_scipys(confidence: float) -> None:
    rng = np.random.default_rng(3)
    samples = rng.gamma(2.0, size=(16, 3))
    reference = stats.bootstrap(
        (samples,),
        np.mean,
        axis=0,
        n_resamples=20_000,
        method="percentile",
        confidence_level=confidence,
        rng=rng,
    ).confidence_interval
    weights = resampling_weights(16, 20_000, rng)
    low, high = mean_interval(samples, weights, confidence)
    np.testing.assert_allclose(low, reference.low, atol=0.03)
    np.testing.assert_allclose(high, reference.high, atol=0.03)
    # The quantiles of the very means that the weights stand for, one by one.
    means = np.array([[np.average(column, weights=w) for column in samples.T] for w in weights])
    tail = (1 - confidence) / 2
    np.testing.assert_allclose((low, high), np.quantile(means, [tail, 1 - tail], axis=0))


def test_pairs_are_resampled_together() -> None:
    rng = np.random.default_rng(0)
    split = rng.normal(size=12) * 5  # how hard a split is, for both alike
    a, b = split + 1.0 + rng.normal(size=12) * 0.1, split
    weights = resampling_weights(12, 2000, rng)
    low, high = mean_interval(a - b, weights)
    assert 0.8 < low < high < 1.2
    (low_a, high_a), (low_b, _) = mean_interval(a, weights), mean_interval(b, weights)
    assert high_a - low_a > 10 * (high - low)
    assert high_a > low_b


def test_an_interval_of_equal_values_is_a_point() -> None:
    assert [float(end) for end in percentile_interval(np.full(9, 0.25))] == [0.25, 0.25]
