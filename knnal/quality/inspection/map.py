"""The map of a pool: its points, as a picture and as a page that needs no other file."""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from knnal.acquisition.strategies.base import PoolView, create_strategy
from knnal.files import atomic_writer
from knnal.index.pool_index import UNLABELED
from knnal.pages.figures import new_figure, write_figure
from knnal.pages.html import fill_page, script_json
from knnal.pages.palette import NONE, class_colors, score_colors
from knnal.quality.inspection.items import shortened
from knnal.quality.inspection.report import RowPredictions
from knnal.session.question_selection import question_rng
from knnal.session.session import Session
from knnal.types import BoolArray, Float32Array, FloatArray, Int32Array, UInt16Array

_LONGEST_TEXT = 200
_FINEST = 65535
_SCORE_STEPS = 64
_INCHES = 9
_FLATTEST, _TALLEST = 0.5, 1.25
"""The height of the picture over its width, if the points lie in a narrower strip than that."""
_MOST_IN_LEGEND = 30


class ColorBy(StrEnum):
    """What the color of a point means."""

    LABEL = "label"
    PREDICTION = "prediction"
    SCORE = "score"


@dataclass(frozen=True)
class MapPoints:
    """``m`` items. ``positions`` ``(m, 2)``; ``labels`` and ``predictions`` ``(m,)`` are indices
    into ``classes``, UNLABELED for none; ``probabilities`` ``(m,)`` of the predictions; ``scores``
    ``(m,)`` by the strategy, NaN where it gives none. ``texts`` and ``paths`` are None where the
    items have none.
    """

    positions: Float32Array
    classes: Sequence[str]
    labels: Int32Array
    predictions: Int32Array
    probabilities: Float32Array
    scores: FloatArray
    strategy: str
    ids: Sequence[str]
    texts: Sequence[str | None]
    paths: Sequence[Path | None]

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def default_color(self) -> ColorBy:
        """The predictions, if there are any; else the scores, which need no label."""
        predicted = (self.predictions != UNLABELED).any()
        return ColorBy.PREDICTION if predicted else ColorBy.SCORE


def map_points(
    session: Session, layout: Float32Array, predicted: RowPredictions, *, strategy: str, seed: int
) -> MapPoints:
    """The live items of a session, by row. ``layout`` ``(rows, 2)`` has their positions."""
    rows = np.flatnonzero(session.geometry.live)
    wanted = set(rows.tolist())
    records = [record for record in session.pool.catalog.records() if record.row in wanted]
    return MapPoints(
        positions=layout[rows],
        classes=session.classes,
        labels=session.state.labeling.classes[rows],
        predictions=predicted.classes[rows],
        probabilities=predicted.probabilities[rows],
        scores=_scores(session, strategy, seed)[rows],
        strategy=strategy,
        ids=[record.id for record in records],
        texts=[record.text for record in records],
        paths=[record.path for record in records],
    )


def _scores(session: Session, strategy: str, seed: int) -> FloatArray:
    """By the strategy, of the unlabeled rows; NaN for the others, ``(rows,)``."""
    allowed = np.zeros(len(session.geometry), dtype=np.bool_)
    allowed[session.candidates] = True
    view = PoolView(session.state, allowed, question_rng(seed, session.ledger.step))
    scores = np.full(len(session.geometry), np.nan)
    scores[view.rows] = create_strategy(strategy).score(view).values
    return scores


# The page


def write_map_page(points: MapPoints, color: ColorBy, title: str, file: Path) -> None:
    """Write the page. All text that comes from the user's data is escaped."""
    with atomic_writer(file) as stream:
        stream.write(map_html(points, color, title).encode())


def map_html(points: MapPoints, color: ColorBy, title: str) -> str:
    """The page. Only its template's own markup is markup in it."""
    root, files = _relative(points.paths)
    data = {
        "color": color,
        "classes": list(points.classes),
        "strategy": points.strategy,
        "score_colors": score_colors(_SCORE_STEPS),
        "ids": list(points.ids),
        "texts": [shortened(text, _LONGEST_TEXT) for text in points.texts],
        "root": root,
        "files": files,
        "positions": packed(grid_positions(points.positions), "<u2"),
        "labels": packed(points.labels, "<i4"),
        "predictions": packed(points.predictions, "<i4"),
        "percents": packed(np.rint(100 * points.probabilities), "<u1"),
        "scores": packed(points.scores, "<f4"),
    }
    return fill_page("map.html", {"title": escape(title), "data": script_json(data)})


