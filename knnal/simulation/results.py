"""The files of a simulation: numbers as JSON, labels as Parquet, a picture, and a page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from knnal.files import atomic_writer
from knnal.pages.figures import Curve, plot_panels
from knnal.pages.html import fill_page, script_json
from knnal.simulation.estimates import Json
from knnal.simulation.measures import MEASURES
from knnal.simulation.settings import Contender
from knnal.simulation.simulation import Simulated
from knnal.simulation.summary import ContenderCurves, contender_curves
from knnal.simulation.tables import Cell, cells, head, title_of

RESULTS, LABELS, PICTURE, REPORT = "results.json", "labels.parquet", "curves.png", "report.html"


def write_results(simulated: Simulated, summary: Json, folder: Path) -> None:
    """Write all files into the folder. Each appears only when it is complete."""
    with atomic_writer(folder / RESULTS) as stream:
        stream.write(json.dumps(summary, ensure_ascii=False, allow_nan=False).encode())
    write_labels(simulated, folder / LABELS)
    plot_panels(folder / PICTURE, _panels(summary), title_of(summary))
    write_report(summary, folder / REPORT)


def _panels(summary: Json) -> dict[str, dict[str, Curve]]:
    labels = range(1, summary["settings"]["labels"] + 1)
    return {
        title: {
            f"{c['strategy']}, {c['classifier']}": Curve(
                labels, *(c["curves"][name][part] for part in ("mean", "low", "high"))
            )
            for c in summary["contenders"]
        }
        for name, title in MEASURES.items()
    }


def write_labels(simulated: Simulated, file: Path) -> None:
    """Write a row for every label: the run, the item, its class, and the accuracy with it."""
    import pyarrow as pa
    from pyarrow import parquet

    names = simulated.known.class_names
    fields = [
        *((name, pa.string()) for name in ("strategy", "classifier")),
        *((name, pa.int32()) for name in ("seed", "fold", "labels")),
        *((name, pa.string()) for name in ("item", "label")),
        *((name, pa.float64()) for name in MEASURES),
        *((f"accuracy:{name}", pa.float64()) for name in names),
        *((f"chosen:{name}", pa.float64()) for name in names),
    ]
    schema = pa.schema(fields)
    with atomic_writer(file) as stream, parquet.ParquetWriter(stream, schema) as writer:
        for contender in simulated.outcomes:
            curves = contender_curves(simulated, contender)
            for place in range(len(simulated.splits)):
                columns = _columns(simulated, contender, curves, place)
                arrays = [
                    pa.array(column, type=field.type, from_pandas=True)
                    for column, field in zip(columns, schema, strict=True)
                ]
                writer.write_table(pa.table(arrays, schema=schema))


def _columns(
    simulated: Simulated, contender: Contender, curves: ContenderCurves, place: int
) -> list[object]:
    """The columns of one run."""
    known, split = simulated.known, simulated.splits[place]
    asked = simulated.outcomes[contender][place].asked
    steps = len(asked)
    return [
        [contender.strategy] * steps,
        [contender.classifier] * steps,
        np.full(steps, split.seed),
        np.full(steps, split.fold),
        np.arange(1, steps + 1),
        [known.ids[row] for row in asked],
        [known.class_names[known.classes[row]] for row in asked],
        *(curves.series[name][place] for name in MEASURES),
        *curves.class_accuracy[place].T,
        *curves.chosen[place].T,
    ]


_NOTE = (
    "Means over the splits; in brackets the 95% interval of the mean (percentile bootstrap over "
    "the splits). Splits share items, so the intervals are somewhat too narrow. Saved: how many "
    "fewer labels than random labeling with the same classifier."
)


def write_report(summary: Mapping[str, Any], file: Path) -> None:
    """Write the page. All text that comes from the user's data is escaped."""
    with atomic_writer(file) as stream:
        stream.write(report_html(summary).encode())


def report_html(summary: Mapping[str, Any]) -> str:
    """The page. Only the markup of its template is markup in it."""
    parts = {
        "title": escape(title_of(summary)),
        "table": _table(summary),
        "note": escape(_NOTE),
        "data": _list(summary["data"]),
        "settings": _list(summary["settings"]),
        "versions": _list(summary["versions"]),
        "results": script_json(summary),
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
