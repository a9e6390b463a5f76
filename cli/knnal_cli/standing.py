"""What ``knnal status`` says of a pool: in lines, as a chart, as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from knnal.evaluation.audit import CurvePoint
    from knnal.project import Status

_CHART_WIDTH, _CHART_HEIGHT = 80, 20


def print_status(status: Status, *, compared: bool) -> None:
    """The pool, its labels, the accuracy and the advice; what random labels do if ``compared``."""
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
    if status.pseudo is not None:
        typer.echo(
            f"Pseudo    {status.pseudo.items} items below an entropy of "
            f"{status.pseudo.threshold:.4f}: they vote on what {status.pseudo.strategy} asks next, "
            "and are no labels"
        )
    if compared:
        typer.echo(f"Random    {_random_line(status)}")
    if status.advice.outlook is not None:
        typer.echo(f"Outlook   {status.advice.outlook}")
    if status.advice.could_stop:
        typer.echo(f"Advice    You could stop: {' and '.join(status.advice.reasons)}.")


def draw_chart(status: Status) -> None:
    """The curves on the terminal, or a line that says why there is none yet."""
    from rich.console import Console

    from knnal_cli.terminal.chart import accuracy_chart

    if not status.curve:
        typer.echo("There is nothing to draw yet: no audited item has been labelled.", err=True)
        return
    console = Console(highlight=False)
    width = min(console.width, _CHART_WIDTH)
    ascii_only = console.options.ascii_only
    console.print(accuracy_chart(_curves(status), width, _CHART_HEIGHT, ascii_only=ascii_only))


def write_picture(status: Status, file: Path) -> None:
    """The curves as a PNG."""
    from knnal.evaluation.progress_plot import plot_progress

    plot_progress(file, _curves(status), f"{status.labelled} labels of {status.items} items")
    typer.echo(f"Wrote {file}.", err=True)


def _curves(status: Status) -> dict[str, tuple[CurvePoint, ...]]:
    random = () if status.random is None else status.random.curve
    return {"as labelled": status.curve, "random labels, estimated": random}


def _random_line(status: Status) -> str:
    from knnal.evaluation.random_labels import LEAST_AUDITED

    random = status.random
    if random is None:
        return f"not known yet: it takes {LEAST_AUDITED} audited items"
    return (
        f"{random.accuracy:.0%}, 95 % interval {random.low:.0%} to {random.high:.0%}: what "
        f"{random.labels} labels drawn at random would have reached, judging by the audited items"
    )
