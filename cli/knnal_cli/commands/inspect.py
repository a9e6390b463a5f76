"""``knnal inspect``: the classes, clusters and extremes of a pool, and a map of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from knnal import defaults
from knnal_cli.findings import print_inspection
from knnal_cli.option_groups import grouped
from knnal_cli.options import (
    POOL_DEFAULT,
    ClassifierOption,
    JsonOption,
    Known,
    LimitOption,
    PoolOption,
    SeedOption,
    StrategyOption,
    Votes,
    advanced,
    open_project,
)
from knnal_cli.records import print_json


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
    known: Known,
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
