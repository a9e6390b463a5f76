"""The accuracy over labels, as estimated while labeling, as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from knnal.files import atomic_writer
from knnal.pages.plot import COLORS
from knnal.quality.audit import CurvePoint


def plot_progress(file: Path, curves: Mapping[str, Sequence[CurvePoint]], title: str) -> None:
    """Write a PNG of estimates with their 95 % intervals; curves without points are left out."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.add_subplot(xlabel="labels", ylabel="accuracy (95 % interval)", title=title)
    for (name, points), color in zip(curves.items(), COLORS, strict=False):
        if points:
            labels = [point.labels for point in points]
            axes.plot(
                labels, [p.accuracy for p in points], color=color, label=name, marker=".", ms=4
            )
            low, high = [p.low for p in points], [p.high for p in points]
            axes.fill_between(labels, low, high, color=color, alpha=0.15, linewidth=0)
    axes.set_ylim(0, 1)
    axes.set_xlim(left=0)
    axes.grid(alpha=0.3)
    if axes.lines:
        axes.legend(loc="lower right")
    with atomic_writer(file) as stream:
        FigureCanvasAgg(figure).print_png(stream)
