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
    from knnal.quality.inspection.map import ColorBy


def register(app: typer.Typer) -> None:
    app.command()(inspect)


@grouped
def inspect(
    *,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Write contact sheets, a map and JSON into this folder."),
    ] = None,
    top: Annotated[int, typer.Option(min=1, help="Number of items of each kind.")] = 20,
    color: Annotated[
        str | None,
        typer.Option(
            help="Color the map by label, prediction or score.",
            show_default="prediction; score while no item is labeled",
        ),
    ] = None,
    measure: Annotated[
        str,
        typer.Option(
            help="Rank confusing items by entropy, smallest-margin, largest-margin or "
            "least-confidence."
        ),
    ] = "entropy",
    similarity: Annotated[
        float, typer.Option(help="Cosine similarity from which two items are duplicates.")
    ] = defaults.NEAR_DUPLICATE,
    pool: PoolOption = POOL_DEFAULT,
    strategy: StrategyOption = None,
    classifier: ClassifierOption = None,
    seed: SeedOption = defaults.SEED,
    known: Known,
    votes: Votes,
    as_json: JsonOption = False,
) -> None:
    """Show classes, clusters, duplicates, outliers and confusing items, and draw a map."""
    from knnal.quality.inspection.report import InspectionOptions
    from knnal_cli.narration import Narration

    if color is not None and out is None:
        raise typer.BadParameter("--color needs --out DIR, the folder that the map is written to.")
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


def _color(name: str | None) -> ColorBy | None:
    from knnal.quality.inspection.map import ColorBy

    try:
        return None if name is None else ColorBy(name)
    except ValueError:
        raise typer.BadParameter(
            f"must be one of {', '.join(ColorBy)}, got '{name}'.", param_hint="--color"
        ) from None
