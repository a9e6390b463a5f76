"""``knnal status`` and ``knnal predict``: where the pool stands, and what it says of items."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from knnal_cli.exits import Exit
from knnal_cli.option_groups import grouped
from knnal_cli.options import (
    POOL_DEFAULT,
    CalibratedOption,
    ClassifierOption,
    Groups,
    JsonOption,
    PoolOption,
    TargetOption,
    Votes,
    open_project,
)
from knnal_cli.printable import echo, printable_line
from knnal_cli.records import prediction_record, print_json
from knnal_cli.standing import draw_chart, print_status, write_picture, write_reliability

if TYPE_CHECKING:
    from knnal.sources.base import Skip
    from knnal.types import Prediction


def register(app: typer.Typer) -> None:
    app.command()(status)
    app.command()(predict)


@grouped
def status(
    *,
    plot: Annotated[
        bool, typer.Option("--plot", help="Draw accuracy over labels, and that of random labels.")
    ] = False,
    calibration: Annotated[
        bool, typer.Option("--calibration", help="Show how well probabilities are calibrated.")
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="With --plot or --calibration: a PNG to draw into."),
    ] = None,
    target: TargetOption = None,
    groups: Groups,
    pool: PoolOption = POOL_DEFAULT,
    classifier: ClassifierOption = None,
    votes: Votes,
    as_json: JsonOption = False,
) -> None:
    """Show what the pool holds, the estimated accuracy, and whether one could stop labeling."""
    from knnal_cli.narration import Narration

    if output is not None and not (plot != calibration and output.suffix.lower() == ".png"):
        raise typer.BadParameter(
            f"--output draws a PNG of --plot or of --calibration, got '{output}'."
        )
    if plot and as_json and output is None:
        raise typer.BadParameter("--plot with --json needs --output FILE.png.")
    with Narration() as narration:
        calibrate = {"classifier": classifier, "vote": votes.options()} if calibration else None
        found = open_project(pool, narration).status(
            target=target,
            compare=plot or as_json,
            calibrate=calibrate,
            per_group=groups.threshold(),
        )
    if as_json:
        print_json(found.as_dict())
    else:
        print_status(found, compared=plot, calibrated=calibration)
    if output is not None and calibration:
        write_reliability(found, output)
    elif output is not None:
        write_picture(found, output)
    elif plot:
        draw_chart(found)


@grouped
def predict(
    *,
    contents: Annotated[
        list[str] | None,
        typer.Argument(metavar="[PATH|TEXT]...", help="Images, folders, vectors, or texts."),
    ] = None,
    pool_all: Annotated[
        bool, typer.Option("--pool-all", help="Predict every item of the pool.")
    ] = False,
    neighbors: Annotated[
        bool, typer.Option("--neighbors", help="Show the labeled neighbors that voted.")
    ] = False,
    pool: PoolOption = POOL_DEFAULT,
    classifier: ClassifierOption = None,
    calibrated: CalibratedOption = False,
    votes: Votes,
    as_json: JsonOption = False,
) -> None:
    """Predict the class of new items, or of the whole pool."""
    from knnal.sources.base import Skip
    from knnal_cli.narration import Narration

    if bool(contents) == pool_all:
        raise typer.BadParameter("Expected items to predict, or --pool-all, and not both.")
    with Narration() as narration:
        project = open_project(pool, narration)
        options: dict[str, Any] = {
            "classifier": classifier,
            "vote": votes.options(),
            "calibrated": calibrated,
        }
        results: list[Prediction | Skip]
        if pool_all:
            ids = [record.id for record in project.pool.catalog.records()]
            results = list(project.session(**options).predict(ids))
        else:
            results = project.predict(contents or [], **options)
    predictions = [result for result in results if not isinstance(result, Skip)]
    if as_json:
        print_json([prediction_record(p, neighbors=neighbors) for p in predictions])
    else:
        for prediction in predictions:
            _print_prediction(prediction, neighbors=neighbors)
    _exit_by(results, predictions)


def _exit_by(results: list[Prediction | Skip], predictions: list[Prediction]) -> None:
    from knnal.sources.base import Skip

    for skip in (result for result in results if isinstance(result, Skip)):
        echo(f"Skipped {skip.where}: {skip.reason}", err=True)
    if not predictions:
        raise typer.Exit(Exit.NOTHING_DONE)
    if len(predictions) < len(results):
        raise typer.Exit(Exit.DONE_WITH_SKIPS)


def _print_prediction(prediction: Prediction, *, neighbors: bool) -> None:
    label = prediction.label or "(no labels yet)"
    echo(printable_line(f"{prediction.item}\t{label}\t{prediction.probability:.3f}"))
    for n in prediction.neighbors if neighbors else ():
        echo(printable_line(f"  {n.share:.0%}\t{n.label}\t{n.similarity:.3f}\t{n.item}"))
