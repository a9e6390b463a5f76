"""Whether probabilities say how often predictions are right, and a temperature that makes them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from knnal.types import BoolArray, Float64Array, FloatArray, IntArray

BINS = 10
"""Of equal width. Audited items are some dozens: more bins would hold too few."""

COLDEST, HOTTEST = 0.1, 10.0
"""Bounds of the temperature; items that are all predicted rightly ask for 0."""

_LEAST = 1e-3
"""Added to every probability first, so that no class is impossible, as it is to kNN's votes."""


@dataclass(frozen=True, slots=True)
class Bin:
    """Predictions of about the same probability: how many, its mean, and the share of right ones"""

    count: int
    confidence: float
    accuracy: float


def reliability(confidence: FloatArray, right: BoolArray, bins: int = BINS) -> tuple[Bin, ...]:
    """What a reliability plot shows: predictions by their probability, ``(m,), (m,)``.

    Bins are of equal width, those without a prediction left out, and hold their upper edge.
    """
    places = np.clip(np.ceil(np.asarray(confidence) * bins).astype(np.int64) - 1, 0, bins - 1)
    members = [np.flatnonzero(places == place) for place in range(bins)]
    return tuple(
        Bin(len(some), float(np.mean(confidence[some])), float(np.mean(right[some])))
        for some in members
        if len(some)
    )


def expected_calibration_error(bins: tuple[Bin, ...]) -> float:
    """The mean gap between probability and share of right predictions, weighed by bin.

    Source: M. Naeini, G. Cooper and M. Hauskrecht, "Obtaining well calibrated probabilities using
    Bayesian binning" (AAAI 2015). Of few predictions it is too high: chance makes gaps, too.
    """
    total = sum(one.count for one in bins)
    return sum(one.count * abs(one.accuracy - one.confidence) for one in bins) / total


def with_temperature(P: FloatArray, temperature: float) -> Float64Array:
    """Probabilities to the power ``1 / temperature``, normalized, ``(m, C) -> (m, C)``.

    The order of the classes stays. Above 1 they come closer together, below 1 further apart.

    Source: C. Guo, G. Pleiss, Y. Sun and K. Weinberger, "On calibration of modern neural networks"
    (ICML 2017), by logarithms of probabilities in place of logits.
    """
    logits = np.log(np.asarray(P, dtype=np.float64) + _LEAST) / temperature
    powers = np.exp(logits - logits.max(axis=1, keepdims=True, initial=-np.inf))
    shares: Float64Array = powers / powers.sum(axis=1, keepdims=True)
    return shares


def log_loss(P: FloatArray, classes: IntArray) -> float:
    """The mean of ``-log p`` of the right classes, ``(m, C), (m,) -> ()``."""
    return float(-np.mean(np.log(P[np.arange(len(P)), classes])))


def fit_temperature(P: FloatArray, classes: IntArray) -> float:
    """The temperature of least log loss, ``(m, C), (m,) -> ()``, within its bounds.

    In the inverse temperature the loss is convex, so that the minimum is the only one.
    """
    from scipy.optimize import minimize_scalar

    found = minimize_scalar(
        lambda log: log_loss(with_temperature(P, float(np.exp(log))), classes),
        bounds=(np.log(COLDEST), np.log(HOTTEST)),
        method="bounded",
    )
    return float(np.exp(found.x))


def cross_validated(P: FloatArray, classes: IntArray, folds: int = 10) -> Float64Array:
    """Each item's probabilities at the temperature fitted on the other folds, ``(m, C)``.

    Items are dealt out to the folds in turn.
    """
    calibrated = np.empty(P.shape)
    fold = np.arange(len(P)) % folds
    for place in np.unique(fold):
        inside = fold == place
        temperature = fit_temperature(P[~inside], classes[~inside])
        calibrated[inside] = with_temperature(P[inside], temperature)
    return calibrated
