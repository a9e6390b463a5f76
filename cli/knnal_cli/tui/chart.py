"""Accuracy over labels, drawn with characters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.text import Text

from knnal.pages.palette import ORANGE, SKY_BLUE
from knnal.quality.audit import CurvePoint

_STYLES = (SKY_BLUE, ORANGE)
_MARKS = ("*", "o")
"""What stands for each curve where the terminal knows no braille."""

_MARGIN = 6
_BRAILLE = 0x2800
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""The dots of a braille character, four rows of two."""


@dataclass(slots=True)
class _Cell:
    dots: int = 0
    curve: int = 0


def accuracy_chart(
    curves: Mapping[str, Sequence[CurvePoint]], width: int, height: int, *, ascii_only: bool
) -> Text:
    """Curves over a common axis of labels, accuracy 0 to 100 %, in ``width x height`` cells.

    A line is an estimate, and the bars on it are its 95 % intervals.
    """
    across, down = max(width - _MARGIN, 10), max(height - 3, 4)
    most = max(point.labels for points in curves.values() for point in points)
    cells = [[_Cell() for _ in range(across)] for _ in range(down)]
    for number, points in enumerate(curves.values()):
        places = [_place(p.labels, most, 2 * across) for p in points]
        heights = [_place(p.accuracy, 1.0, 4 * down) for p in points]
        for x, y in _line(places, heights):
            _dot(cells, x, y, number)
        for x, point in _spaced(places, points, 2 * across):
            for y in range(
                _place(point.low, 1.0, 4 * down), _place(point.high, 1.0, 4 * down) + 1, 2
            ):
                _dot(cells, x, y, number)
    chart = Text(no_wrap=True)
    for row, line in enumerate(reversed(cells)):
        chart.append(_scale(row, down), style="dim")
        for cell in line:
            chart.append(_character(cell, ascii_only), style=_STYLES[cell.curve])
        chart.append("\n")
    chart.append(f"{'0':>{_MARGIN + 1}}{f'{most} labels':>{across - 1}}\n", style="dim")
    for number, (name, points) in enumerate(curves.items()):
        if points:
            chart.append(f"{_MARKS[number] if ascii_only else '━'} ", style=_STYLES[number])
            chart.append(f"{name}  ")
    return chart


def _place(value: float, most: float, steps: int) -> int:
    return min(int(value / most * steps), steps - 1)


def _line(xs: Sequence[int], ys: Sequence[int]) -> list[tuple[int, int]]:
    """The dots of the straight lines from each place to the next."""
    dots = list(zip(xs, ys, strict=True))[:1]
    for (x0, y0), (x1, y1) in zip(
        zip(xs, ys, strict=True), zip(xs[1:], ys[1:], strict=True), strict=False
    ):
        steps = max(abs(x1 - x0), abs(y1 - y0), 1)
        dots += [
            (round(x0 + (x1 - x0) * step / steps), round(y0 + (y1 - y0) * step / steps))
            for step in range(1, steps + 1)
        ]
    return dots


def _spaced(
    places: Sequence[int], points: Sequence[CurvePoint], steps: int
) -> list[tuple[int, CurvePoint]]:
    """The last point, and of those before it as many as a bar each leaves room for."""
    kept: list[tuple[int, CurvePoint]] = []
    for x, point in zip(reversed(places), reversed(points), strict=True):
        if not kept or kept[-1][0] - x >= max(steps // 12, 2):
            kept.append((x, point))
    return kept


def _dot(cells: list[list[_Cell]], x: int, y: int, curve: int) -> None:
    cell = cells[y // 4][x // 2]
    cell.dots |= _DOTS[3 - y % 4][x % 2]
    cell.curve = curve


def _character(cell: _Cell, ascii_only: bool) -> str:
    if not cell.dots:
        return " "
    return _MARKS[cell.curve] if ascii_only else chr(_BRAILLE + cell.dots)


def _scale(row: int, rows: int) -> str:
    """What stands left of a row: a percentage at the top, the middle and the bottom."""
    text = {0: "100%", rows // 2: "50%", rows - 1: "0%"}.get(row, "")
    return f"{text:>{_MARGIN - 1}} "
