"""Accuracy while labeling, estimated from audited items: drawn uniformly, predicted first."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from knnal.pool.labels.ledger import Ledger

WINDOW = 100
CONFIDENCE_Z = 1.959963984540054
"""The normal quantile of a two-sided 95% interval."""


@dataclass(frozen=True, slots=True)
class Audited:
    """An audited item: its label, whether the prediction from the ``labels`` before it was
    ``right``, and the ``probability`` of that prediction.
    """

    item: str
    label: str
    right: bool
    labels: int
    probability: float


@dataclass(frozen=True, slots=True)
class AccuracyEstimate:
    """``correct`` of ``audited`` predictions, and the 95% interval of the accuracy behind them."""

    correct: int
    audited: int
    low: float
    high: float

    @property
    def accuracy(self) -> float:
        return self.correct / self.audited


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """An estimate of the accuracy at a number of labels, and its 95% interval."""

    labels: int
    accuracy: float
    low: float
    high: float


def audited_items(ledger: Ledger) -> list[Audited]:
    """The labeled audited items, in the order of their labels."""
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


def latest_estimate(audited: Sequence[Audited], window: int = WINDOW) -> AccuracyEstimate | None:
    """The accuracy on the latest ``window`` audited items; None before the first one.

    The items are drawn uniformly from the unlabeled ones and predicted before their label is known,
    so the estimate is unbiased for the classifier as it was over the window. The classifier has
    more labels since, so its accuracy tends to be higher now.
    """
    outcomes = [one.right for one in audited[-window:]]
    if not outcomes:
        return None
    low, high = wilson_interval(sum(outcomes), len(outcomes))
    return AccuracyEstimate(sum(outcomes), len(outcomes), low, high)


def audit_curve(audited: Sequence[Audited], window: int = WINDOW) -> tuple[CurvePoint, ...]:
    """The estimate after each audited item, by the number of labels."""
    points = []
    for count, one in enumerate(audited, start=1):
        estimate = latest_estimate(audited[:count], window)
        assert estimate is not None
        points.append(CurvePoint(one.labels + 1, estimate.accuracy, estimate.low, estimate.high))
    return tuple(points)


def wilson_interval(successes: int, trials: int, z: float = CONFIDENCE_Z) -> tuple[float, float]:
    """The Wilson score interval of a share, accurate for few trials and shares near 0 and 1.

    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference",
    Journal of the American Statistical Association 22 (1927).
    """
    share = successes / trials
    center = share + z * z / (2 * trials)
    spread = z * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    scale = 1 + z * z / trials
    return max((center - spread) / scale, 0.0), min((center + spread) / scale, 1.0)
