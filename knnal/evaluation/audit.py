"""Accuracy while labeling, from the audit: uniform draws, predicted before they are learnt."""

from __future__ import annotations

import math
from dataclasses import dataclass

from knnal.store.ledger import AUDIT, Ledger

WINDOW = 100
CONFIDENCE_Z = 1.959963984540054
"""The normal quantile of a two-sided 95 % interval."""


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


def audit_estimate(ledger: Ledger, window: int = WINDOW) -> AccuracyEstimate | None:
    """How often predictions were right for the latest audited items; None before the first one.

    The items are drawn uniformly from what is unlabelled and predicted before their label is
    learnt, so the estimate is honest for the classifier as it was over the window. It looks back,
    and the classifier has learnt since: the truth is rather above than below.
    """
    outcomes = [
        event.label == event.scores["prediction"]
        for event in ledger.decisions()
        if event.origin == AUDIT and event.label is not None and "prediction" in event.scores
    ][-window:]
    if not outcomes:
        return None
    low, high = wilson_interval(sum(outcomes), len(outcomes))
    return AccuracyEstimate(sum(outcomes), len(outcomes), low, high)


def wilson_interval(successes: int, trials: int, z: float = CONFIDENCE_Z) -> tuple[float, float]:
    """The Wilson score interval of a share, sound for few trials and for shares near 0 and 1.

    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference",
    Journal of the American Statistical Association 22 (1927).
    """
    share = successes / trials
    centre = share + z * z / (2 * trials)
    spread = z * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    scale = 1 + z * z / trials
    return max((centre - spread) / scale, 0.0), min((centre + spread) / scale, 1.0)
