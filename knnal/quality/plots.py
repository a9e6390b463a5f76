"""The audit as pictures: the estimated accuracy over labels, and a reliability diagram."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from knnal.pages.figures import Curve, new_figure, plot_panels, write_figure
from knnal.pages.palette import COLORS
from knnal.quality.audit import CurvePoint
from knnal.quality.calibration import Calibration


def plot_progress(file: Path, curves: Mapping[str, Sequence[CurvePoint]], title: str) -> None:
    """Write a PNG of estimates with their 95% intervals; curves without points are not drawn."""
    panel = {
        name: Curve(
            [point.labels for point in points],
            *([getattr(point, field) for point in points] for field in ("accuracy", "low", "high")),
        )
        for name, points in curves.items()
    }
    plot_panels(file, {"accuracy (95% interval)": panel}, title)


def plot_reliability(file: Path, calibration: Calibration) -> None:
    """Write a PNG of the share of right predictions over their probability."""
    figure = new_figure(5, 5)
    axes = figure.add_subplot(
        xlabel="probability of the prediction",
        ylabel="share of right predictions",
        title=f"{calibration.audited} audited items, calibration error {calibration.error:.3f}",
        xlim=(0, 1),
        ylim=(-0.02, 1.02),
    )
    axes.plot([0, 1], [0, 1], "--", color="gray", label="perfectly calibrated")
    confidence = [one.confidence for one in calibration.bins]
    accuracy = [one.accuracy for one in calibration.bins]
    sizes = [20 + 300 * one.count / calibration.audited for one in calibration.bins]
    axes.plot(confidence, accuracy, color=COLORS[0], label="predictions")
    axes.scatter(confidence, accuracy, sizes, color=COLORS[0], alpha=0.6)
    axes.grid(alpha=0.3)
    axes.legend(loc="upper left")
    write_figure(figure, file)
