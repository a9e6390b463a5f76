"""Learning curves as a picture."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from knnal.files import atomic_writer
from knnal.types import Float64Array

# Okabe and Ito's colours, which the colour-blind can tell apart.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")


def plot_curves(file: Path, curves: Mapping[str, Float64Array], title: str) -> None:
    """Write a PNG of accuracy by labels; a curve is ``(runs, labels)``, drawn as mean and range."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.add_subplot(xlabel="labels", ylabel="accuracy on held-out items", title=title)
    for (name, runs), colour in zip(curves.items(), _COLOURS, strict=False):
        labels = np.arange(1, runs.shape[1] + 1)
        axes.plot(labels, runs.mean(axis=0), color=colour, label=name)
        if len(runs) > 1:
            axes.fill_between(
                labels, runs.min(axis=0), runs.max(axis=0), color=colour, alpha=0.15, linewidth=0
            )
    axes.set_ylim(0, 1)
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")
    with atomic_writer(file) as stream:
        FigureCanvasAgg(figure).print_png(stream)
