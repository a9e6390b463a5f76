"""How far probabilities can be believed, by the audited items, and a temperature that helps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from knnal.errors import InputError
from knnal.files import atomic_writer
from knnal.pages.plot import COLORS
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
"""Below, a temperature would be fitted to chance."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """``audited`` predictions as they were made: their mean probability ``confidence``, the share
    of right ones, and the expected calibration error over the bins of the reliability plot.
    """

    audited: int
    confidence: float
    accuracy: float
    error: float
    bins: tuple[Bin, ...]


@dataclass(frozen=True, slots=True)
class Temperature:
    """A ``value`` fitted on what is predicted of ``audited`` items now, each without its label.

    Expected calibration error and log loss without it, and with it where it is fitted on nine
    tenths of the items and judged by the rest.
    """

    value: float
    audited: int
    error: float
    error_with: float
    loss: float
    loss_with: float


def calibration_of(audited: Sequence[Audited]) -> Calibration | None:
    """Of the predictions made before their answers were learned; None before the first one."""
    if not audited:
        return None
    confidence = np.array([one.probability for one in audited])
    right = np.array([one.right for one in audited])
    bins = reliability(confidence, right)
    error = expected_calibration_error(bins)
    return Calibration(len(audited), float(confidence.mean()), float(right.mean()), error, bins)


def temperature_of(session: Session, audited: Sequence[Audited]) -> Temperature | None:
    """The temperature for a session's classifier; None where too few items are audited.

    The audited items were drawn uniformly, and each is predicted without its own label, so they
    stand for what the pool does not know yet.
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
    """The same. Raises InputError where too few items are audited."""
    found = temperature_of(session, audited)
    if found is None:
        raise InputError(
            f"Expected at least {LEAST_AUDITED} audited items to fit a temperature on, came "
            f"{len(audited)}. Label on with --audit, or leave the probabilities as they are."
        )
    return found


def plot_reliability(file: Path, calibration: Calibration) -> None:
    """Write a PNG of the share of right predictions over their probability."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 5), layout="constrained")
    axes = figure.add_subplot(
        xlabel="probability of the prediction",
        ylabel="share of right predictions",
        title=f"{calibration.audited} audited items, error {calibration.error:.3f}",
    )
    axes.plot([0, 1], [0, 1], "--", color="gray", label="as it should be")
    confidence = [one.confidence for one in calibration.bins]
    sizes = [20 + 300 * one.count / calibration.audited for one in calibration.bins]
    accuracy = [one.accuracy for one in calibration.bins]
    axes.plot(confidence, accuracy, color=COLORS[0], label="as predicted")
    axes.scatter(confidence, accuracy, sizes, color=COLORS[0], alpha=0.6)
    axes.set_xlim(0, 1)
    axes.set_ylim(-0.02, 1.02)
    axes.grid(alpha=0.3)
    axes.legend(loc="upper left")
    with atomic_writer(file) as stream:
        FigureCanvasAgg(figure).print_png(stream)


def _error(P: Float64Array, classes: IntArray) -> float:
    right: BoolArray = P.argmax(axis=1) == classes
    return expected_calibration_error(reliability(P.max(axis=1), right))
