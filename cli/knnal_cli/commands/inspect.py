"""``knnal inspect``: the classes, clusters and extremes of a pool, and a map of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from knnal import defaults
from knnal_cli.options import (
    POOL_DEFAULT,
    ClassifierOption,
    JsonOption,
    KnownItemsOptions,
    LimitOption,
    PoolOption,
    SeedOption,
    StrategyOption,
    Votes,
    advanced,
    grouped,
    open_project,
)
from knnal_cli.printable import echo, printable_line
from knnal_cli.records import print_json
from knnal_cli.wording import counted

if TYPE_CHECKING:
    from knnal.quality.inspection.items import Cells
    from knnal.quality.inspection.report import Inspection


def print_inspection(found: Inspection, out: Path | None) -> None:
    """The findings, each below its heading, and where the files are, if there are any."""
    from knnal.quality.inspection.items import item_cells

    echo(f"Items       {found.items}, {found.labeled} labeled")
    _print_clustering(found)
    _print_table("Classes", _class_cells(found))
    _print_duplicates(found)
    _print_table("Outliers: the lowest density", item_cells(found.outliers))
    measure = found.options.measure
    _print_table(f"Most confusing: the highest {measure}", item_cells(found.most_confusing))
    _print_table(f"Least confusing: the lowest {measure}", item_cells(found.least_confusing))
    for sentence in found.missing:
        echo(f"\nNot known yet: {sentence}")
    if found.missing:
        echo(
            "Label items with 'knnal label', import labels with 'knnal import FILE', or name known "
            "ones with --truth FILE or --truth-from-folders, which are not stored."
        )
    if out is not None:
        echo(f"\nMap: {out / 'map.html'}; the other files are in the same folder.")


def _print_clustering(found: Inspection) -> None:
    if found.evenness is not None:
        echo(f"Evenness    {found.evenness:.2f} (labels over classes; 1 is balanced)")
    clusters = found.clustering
    if clusters is not None:
        echo(
            f"Clustering  accuracy {clusters.accuracy:.1%}, NMI {clusters.nmi:.3f}, ARI "
            f"{clusters.ari:.3f}: {clusters.clusters} k-means clusters against "
            f"{clusters.labels} known classes"
        )


def _print_duplicates(found: Inspection) -> None:
    from knnal.quality.inspection.items import shortened

    duplicates = found.duplicates
    pairs, groups = counted(duplicates.pairs, "pair"), counted(duplicates.groups, "group")
    _print_table(
        f"Near-duplicates, similarity at least {found.options.similarity:g}: {pairs}; the closest",
        [[f"{pair.similarity:.4f}", pair.first, pair.second] for pair in duplicates.closest],
    )
    _print_table(
        f"{duplicates.items} items in {groups} of near-duplicates; the largest",
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
    from knnal.quality.inspection.items import aligned

    if not cells:
        return
    echo(f"\n{heading}")
    for line in aligned([[printable_line(cell) for cell in row] for row in cells]):
        echo(f"  {line}")


def register(app: typer.Typer) -> None:
    app.command()(inspect)


@grouped
def inspect(
    *,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The folder for contact sheets, a map and JSON."),
    ] = None,
    limit: LimitOption = 20,
    color: Annotated[
        Literal["label", "prediction", "score"] | None,
        advanced(
            help="What colors the map.",
            show_default="prediction; score while nothing is labeled",
        ),
    ] = None,
    measure: Annotated[
        Literal["entropy", "smallest-margin", "largest-margin", "least-confidence"],
        advanced(help="The measure of uncertainty."),
    ] = "entropy",
    similarity: Annotated[
        float, advanced(help="The cosine similarity from which items are near-duplicates.")
    ] = defaults.NEAR_DUPLICATE,
    pool: PoolOption = POOL_DEFAULT,
    strategy: StrategyOption = None,
    classifier: ClassifierOption = None,
    seed: SeedOption = defaults.SEED,
    known: KnownItemsOptions,
    votes: Votes,
    as_json: JsonOption = False,
) -> None:
    """Show classes, clusters, duplicates, outliers, what confuses the classifier, and a map."""
    from knnal.quality.inspection.map import ColorBy
    from knnal.quality.inspection.report import InspectionOptions
    from knnal_cli.narration import Narration

    if color is not None and output is None:
        raise typer.BadParameter("--color is of the map: add --output FOLDER.")
    with Narration() as narration:
        found = open_project(pool, narration).inspect(
            output,
            InspectionOptions(limit or 20, measure, similarity, seed),
            color=None if color is None else ColorBy(color),
            strategy=strategy,
            truth=known.source() if known.named else None,
            classifier=classifier,
            vote=votes.options(),
        )
    if as_json:
        print_json(found.as_dict())
    else:
        print_inspection(found, output)