def grid_positions(positions: Float32Array) -> UInt16Array:
    """Positions ``(m, 2)`` on a square grid of 65,536 steps, centered, proportions kept."""
    if not len(positions):
        return np.zeros((0, 2), dtype=np.uint16)
    low, high = positions.min(axis=0), positions.max(axis=0)
    span = max(float(np.max(high - low)), float(np.finfo(np.float32).tiny))
    centered = (positions - (low + high) / 2) / span + 0.5
    grid: UInt16Array = np.rint(centered.clip(0, 1) * _FINEST).astype(np.uint16)
    return grid


def packed(values: np.ndarray[Any, Any], kind: str) -> str:
    """An array as base64 of its bytes, for the ``unpack`` of the page's scripts."""
    return b64encode(values.astype(kind).tobytes()).decode()


def _relative(paths: Sequence[Path | None]) -> tuple[str, list[str]]:
    """The URL prefix that all files share, up to a slash, and the rest of each.

    No files where the items have none.
    """
    urls = [None if path is None else path.as_uri() for path in paths]
    present = [url for url in urls if url is not None]
    if not present:
        return "", []
    folder, slash, _ = os.path.commonprefix(present).rpartition("/")  # noqa: RUF071 - cut at a slash
    root = folder + slash
    return root, [url.removeprefix(root) if url else "" for url in urls]


# The picture


def write_map_picture(points: MapPoints, color: ColorBy, title: str, file: Path) -> None:
    """Write a PNG of all points, colored; labeled ones are ringed."""
    width, height = np.ptp(points.positions, axis=0) if len(points) else (1.0, 1.0)
    proportion = float(np.clip(height / max(width, 1e-9), _FLATTEST, _TALLEST))
    figure = new_figure(_INCHES + 2, _INCHES * proportion)
    axes = figure.add_subplot(xticks=[], yticks=[], aspect="equal")
    axes.set_title(title, parse_math=False)
    size = float(np.clip(20_000 / max(len(points), 1), 1.0, 24.0))
    if color is ColorBy.SCORE:
        _draw_scores(figure, axes, points, size)
    else:
        _draw_classes(axes, points, color, size)
    ringed = points.positions[points.labels != UNLABELED]
    _scatter(axes, ringed, size + 6, facecolors="none", edgecolors="black", linewidths=0.6)
    write_figure(figure, file)


def _draw_classes(axes: Any, points: MapPoints, color: ColorBy, size: float) -> None:
    numbers = points.labels if color is ColorBy.LABEL else points.predictions
    names = [*points.classes, f"no {color}"]
    for number, shade in [(UNLABELED, NONE), *enumerate(class_colors(len(points.classes)))]:
        selected: BoolArray = numbers == number
        if selected.any():
            name = f"{names[number]} ({np.count_nonzero(selected)})".replace("$", r"\$")
            _scatter(axes, points.positions[selected], size, color=shade, linewidths=0, label=name)
    if len(points.classes) <= _MOST_IN_LEGEND:
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), markerscale=(60 / size) ** 0.5)


def _draw_scores(figure: Any, axes: Any, points: MapPoints, size: float) -> None:
    scored = np.isfinite(points.scores)
    _scatter(axes, points.positions[~scored], size, color=NONE, linewidths=0)
    values = points.scores[scored]
    drawn = _scatter(axes, points.positions[scored], size, c=values, cmap="viridis", linewidths=0)
    figure.colorbar(drawn, ax=axes, label=f"score by {points.strategy}", shrink=0.6)


def _scatter(axes: Any, positions: Float32Array, size: float, **style: Any) -> Any:
    return axes.scatter(positions[:, 0], positions[:, 1], s=size, **style)
