"""Percentile bootstrap: how far a mean over splits would move with other splits."""

from __future__ import annotations

import numpy as np

from knnal.types import Float64Array, FloatArray

RESAMPLES = 2000
CONFIDENCE = 0.95


def resampling_weights(units: int, resamples: int, rng: np.random.Generator) -> Float64Array:
    """The share of each unit in each resample drawn with replacement, ``(resamples, units)``."""
    counts = rng.multinomial(units, np.full(units, 1 / units), size=resamples)
    weights: Float64Array = counts / units
    return weights


def percentile_interval(
    values: FloatArray, confidence: float = CONFIDENCE
) -> tuple[Float64Array, Float64Array]:
    """The ends of the middle share of resampled values ``(resamples, ...)``, each ``(...)``.

    Source: B. Efron and R. Tibshirani, "An Introduction to the Bootstrap" (1993), section 13.3.
    """
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(values, [tail, 1.0 - tail], axis=0)
    return low, high


def mean_interval(
    samples: Float64Array, weights: Float64Array, confidence: float = CONFIDENCE
) -> tuple[Float64Array, Float64Array]:
    """The interval of the mean of samples ``(units, ...)``, each end ``(...)``.

    The same ``weights`` for two samples make their units pairs.
    """
    return percentile_interval(np.tensordot(weights, samples, axes=1), confidence)
