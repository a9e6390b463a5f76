"""Means over splits with their bootstrap intervals, as plain values for JSON."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from knnal.types import Float64Array, FloatArray, IntArray

RESAMPLES = 2000
CONFIDENCE = 0.95


def resampling_weights(units: int, resamples: int, rng: np.random.Generator) -> Float64Array:
    """The share of each unit in resamples drawn with replacement, ``(resamples, units)``."""
    counts = rng.multinomial(units, np.full(units, 1 / units), size=resamples)
    weights: Float64Array = counts / units
    return weights


def percentile_interval(
    values: FloatArray, confidence: float = CONFIDENCE
) -> tuple[Float64Array, Float64Array]:
    """The percentile interval of resampled values ``(resamples, ...)``, each end ``(...)``.

    Source: B. Efron and R. Tibshirani, "An Introduction to the Bootstrap" (1993), section 13.3.
    """
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(values, [tail, 1.0 - tail], axis=0)
    return low, high


def mean_interval(
    samples: Float64Array, weights: Float64Array, confidence: float = CONFIDENCE
) -> tuple[Float64Array, Float64Array]:
    """The interval of the mean of samples ``(units, ...)``, each end ``(...)``.

    The same ``weights`` for two samples make the comparison paired.
    """
    return percentile_interval(np.tensordot(weights, samples, axes=1), confidence)


Json: TypeAlias = dict[str, Any]

_DIGITS = 6


def estimate(samples: Float64Array, weights: Float64Array | None) -> Json:
    """The mean of samples ``(splits, ...)`` over splits, and the ends of its interval."""
    low, high = (None, None) if weights is None else mean_interval(samples, weights)
    return {"mean": _plain(samples.mean(axis=0)), "low": _plain(low), "high": _plain(high)}


def target_reached(
    target: float,
    accuracy: Float64Array,
    random: Float64Array | None,
    weights: Float64Array | None,
) -> Json:
    """The labels that the mean curve needs for a target, and how many fewer than random labels.

    Parameters
    ----------
    target
        The accuracy to reach.
    accuracy
        The curves, ``(splits, T)``.
    random
        Those of random labels, to compare with.
    weights
        Of the resamples, ``(resamples, splits)``; no intervals without them.

    Returns
    -------
    dict
        ``low`` and ``high`` are None where the interval ends beyond the budget. For ``saved``, a
        curve that misses the target counts as reaching it one label after the last; ``at_least``
        is true where the mean curve of random labels misses it.
    """
    budget = accuracy.shape[1]
    labels, low, high = _labels_to(target, accuracy, weights)
    found: Json = {
        "target": target,
        "labels": None if labels > budget else labels,
        "low": low if low is not None and low <= budget else None,
        "high": high if high is not None and high <= budget else None,
        "splits_reached": int((accuracy >= target).any(axis=1).sum()),
        "saved": None,
    }
    if random is not None and labels <= budget:
        other, low, high = _labels_to(target, random, weights, minus=accuracy)
        found["saved"] = {
            "labels": other - labels,
            "at_least": other > budget,
            "low": low,
            "high": high,
        }
    return found


def _labels_to(
    target: float,
    curves: Float64Array,
    weights: Float64Array | None,
    minus: Float64Array | None = None,
) -> tuple[int, int | None, int | None]:
    """Labels to the target on the mean curve, or one after the last, and the ends of the interval;
    that of the difference, where other curves are subtracted.
    """

    def labels(means: Float64Array) -> IntArray:
        reached = means >= target
        found: IntArray = np.where(reached.any(axis=-1), reached.argmax(axis=-1), means.shape[-1])
        return found + 1

    at = int(labels(curves.mean(axis=0)))
    if weights is None:
        return at, None, None
    resampled = labels(weights @ curves) - (0 if minus is None else labels(weights @ minus))
    low, high = percentile_interval(resampled.astype(np.float64))
    return at, int(np.floor(low)), int(np.ceil(high))


def by_class(names: tuple[str, ...], shares: Float64Array) -> Json:
    """Means of ``(splits, ..., C)`` over the splits that have the class; None where none has."""
    means = np.ma.masked_invalid(shares).mean(axis=0).filled(np.nan)
    return {name: _plain(means[..., c]) for c, name in enumerate(names)}


def _plain(values: Float64Array | None) -> Any:
    """Numbers for JSON, rounded; None for NaN."""
    if values is None:
        return None
    rounded = np.round(values, _DIGITS)
    return np.where(np.isnan(rounded), np.array(None), rounded).tolist()
