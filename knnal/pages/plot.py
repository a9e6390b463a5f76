"""Learning curves as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle, product
from pathlib import Path
from typing import Any

import numpy as np

from knnal.files import atomic_writer
from knnal.types import Float64Array

# Okabe and Ito's colors, which the color-blind can tell apart.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_DASHES = ("-", "--", ":", "-.")


def plot_curves(file: Path, curves: Mapping[str, Float64Array], title: str) -> None:
    """Write a PNG of accuracy by labels; a curve is ``(runs, labels)``, drawn as mean and range."""
    bands = {
        name: (runs.mean(axis=0), runs.min(axis=0), runs.max(axis=0))
        for name, runs in curves.items()
    }
    plot_panels(file, {"accuracy on held-out items": bands}, title)


def plot_panels(file: Path, panels: Mapping[str, Mapping[str, Sequence[Any]]], title: str) -> None:
    """Write a PNG of panels side by side, by the name of what they show.

    Each has curves by name: a line and the lower and upper edge of its band, ``(labels,)`` each;
    edges that are None are not drawn.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8 * len(panels), 5), layout="constrained")
    figure.suptitle(title, parse_math=False)
    for place, (measure, curves) in enumerate(panels.items(), start=1):
        axes = figure.add_subplot(1, len(panels), place, xlabel="labels", ylabel=measure)
        styles = cycle((color, dash) for dash, color in product(_DASHES, COLORS))
        for (name, (line, low, high)), (color, dash) in zip(curves.items(), styles, strict=False):
            labels = np.arange(1, len(line) + 1)
            axes.plot(labels, line, dash, color=color, label=name)
            if low is not None:
                axes.fill_between(labels, low, high, color=color, alpha=0.15, linewidth=0)
        axes.set_ylim(0, 1)
        axes.grid(alpha=0.3)
        axes.legend(loc="lower right")
    with atomic_writer(file) as stream:
        FigureCanvasAgg(figure).print_png(stream)
