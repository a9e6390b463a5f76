"""The report of ``knnal status``: in lines, as a chart, as a picture."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from knnal_cli.printable import echo, printable_line
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
    for sought in status.sought:
        yield f"Sought    {printable_line(search_line(sought))}"


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
