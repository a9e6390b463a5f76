"""The map of a pool as one page that needs nothing else: pan, zoom, point at an item."""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from knnal.files import atomic_writer
from knnal.pages.page import fill_page, page_part, script_json
from knnal.quality.inspection.colors import NONE, class_colors, score_colors
from knnal.quality.inspection.looks import shortened
from knnal.quality.inspection.points import Color, MapPoints
from knnal.types import Float32Array, UInt16Array

CANVAS = "inspection/map_canvas.js"
"""The script that draws the map, a part of any page that shows one."""

_LONGEST = 200
_FINEST = 65535
_SCORE_STEPS = 64


def write_map_page(points: MapPoints, color: Color, title: str, file: Path) -> None:
    """Write the page. All text that comes from the user's data is escaped."""
    with atomic_writer(file) as stream:
        stream.write(map_html(points, color, title).encode())


def map_html(points: MapPoints, color: Color, title: str) -> str:
    """The page. Only its template's own markup is markup in it."""
    parts = {
        "title": escape(title),
        "data": script_json(_data(points, color)),
        "canvas": page_part(CANVAS),
    }
    return fill_page("inspection/map_page.html", parts)


def grid_positions(positions: Float32Array) -> UInt16Array:
    """Positions ``(m, 2)`` on a square grid of 65,536 steps, proportions kept, in its middle."""
    if not len(positions):
        return np.zeros((0, 2), dtype=np.uint16)
    low, high = positions.min(axis=0), positions.max(axis=0)
    span = max(float(np.max(high - low)), float(np.finfo(np.float32).tiny))
    centered = (positions - (low + high) / 2) / span + 0.5
    grid: UInt16Array = np.rint(centered.clip(0, 1) * _FINEST).astype(np.uint16)
    return grid


def _data(points: MapPoints, color: Color) -> dict[str, Any]:
    root, files = _relative(points.paths)
    return {
        "color": color,
        "classes": list(points.classes),
        "strategy": points.strategy,
        "colors": class_colors(len(points.classes)),
        "score_colors": score_colors(_SCORE_STEPS),
        "none": NONE,
        "ids": list(points.ids),
        "texts": [shortened(text, _LONGEST) for text in points.texts],
        "root": root,
        "files": files,
        "positions": _packed(grid_positions(points.positions), "<u2"),
        "labels": _packed(points.labels, "<i4"),
        "predictions": _packed(points.predictions, "<i4"),
        "percents": _packed(np.rint(100 * points.probabilities), "<u1"),
        "scores": _packed(points.scores, "<f4"),
    }


def _packed(values: np.ndarray[Any, Any], kind: str) -> str:
    return b64encode(values.astype(kind).tobytes()).decode()


def _relative(paths: Sequence[Path | None]) -> tuple[str, list[str]]:
    """The beginning that the addresses of all files share, up to a slash, and the rest of each.

    No files where the items have none.
    """
    addresses = [None if path is None else path.as_uri() for path in paths]
    there = [address for address in addresses if address is not None]
    if not there:
        return "", []
    folder, slash, _ = os.path.commonprefix(there).rpartition("/")  # noqa: RUF071 - cut at a slash
    begin = folder + slash
    return begin, [address.removeprefix(begin) if address else "" for address in addresses]
