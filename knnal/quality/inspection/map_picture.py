"""The map of a pool as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from knnal.files import atomic_writer
from knnal.index.pool_index import UNLABELED
from knnal.quality.inspection.colors import NONE, class_colors
from knnal.quality.inspection.points import Color, MapPoints
from knnal.types import BoolArray, Float32Array

_INCHES = 9
_FLATTEST, _TALLEST = 0.5, 1.25
"""Height by width, of a picture whose points may lie in a narrower strip than that."""

_MOST_IN_LEGEND = 30
_WITHOUT = {Color.LABEL: "no label", Color.PREDICTION: "no prediction"}


def write_map_picture(points: MapPoints, color: Color, title: str, file: Path) -> None:
    """Write a PNG of all points, colored; labeled ones are ringed."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    width, height = np.ptp(points.positions, axis=0) if len(points) else (1.0, 1.0)
    proportion = float(np.clip(height / max(width, 1e-9), _FLATTEST, _TALLEST))
    figure = Figure(figsize=(_INCHES + 2, _INCHES * proportion), layout="constrained")
    axes = figure.add_subplot(xticks=[], yticks=[], aspect="equal")
    axes.set_title(title, parse_math=False)
    size = float(np.clip(20_000 / max(len(points), 1), 1.0, 24.0))
    if color is Color.SCORE:
        _draw_scores(figure, axes, points, size)
    else:
        _draw_classes(axes, points, color, size)
    ringed = points.positions[points.labels != UNLABELED]
    _scatter(axes, ringed, size + 6, facecolors="none", edgecolors="black", linewidths=0.6)
    with atomic_writer(file) as stream:
        FigureCanvasAgg(figure).print_png(stream)


def _draw_classes(axes: Any, points: MapPoints, color: Color, size: float) -> None:
    numbers = points.labels if color is Color.LABEL else points.predictions
    names = [*points.classes, _WITHOUT[color]]
    for number, shade in [(UNLABELED, NONE), *enumerate(class_colors(len(points.classes)))]:
        chosen: BoolArray = numbers == number
        if chosen.any():
            name = f"{names[number]} ({np.count_nonzero(chosen)})".replace("$", r"\$")
            _scatter(axes, points.positions[chosen], size, color=shade, linewidths=0, label=name)
    if len(points.classes) <= _MOST_IN_LEGEND:
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), markerscale=(60 / size) ** 0.5)


def _draw_scores(figure: Any, axes: Any, points: MapPoints, size: float) -> None:
    scored = np.isfinite(points.scores)
    _scatter(axes, points.positions[~scored], size, color=NONE, linewidths=0)
    values = points.scores[scored]
    shown = _scatter(axes, points.positions[scored], size, c=values, cmap="viridis", linewidths=0)
    figure.colorbar(shown, ax=axes, label=f"score by {points.strategy}", shrink=0.6)


def _scatter(axes: Any, positions: Float32Array, size: float, **style: Any) -> Any:
    return axes.scatter(positions[:, 0], positions[:, 1], s=size, **style)
