"""``knnal inspect``: the classes, clusters and extremes of a pool, and a map of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from knnal import defaults
from knnal_cli.findings import print_inspection
from knnal_cli.option_groups import grouped
from knnal_cli.options import (
    POOL_DEFAULT,
    ClassifierOption,
    JsonOption,
    Known,
    PoolOption,
    SeedOption,
    StrategyOption,
    Votes,
    open_project,
)
from knnal_cli.records import print_json

if TYPE_CHECKING:
    from knnal.quality.inspection.points import Color


def register(app: typer.Typer) -> None:
    app.command()(inspect)


@grouped
def inspect(
    *,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Write contact sheets, a map and JSON into this folder."),
    ] = None,
    top: Annotated[int, typer.Option(min=1, help="How many items of each kind.")] = 20,
    color: Annotated[
        str | None,
        typer.Option(
            help="What colors the map: label, prediction, or score.",
            show_default="prediction; score while nothing is labeled",
        ),
    ] = None,
    measure: Annotated[
        str,
        typer.Option(
            help="What is confusing: entropy, smallest-margin, largest-margin, least-confidence."
        ),
    ] = "entropy",
    similarity: Annotated[
        float, typer.Option(help="The cosine similarity from which two items are duplicates.")
    ] = defaults.NEAR_DUPLICATE,
    pool: PoolOption = POOL_DEFAULT,
    strategy: StrategyOption = defaults.STRATEGY,
    classifier: ClassifierOption = defaults.CLASSIFIER,
    seed: SeedOption = defaults.SEED,
    known: Known,
    votes: Votes,
    as_json: JsonOption = False,
) -> None:
    """Show classes, clusters, duplicates, outliers, what confuses the classifier, and a map."""
    from knnal.quality.inspection.inspecting import InspectionOptions
    from knnal_cli.narration import Narration

    if color is not None and out is None:
        raise typer.BadParameter("Expected --out DIR beside --color, which is of the map there.")
    with Narration() as narration:
        found = open_project(pool, narration).inspect(
            out,
            InspectionOptions(top, measure, similarity, seed),
            color=_color(color),
            strategy=strategy,
            truth=known.source() if known.named else None,
            classifier=classifier,
            vote=votes.options(),
        )
    if as_json:
        print_json(found.as_dict())
    else:
        print_inspection(found, out)


def _color(name: str | None) -> Color | None:
    from knnal.quality.inspection.points import Color

    try:
        return None if name is None else Color(name)
    except ValueError:
        raise typer.BadParameter(
            f"Expected {', '.join(Color)}, came '{name}'.", param_hint="--color"
        ) from None
