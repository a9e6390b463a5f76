"""Means over splits with their intervals, as plain values for JSON."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from knnal.simulation.bootstrap import mean_interval, percentile_interval
from knnal.simulation.measures import labels_to
from knnal.types import Float64Array, IntArray

Json: TypeAlias = dict[str, Any]

_DIGITS = 6


def estimate(samples: Float64Array, weights: Float64Array | None) -> Json:
    """The mean over splits of samples ``(splits, ...)`` and the ends of its interval."""
    low, high = (None, None) if weights is None else mean_interval(samples, weights)
    return {"mean": _plain(samples.mean(axis=0)), "low": _plain(low), "high": _plain(high)}


def target_reached(
    target: float,
    accuracy: Float64Array,
    random: Float64Array | None,
    weights: Float64Array | None,
) -> Json:
    """Labels until the mean curve reaches a target accuracy, and how many fewer than random's.

    ``low`` and ``high`` are null where the interval ends beyond the budget. Of ``saved``, curves
    that do not reach the target count as reaching it one label after the last; ``at_least`` says
    that random's own mean curve does not.
    """
    budget = accuracy.shape[1]
    labels = labels_to(accuracy.mean(axis=0), target)
    resampled = None if weights is None else _resampled_labels(accuracy, target, weights)
    low, high = _ends(resampled)
    found: Json = {
        "target": target,
        "labels": labels,
        "low": low if low is not None and low <= budget else None,
        "high": high if high is not None and high <= budget else None,
        "splits_reached": int((accuracy >= target).any(axis=1).sum()),
        "saved": None,
    }
    if random is not None and labels is not None:
        other = labels_to(random.mean(axis=0), target)
        if resampled is not None and weights is not None:
            low, high = _ends(_resampled_labels(random, target, weights) - resampled)
        found["saved"] = {
            "labels": (budget + 1 if other is None else other) - labels,
            "at_least": other is None,
            "low": low,
            "high": high,
        }
    return found


def _resampled_labels(curves: Float64Array, target: float, weights: Float64Array) -> IntArray:
    """Labels to the target on each resample's mean curve, one after the last if never,
    ``(splits, T), (resamples, splits) -> (resamples,)``.
    """
    reached = weights @ curves >= target
    steps: IntArray = np.where(reached.any(axis=1), reached.argmax(axis=1), curves.shape[1])
    return steps + 1


def _ends(resampled: IntArray | None) -> tuple[int | None, int | None]:
    if resampled is None:
        return None, None
    low, high = percentile_interval(resampled.astype(np.float64))
    return int(np.floor(low)), int(np.ceil(high))


def by_class(names: tuple[str, ...], shares: Float64Array) -> Json:
    """Means over the splits that have the class, ``(splits, ..., C)``; null where none has."""
    there = ~np.isnan(shares)
    counts = there.sum(axis=0)
    totals = np.where(there, shares, 0.0).sum(axis=0)
    means = np.divide(totals, counts, out=np.full(totals.shape, np.nan), where=counts > 0)
    return {name: _plain(means[..., c]) for c, name in enumerate(names)}


def _plain(values: Float64Array | None) -> Any:
    """Numbers for JSON, rounded; None for NaN."""
    if values is None:
        return None
    rounded = np.asarray(np.round(values, _DIGITS))
    plain = rounded.astype(object)
    plain[np.isnan(rounded)] = None
    return plain.tolist()
