"""``knnal status`` and ``knnal predict``: where the pool stands, and what it says of items."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from knnal import defaults
from knnal_cli.exits import Exit
from knnal_cli.options import (
    POOL_DEFAULT,
    ClassifierOption,
    JsonOption,
    KOption,
    PoolOption,
    open_project,
)
from knnal_cli.printable import printable_line
from knnal_cli.records import prediction_record, print_json

if TYPE_CHECKING:
    from knnal.items.base import Skip
    from knnal.project import Status
    from knnal.types import Prediction


def register(app: typer.Typer) -> None:
    app.command()(status)
    app.command()(predict)


def status(pool: PoolOption = POOL_DEFAULT, as_json: JsonOption = False) -> None:
    """Show what the pool holds, the labels by class, and the estimated accuracy."""
    found = open_project(pool).status()
    if as_json:
        print_json(found.as_dict())
    else:
        _print(found)


def _print(status: Status) -> None:
    typer.echo(f"Pool      {status.folder}")
    typer.echo(f"Sources   {', '.join(status.sources) or 'none'}")
    typer.echo(f"Embedder  {status.embedder or 'none yet'}")
    typer.echo(f"Graph     {status.graph or 'none yet'}")
    vanished = f", {status.vanished} vanished" if status.vanished else ""
    typer.echo(f"Items     {status.items}{vanished}")
    skipped = f", {status.skipped} skipped" if status.skipped else ""
    typer.echo(f"Labelled  {status.labelled}{skipped}")
    for name, count in status.labels.items():
        typer.echo(f"  {count:>7}  {name}")
    accuracy = status.accuracy
    if accuracy is None:
        typer.echo("Accuracy  not known yet: no audited item has been labelled")
    else:
        typer.echo(
            f"Accuracy  {accuracy.accuracy:.0%}, 95 % interval {accuracy.low:.0%} to "
            f"{accuracy.high:.0%} ({accuracy.correct} of {accuracy.audited} audited)"
        )


def predict(
    contents: Annotated[
        list[str] | None,
        typer.Argument(metavar="[PATH|TEXT]...", help="Images, folders, vectors, or texts."),
    ] = None,
    pool_all: Annotated[
        bool, typer.Option("--pool-all", help="Predict every item of the pool.")
    ] = False,
    neighbours: Annotated[
        bool, typer.Option("--neighbours", help="Show the labelled items that voted.")
    ] = False,
    pool: PoolOption = POOL_DEFAULT,
    classifier: ClassifierOption = defaults.CLASSIFIER,
    k: KOption = defaults.K,
    as_json: JsonOption = False,
) -> None:
    """Predict the class of new items, or of the whole pool."""
    from knnal.items.base import Skip
    from knnal.neighbors.vote import VoteOptions
    from knnal_cli.narration import Narration

    if bool(contents) == pool_all:
        raise typer.BadParameter("Expected items to predict, or --pool-all, and not both.")
    with Narration() as narration:
        project = open_project(pool, narration)
        options = {"classifier": classifier, "vote": VoteOptions(k=k)}
        results: list[Prediction | Skip]
        if pool_all:
            ids = [record.id for record in project.pool.catalogue.records()]
            results = list(project.session(**options).predict(ids))
        else:
            results = project.predict(contents or [], **options)
    predictions = [result for result in results if not isinstance(result, Skip)]
    if as_json:
        print_json([prediction_record(p, neighbours=neighbours) for p in predictions])
    else:
        for prediction in predictions:
            _print_prediction(prediction, neighbours=neighbours)
    _exit_by(results, predictions)


def _exit_by(results: list[Prediction | Skip], predictions: list[Prediction]) -> None:
    from knnal.items.base import Skip

    for skip in (result for result in results if isinstance(result, Skip)):
        typer.echo(f"Skipped {skip.where}: {skip.reason}", err=True)
    if not predictions:
        raise typer.Exit(Exit.NOTHING_DONE)
    if len(predictions) < len(results):
        raise typer.Exit(Exit.DONE_WITH_SKIPS)


def _print_prediction(prediction: Prediction, *, neighbours: bool) -> None:
    label = prediction.label or "(no labels yet)"
    typer.echo(printable_line(f"{prediction.item}\t{label}\t{prediction.probability:.3f}"))
    for n in prediction.neighbours if neighbours else ():
        typer.echo(printable_line(f"  {n.share:.0%}\t{n.label}\t{n.similarity:.3f}\t{n.item}"))
