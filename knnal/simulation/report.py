"""A simulation as one page that needs nothing else: curves to compare, the table, the settings."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

from knnal.files import atomic_writer
from knnal.pages.page import fill_page, script_json
from knnal.pages.plot import COLORS
from knnal.simulation.tables import Cell, cells, head, title_of

_NOTE = (
    "Means over the splits; in brackets the 95 % interval of the mean, by the percentile bootstrap "
    "over the splits. Splits share items, so that the intervals are rather too narrow. Saved: "
    "how many labels fewer than random labels need with the same classifier."
)


def write_report(summary: Mapping[str, Any], file: Path) -> None:
    """Write the page. All text that comes from the user's data is escaped."""
    with atomic_writer(file) as stream:
        stream.write(report_html(summary).encode())


def report_html(summary: Mapping[str, Any]) -> str:
    """The page. Only this file's own markup is markup in it."""
    parts = {
        "title": escape(title_of(summary)),
        "table": _table(summary),
        "note": escape(_NOTE),
        "data": _list(summary["data"]),
        "settings": _list(summary["settings"]),
        "versions": _list(summary["versions"]),
        "results": script_json(summary),
        "colors": script_json(COLORS),
    }
    return fill_page("report.html", parts)


def _table(summary: Mapping[str, Any]) -> str:
    heads = "".join(f"<th>{escape(name)}</th>" for name in head(summary))
    rows = "".join(
        "<tr>" + "".join(f"<td>{_cell(cell)}</td>" for cell in row) + "</tr>"
        for row in cells(summary)
    )
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"


def _cell(cell: Cell) -> str:
    detail = f" <small>({escape(cell.interval)})</small>" if cell.interval else ""
    return escape(cell.value) + detail


def _list(values: Mapping[str, Any]) -> str:
    rows = "".join(
        f"<dt>{escape(name.replace('_', ' '))}</dt><dd>{escape(_text(value))}</dd>"
        for name, value in values.items()
    )
    return f"<dl>{rows}</dl>"


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} ({count})" for name, count in value.items())
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "none" if value is None else str(value)
