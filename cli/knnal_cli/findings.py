"""What ``knnal inspect`` says of a pool, in lines."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from knnal_cli.printable import echo, printable_line

if TYPE_CHECKING:
    from knnal.quality.inspection.inspecting import Inspection
    from knnal.quality.inspection.looks import Cells


def print_inspection(found: Inspection, out: Path | None) -> None:
    """The findings, each below its heading; where the files lie, if there are any."""
    from knnal.quality.inspection.looks import look_cells

    echo(f"Items       {found.items}, {found.labeled} labeled")
    _print_clustering(found)
    _print_table("Classes", _class_cells(found))
    _print_duplicates(found)
    _print_table("Outliers: the lowest density", look_cells(found.outliers))
    measure = found.looking.measure
    _print_table(f"Most confusing: the highest {measure}", look_cells(found.most_confusing))
    _print_table(f"Least confusing: the lowest {measure}", look_cells(found.least_confusing))
    for sentence in found.missing:
        echo(f"\nNot known yet: {sentence}")
    if out is not None:
        echo(f"\nMap: {out / 'map.html'}; the rest lies beside it.")


def _print_clustering(found: Inspection) -> None:
    if found.evenness is not None:
        echo(f"Evenness    {found.evenness:.2f} of the labels over the classes, 1 at best")
    clusters = found.clustering
    if clusters is not None:
        echo(
            f"Clustering  accuracy {clusters.accuracy:.1%}, NMI {clusters.nmi:.3f}, ARI "
            f"{clusters.ari:.3f}: {clusters.clusters} clusters found by k-means without labels, "
            f"judged on {clusters.labels} items whose class is known"
        )


def _print_duplicates(found: Inspection) -> None:
    from knnal.quality.inspection.looks import shortened

    duplicates = found.duplicates
    similarity = f"similarity {found.looking.similarity:g} or more"
    _print_table(
        f"Near-duplicates: {duplicates.pairs} pairs of {similarity}; the closest",
        [[f"{pair.similarity:.4f}", pair.first, pair.second] for pair in duplicates.closest],
    )
    _print_table(
        f"They join {duplicates.items} items to {duplicates.groups} groups; the largest",
        [[f"{len(group)} items", shortened(", ".join(group))] for group in duplicates.largest],
    )


def _class_cells(found: Inspection) -> Cells:
    return [
        [
            f"{one.labeled} labeled",
            f"{one.labeled_share:.1%}",
            one.name,
            f"{one.predicted} predicted",
            f"{one.predicted_share:.1%}",
        ]
        for one in found.classes
    ]


def _print_table(heading: str, cells: Cells) -> None:
    from knnal.quality.inspection.looks import aligned

    if not cells:
        return
    echo(f"\n{heading}")
    for line in aligned([[printable_line(cell) for cell in row] for row in cells]):
        echo(f"  {line}")
