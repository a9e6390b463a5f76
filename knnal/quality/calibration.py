"""Calibration of probabilities, measured and improved on the audited items."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from knnal.errors import InputError
from knnal.quality.audit import Audited
from knnal.session.calibration import (
    Bin,
    cross_validated,
    expected_calibration_error,
    fit_temperature,
    log_loss,
    reliability,
    with_temperature,
)
from knnal.session.session import Session
from knnal.types import BoolArray, Float64Array, IntArray

LEAST_AUDITED = 30
"""With fewer items, a temperature would fit noise."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Of ``audited`` predictions as they were made: the mean probability ``confidence``, the
    accuracy, and the expected calibration ``error`` over the ``bins`` of the reliability diagram.
    """

    audited: int
    confidence: float
    accuracy: float
    error: float
    bins: tuple[Bin, ...]


@dataclass(frozen=True, slots=True)
class Temperature:
    """A temperature ``value`` fitted to the current predictions of ``audited`` items, each without
    its own label.

    ``error`` and ``loss`` are expected calibration error and log loss without a temperature,
    ``error_with`` and ``loss_with`` those with one, by tenfold cross-validation.
    """

    value: float
    audited: int
    error: float
    error_with: float
    loss: float
    loss_with: float


def calibration_of(audited: Sequence[Audited]) -> Calibration | None:
    """Of the predictions made before the labels were known; None before the first one."""
    if not audited:
        return None
    confidence = np.array([one.probability for one in audited])
    right = np.array([one.right for one in audited])
    bins = reliability(confidence, right)
    error = expected_calibration_error(bins)
    return Calibration(len(audited), float(confidence.mean()), float(right.mean()), error, bins)


def temperature_of(session: Session, audited: Sequence[Audited]) -> Temperature | None:
    """The temperature for a session's classifier; None with too few audited items.

    The audited items were drawn uniformly, and each is predicted without its own label, so they
    represent the unlabeled items.
    """
    names = {name: number for number, name in enumerate(session.classes)}
    known = session.pool.catalog.rows_of([one.item for one in audited])
    there = [one for one in audited if one.item in known]
    if len(there) < LEAST_AUDITED:
        return None
    classes = np.array([names[one.label] for one in there])
    predictions = session.predict([one.item for one in there])
    P = np.array([list(one.probabilities.values()) for one in predictions])
    calibrated = cross_validated(P, classes)
    return Temperature(
        value=fit_temperature(P, classes),
        audited=len(there),
        error=_error(P, classes),
        error_with=_error(calibrated, classes),
        loss=log_loss(with_temperature(P, 1.0), classes),
        loss_with=log_loss(calibrated, classes),
    )


def required_temperature(session: Session, audited: Sequence[Audited]) -> Temperature:
    """The same. Raises InputError with too few audited items."""
    found = temperature_of(session, audited)
    if found is None:
        raise InputError(
            f"A temperature needs at least {LEAST_AUDITED} audited items, got {len(audited)}. "
            "Label more items with an audit, or do not calibrate."
        )
    return found


def _error(P: Float64Array, classes: IntArray) -> float:
    right: BoolArray = P.argmax(axis=1) == classes
    return expected_calibration_error(reliability(P.max(axis=1), right))
