"""Accuracy while labeling, from the audit: uniform draws, predicted before they are learned."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from knnal.pool.labels.ledger import Ledger

WINDOW = 100
CONFIDENCE_Z = 1.959963984540054
"""The normal quantile of a two-sided 95 % interval."""


@dataclass(frozen=True, slots=True)
class Audited:
    """An audited item and its label; whether that was predicted, from so many ``labels``, and the
    ``probability`` that the prediction had.
    """

    item: str
    label: str
    right: bool
    labels: int
    probability: float


@dataclass(frozen=True, slots=True)
class AccuracyEstimate:
    """``correct`` of ``audited`` predictions, and the 95 % interval of the accuracy behind them."""

    correct: int
    audited: int
    low: float
    high: float

    @property
    def accuracy(self) -> float:
        return self.correct / self.audited


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """An estimate of the accuracy at a number of labels, and its 95 % interval."""

    labels: int
    accuracy: float
    low: float
    high: float


def audited_items(ledger: Ledger) -> list[Audited]:
    """The audited items that are labeled, in the order in which they were."""
    labeled = [event for event in ledger.decisions() if event.label is not None]
    return [
        Audited(
            str(event.item),
            str(event.label),
            event.label == event.scores["prediction"],
            known,
            event.scores["probability"],
        )
        for known, event in enumerate(labeled)
        if ledger.is_audited(str(event.item)) and "prediction" in event.scores
    ]


def audit_estimate(ledger: Ledger, window: int = WINDOW) -> AccuracyEstimate | None:
    """How often predictions were right for the latest audited items; None before the first one.

    The items are drawn uniformly from what is unlabeled and predicted before their label is
    learned, so the estimate is honest for the classifier as it was over the window. It looks back,
    and the classifier has learned since: the truth is rather above than below.
    """
    return latest_estimate(audited_items(ledger), window)


def latest_estimate(audited: Sequence[Audited], window: int = WINDOW) -> AccuracyEstimate | None:
    """The same of audited items at hand."""
    outcomes = [one.right for one in audited[-window:]]
    if not outcomes:
        return None
    low, high = wilson_interval(sum(outcomes), len(outcomes))
    return AccuracyEstimate(sum(outcomes), len(outcomes), low, high)


def audit_curve(audited: Sequence[Audited], window: int = WINDOW) -> tuple[CurvePoint, ...]:
    """What the estimate was after each audited item, by the labels there were with it."""
    points = []
    for count, one in enumerate(audited, start=1):
        estimate = latest_estimate(audited[:count], window)
        assert estimate is not None
        points.append(CurvePoint(one.labels + 1, estimate.accuracy, estimate.low, estimate.high))
    return tuple(points)


def wilson_interval(successes: int, trials: int, z: float = CONFIDENCE_Z) -> tuple[float, float]:
    """The Wilson score interval of a share, sound for few trials and for shares near 0 and 1.

    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference",
    Journal of the American Statistical Association 22 (1927).
    """
    share = successes / trials
    center = share + z * z / (2 * trials)
    spread = z * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    scale = 1 + z * z / trials
    return max((center - spread) / scale, 0.0), min((center + spread) / scale, 1.0)
