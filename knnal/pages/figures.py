"""Curves as PNG pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from knnal.files import atomic_writer
from knnal.pages.palette import OKABE_ITO
from knnal.types import Float64Array

_STYLES = list(product(("-", "--", ":", "-."), OKABE_ITO))


class Curve(NamedTuple):
    """A line over ``labels`` and the edges of its band, ``(m,)`` each; no band if they are None."""

    labels: Sequence[float]
    line: Sequence[float]
    low: Sequence[float] | None = None
    high: Sequence[float] | None = None


def new_figure(width: float, height: float, **options: Any) -> Any:
    """A Matplotlib figure of that size in inches, without a display."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained", **options)


def write_figure(figure: Any, file: Path) -> None:
    """Write a figure as a PNG; the file appears only when it is complete."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    with atomic_writer(file) as stream:
        FigureCanvasAgg(figure).print_png(stream)


def plot_curves(file: Path, curves: Mapping[str, Float64Array], title: str) -> None:
    """Write a PNG of accuracy by labels; a curve is ``(runs, labels)``, drawn as mean and range."""
    bands = {
        name: Curve(
            range(1, runs.shape[1] + 1), *(f(runs, axis=0) for f in (np.mean, np.min, np.max))
        )
        for name, runs in curves.items()
    }
    plot_panels(file, {"accuracy on held-out items": bands}, title)


def plot_panels(file: Path, panels: Mapping[str, Mapping[str, Curve]], title: str) -> None:
    """Write a PNG of panels side by side, each a measure in [0, 1] by number of labels.

    Parameters
    ----------
    file
        The PNG to write.
    panels
        By measure, the curves by name. A curve without points is not drawn.
    title
        The heading, taken literally.
    """
    figure = new_figure(8 * len(panels), 5)
    figure.suptitle(title, parse_math=False)
    for place, (measure, curves) in enumerate(panels.items(), start=1):
        axes = figure.add_subplot(1, len(panels), place, xlabel="labels", ylabel=measure)
        for number, (name, curve) in enumerate(curves.items()):
            dash, color = _STYLES[number % len(_STYLES)]
            if not len(curve.labels):
                continue
            marker = "o" if len(curve.labels) == 1 else None
            axes.plot(curve.labels, curve.line, dash, color=color, label=name, marker=marker)
            if curve.low is not None:
                band = {"color": color, "alpha": 0.15, "linewidth": 0}
                axes.fill_between(curve.labels, curve.low, curve.high, **band)
        axes.set(xlim=(0, None), ylim=(0, 1))
        axes.grid(alpha=0.3)
        if axes.lines:
            axes.legend(loc="lower right")
    write_figure(figure, file)
