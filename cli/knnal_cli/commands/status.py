"""``knnal status`` and ``knnal predict``: what a pool holds, and what it predicts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from knnal_cli.exits import Exit
from knnal_cli.options import (
    POOL_DEFAULT,
    CalibratedOption,
    ClassifierOption,
    Groups,
    JsonOption,
    PoolOption,
    TargetOption,
    Votes,
    grouped,
    open_project,
)
from knnal_cli.printable import echo, printable_line
from knnal_cli.records import prediction_record, print_json
from knnal_cli.wording import search_line

if TYPE_CHECKING:
    from knnal.quality.audit import CurvePoint
    from knnal.quality.status import NearDuplicates, Status

_CHART_WIDTH, _CHART_HEIGHT = 80, 20


def print_status(status: Status, *, compared: bool, calibrated: bool) -> None:
    """The pool, its labels, the accuracy and the advice; what random labels do if ``compared``,
    and how far probabilities can be believed if ``calibrated``.
    """
    for line in (*_pool_lines(status), *_label_lines(status), _accuracy_line(status)):
        echo(printable_line(line))
    if status.pseudo is not None:
        echo(
            f"Pseudo    {status.pseudo.items} items below an entropy of "
            f"{status.pseudo.threshold:.4f}: they vote on what {status.pseudo.strategy} asks next, "
            "and are no labels"
        )
    if compared:
        echo(f"Random    {_random_line(status)}")
    if calibrated:
        for line in _calibration_lines(status):
            echo(f"ECE       {line}")
    if status.advice.outlook is not None:
        echo(f"Outlook   {status.advice.outlook}")
    if status.advice.could_stop:
        echo(f"Advice    You could stop: {' and '.join(status.advice.reasons)}.")


def _pool_lines(status: Status) -> Iterator[str]:
    yield f"Pool      {status.folder}"
    yield f"Sources   {', '.join(status.sources) or 'none'}"
    yield f"Embedder  {status.embedder or 'none yet'}"
    yield f"Graph     {status.graph or 'none yet'}"
    if status.views is not None:
        yield f"Views     {status.views}"
    vanished = f", {status.vanished} vanished" if status.vanished else ""
    yield f"Items     {status.items}{vanished}"
    if status.near_duplicates is not None:
        yield f"Groups    {_groups_line(status.near_duplicates)}"


def _label_lines(status: Status) -> Iterator[str]:
    skipped = f", {status.skipped} skipped" if status.skipped else ""
    yield f"Labeled  {status.labeled}{skipped}"
    if status.outdated:
        yield f"Changed   {status.outdated} labeled items changed since: review them"
    for name, count in status.labels.items():
        yield f"  {count:>7}  {name}"
    for search in status.searches:
        yield f"Search    {printable_line(search_line(search))}"


def _accuracy_line(status: Status) -> str:
    accuracy = status.accuracy
    if accuracy is None:
        return "Accuracy  not known yet: no audited item is labeled"
    return (
        f"Accuracy  {accuracy.accuracy:.0%}, 95% interval {accuracy.low:.0%} to "
        f"{accuracy.high:.0%} ({accuracy.correct} of {accuracy.audited} audited)"
    )


def draw_chart(status: Status) -> None:
    """The curves on the terminal, or a line that says why there is none yet."""
    from rich.console import Console

    from knnal_cli.tui.chart import accuracy_chart

    if not status.curve:
        echo("There is nothing to draw yet: no audited item is labeled.", err=True)
        return
    console = Console(highlight=False)
    width = min(console.width, _CHART_WIDTH)
    ascii_only = console.options.ascii_only
    console.print(accuracy_chart(_curves(status), width, _CHART_HEIGHT, ascii_only=ascii_only))


def write_picture(status: Status, file: Path) -> None:
    """The curves as a PNG."""
    from knnal.quality.plots import plot_progress

    plot_progress(file, _curves(status), f"{status.labeled} labels of {status.items} items")
    echo(f"Wrote {file}.", err=True)


def write_reliability(status: Status, file: Path) -> None:
    """The reliability plot as a PNG, or a line that says why there is none yet."""
    from knnal.quality.plots import plot_reliability

    if status.calibration is None:
        echo("There is nothing to draw yet: no audited item is labeled.", err=True)
        return
    plot_reliability(file, status.calibration)
    echo(f"Wrote {file}.", err=True)


def _groups_line(found: NearDuplicates) -> str:
    return (
        f"{found.items} items in {found.groups} groups of near-duplicates (similarity "
        f"{found.similarity:g} or more); {found.to_ask} left to ask about with --per-group"
    )


def _curves(status: Status) -> dict[str, tuple[CurvePoint, ...]]:
    random = () if status.random is None else status.random.curve
    return {"your labels": status.curve, "random labels (estimated)": random}


def _random_line(status: Status) -> str:
    from knnal.quality.random_baseline import LEAST_AUDITED

    random = status.random
    if random is None:
        return f"not known yet: needs {LEAST_AUDITED} audited items"
    return (
        f"{random.accuracy:.0%}, 95% interval {random.low:.0%} to {random.high:.0%}: "
        f"estimated accuracy with {random.labels} random labels, from the audited items"
    )


def _calibration_lines(status: Status) -> list[str]:
    from knnal.quality.calibration import LEAST_AUDITED

    said, found = status.calibration, status.temperature
    if said is None:
        return ["not known yet: no audited item is labeled"]
    lines = [
        f"{said.error:.3f} (expected calibration error): {said.audited} audited "
        f"{'prediction' if said.audited == 1 else 'predictions'}, mean probability "
        f"{said.confidence:.0%}, {said.accuracy:.0%} correct"
    ]
    if found is None:
        lines.append(f"a temperature needs {LEAST_AUDITED} audited items")
    else:
        lines.append(
            f"now {found.error:.3f}, and {found.error_with:.3f} with temperature "
            f"{found.value:.2f}, cross-validated (log loss {found.loss:.3f} and "
            f"{found.loss_with:.3f}); use --calibrated with predict and export"
        )
    return lines


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
        raise typer.BadParameter("Give either items to predict, or --pool-all.")
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
