"""When to stop labeling, and why. The advice never changes what is asked."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from knnal.errors import InputError
from knnal.pool.labels.ledger import Ledger
from knnal.quality.audit import AccuracyEstimate, Audited, latest_estimate
from knnal.types import Float64Array

LATEST = 50
"""The number of labels over which the agreement of predictions is averaged."""

STABLE = 0.999
"""The mean agreement between consecutive labels from which predictions count as stable.

M. Bloodgood and K. Vijay-Shanker, "A method for stopping active learning based on stabilizing
predictions and the need for user-adjustable stopping" (CoNLL 2009), use 0.99 between classifiers
that are a batch apart; this is the same change over ten labels.
"""

AHEAD = 100
LEAST_AUDITED = 10
USUAL_RISE, RISE_SPREAD = 1.0, 1.0
"""Mean and standard deviation of the rise of a prediction's log-odds with ten times the labels."""

_LEVEL_SPREAD = 3.0
_STEPS = 50
_CLOSE = 1e-9


@dataclass(frozen=True, slots=True)
class Advice:
    """Whether you could stop, the ``reasons``, and an ``outlook`` on more labels, in words.

    ``agreement`` is the mean kappa of the predictions before and after each of the latest labels,
    ``gain`` the expected rise of the accuracy with the next ``ahead`` labels; None: not known yet.
    """

    could_stop: bool
    reasons: tuple[str, ...]
    outlook: str | None
    agreement: float | None
    gain: float | None
    target: float | None
    ahead: int = AHEAD

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return dataclasses.asdict(self)


def advise(ledger: Ledger, audited: Sequence[Audited], target: float | None = None) -> Advice:
    """Advise whether to stop labeling.

    Parameters
    ----------
    ledger
        The labels in force.
    audited
        The audited items of the ledger.
    target
        The accuracy that is enough, in (0, 1].

    Raises
    ------
    InputError
        For a target out of range.
    """
    if target is not None and not 0.0 < target <= 1.0:
        raise InputError(f"`target` must be above 0 and at most 1, such as 0.95, got {target}.")
    accuracy, agreement = latest_estimate(audited), latest_agreement(ledger)
    gain = expected_gain(audited, ledger.label_count)
    reasons = []
    if target is not None and accuracy is not None and accuracy.low >= target:
        reasons.append(f"the accuracy is at least {accuracy.low:.0%} (target {target:.0%})")
    if agreement is not None and agreement >= STABLE:
        reasons.append(f"the last {LATEST} labels changed hardly any prediction")
    return Advice(
        could_stop=bool(reasons),
        reasons=tuple(reasons),
        outlook=_outlook(gain, target, accuracy),
        agreement=agreement,
        gain=gain,
        target=target,
    )


def latest_agreement(ledger: Ledger, latest: int = LATEST) -> float | None:
    """The mean agreement of the predictions before and after each of the latest labels.

    None where it is unknown for one of them, as for imported labels and those of older logs.
    """
    events = islice(ledger.labeled_latest_first(), latest)
    told = [event.scores["agreement"] for event in events if "agreement" in event.scores]
    return sum(told) / latest if len(told) == latest else None


def expected_gain(audited: Sequence[Audited], labels: int, ahead: int = AHEAD) -> float | None:
    """The expected rise of the accuracy with ``ahead`` more labels, at least 0.

    It is extrapolated from the audited items by logistic regression on the logarithm of the number
    of labels, with a prior on the slope. None with too few audited items.
    """
    if len(audited) < LEAST_AUDITED:
        return None
    right = np.array([one.right for one in audited], dtype=np.float64)
    at = np.log10(np.array([one.labels for one in audited]) / labels)
    level, rise = fit_rise(at, right)
    now, then = (
        1 / (1 + np.exp(-(level + rise * np.log10(1 + more / labels)))) for more in (0, ahead)
    )
    return max(float(then - now), 0.0)


def fit_rise(at: Float64Array, right: Float64Array) -> tuple[float, float]:
    """Level and slope of the log-odds of ``right`` ``(m,)`` over ``at`` ``(m,)``.

    The maximum a posteriori under normal priors, by Newton's method: ridge logistic regression that
    shrinks the slope to the usual one.
    """
    X = np.stack([np.ones_like(at), at], axis=1)
    precision = np.array([_LEVEL_SPREAD**-2, RISE_SPREAD**-2])
    usual = np.array([0.0, USUAL_RISE])
    fitted = usual.copy()
    for _ in range(_STEPS):
        p = 1 / (1 + np.exp(-(X @ fitted)))
        gradient = X.T @ (right - p) - precision * (fitted - usual)
        curvature = (X.T * (p * (1 - p))) @ X + np.diag(precision)
        step = np.clip(np.linalg.solve(curvature, gradient), -1, 1)
        fitted += step
        if np.abs(step).max() < _CLOSE:
            break
    return float(fitted[0]), float(fitted[1])


def _outlook(
    gain: float | None, target: float | None, accuracy: AccuracyEstimate | None
) -> str | None:
    parts = []
    if gain is not None:
        parts.append(f"{AHEAD} more labels: about +{100 * gain:.1f} points")
    if target is not None and accuracy is not None and accuracy.low < target:
        parts.append(f"target {target:.0%}: not certain yet")
    return ", ".join(parts) or None
