"""A simulation's files: numbers as JSON, every label as Parquet, a picture, and a page."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from knnal.files import atomic_writer
from knnal.pages.plot import plot_panels
from knnal.simulation.estimates import Json
from knnal.simulation.measures import MEASURES
from knnal.simulation.report import write_report
from knnal.simulation.settings import Contender
from knnal.simulation.simulation import Simulated
from knnal.simulation.summary import ContenderCurves, contender_curves
from knnal.simulation.tables import title_of

RESULTS, LABELS, PICTURE, REPORT = "results.json", "labels.parquet", "curves.png", "report.html"


def write_results(simulated: Simulated, summary: Json, folder: Path) -> None:
    """Write all files into the folder; each takes its place when it is complete."""
    with atomic_writer(folder / RESULTS) as stream:
        stream.write(json.dumps(summary, ensure_ascii=False, allow_nan=False).encode())
    write_labels(simulated, folder / LABELS)
    plot_panels(folder / PICTURE, _panels(summary), title_of(summary))
    write_report(summary, folder / REPORT)


def _panels(summary: Json) -> dict[str, dict[str, tuple[list[float], ...]]]:
    return {
        title: {
            f"{c['strategy']}, {c['classifier']}": tuple(
                c["curves"][name][part] for part in ("mean", "low", "high")
            )
            for c in summary["contenders"]
        }
        for name, title in MEASURES.items()
    }


def write_labels(simulated: Simulated, file: Path) -> None:
    """Write a row for every label given: the run, the item and its class, and how good the
    predictions are from then on.
    """
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
        *(curves.measures[name][place] for name in MEASURES),
        *curves.class_accuracy[place].T,
        *curves.chosen[place].T,
    ]
