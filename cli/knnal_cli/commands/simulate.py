"""``knnal simulate``: what active labeling would save on data whose labels are known."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from knnal import defaults
from knnal.session.schedule import ScheduleKind
from knnal_cli.options import (
    POOL_DEFAULT,
    BatchSizeOption,
    Groups,
    JsonOption,
    KnownItemsOptions,
    PoolOption,
    ScheduleOption,
    SeedOption,
    Votes,
    advanced,
    complete_classifiers,
    complete_strategies,
    grouped,
    open_project,
    schedule_of,
)
from knnal_cli.printable import echo, printable
from knnal_cli.records import print_json

if TYPE_CHECKING:
    from rich.table import Table

    from knnal.simulation.tables import Cell

_WIDEST = 1000
_TARGETS = "0.8,0.9,0.95"


def register(app: typer.Typer) -> None:
    app.command()(simulate)


@grouped
def simulate(
    *,
    output: Annotated[
        Path,
        typer.Option("--output", "-o", help="The folder for results; an unfinished run goes on."),
    ] = Path("knnal-simulation"),
    pool: PoolOption = POOL_DEFAULT,
    strategies: Annotated[
        str | None,
        typer.Option(
            "--strategies",
            help="Strategies to compare, comma-separated; random always runs too.",
            show_default=f"the pool's, or {defaults.STRATEGY}",
            autocompletion=complete_strategies,
        ),
    ] = None,
    classifiers: Annotated[
        str | None,
        advanced(
            "--classifiers",
            help="Classifiers to compare, comma-separated.",
            show_default=f"the pool's, or {defaults.CLASSIFIER}",
            autocompletion=complete_classifiers,
        ),
    ] = None,
    labels: Annotated[
        int | None,
        typer.Option(min=1, help="The number of labels to give.", show_default="300"),
    ] = None,
    schedule: ScheduleOption = ScheduleKind.ONE_AT_A_TIME,
    batch_size: BatchSizeOption = None,
    groups_of: Groups,
    seek: Annotated[
        str | None,
        advanced(metavar="CLASS", help="Also simulate a search for a rare class."),
    ] = None,
    targets: Annotated[
        str | None,
        advanced(
            help="Accuracies to reach, comma-separated.",
            show_default=f"the pool's, or {_TARGETS}",
        ),
    ] = None,
    seeds: Annotated[int, advanced(min=1, help="The number of random splits.")] = 5,
    seed: SeedOption = defaults.SEED,
    folds: Annotated[
        int | None, advanced(min=2, help="Split into folds, and hold out each in turn.")
    ] = None,
    held_out: Annotated[float, advanced(help="The share to hold out, without folds.")] = 0.25,
    split: Annotated[
        Literal["stratified", "random"],
        advanced(help="How to split."),
    ] = "stratified",
    known: KnownItemsOptions,
    groups: Annotated[
        Path | None, advanced(help="A table of ids and groups; a group is held out whole.")
    ] = None,
    group_column: Annotated[
        str | None, advanced(help="The column of groups.", show_default="group")
    ] = None,
    votes: Votes,
    as_json: JsonOption = False,
) -> None:
    """Show on your own data, from known labels, how many labels active labeling saves."""
    from knnal.acquisition.strategies.spec import split_names
    from knnal.simulation.settings import Settings
    from knnal.simulation.splits import SplitKind, SplitPlan
    from knnal.simulation.summary import without_curves
    from knnal_cli.narration import Narration

    truth = known.source(groups, group_column)
    plan = SplitPlan(SplitKind(split), folds, held_out, seeds, seed)
    wanted = tuple(_shares(targets or ""))
    with Narration() as narration:
        project = open_project(pool, narration)
        kept = project.settings.get
        settings = Settings(
            strategies=split_names(kept("strategy", strategies, defaults.STRATEGY)),
            classifiers=_names(kept("classifier", classifiers, defaults.CLASSIFIER)),
            labels=labels,
            splits=plan,
            vote=votes.options(),
            targets=wanted or tuple(_shares(kept("target", default=_TARGETS))),
            schedule=schedule_of(schedule, batch_size),
            near=groups_of.threshold(),
            seek=seek,
        )
        summary = project.simulate(output, settings, truth)
    if as_json:
        print_json(without_curves(summary))
    else:
        _print(summary, output)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _shares(text: str | float) -> Iterator[float]:
    for part in _names(str(text)):
        try:
            yield float(part)
        except ValueError:
            raise typer.BadParameter(
                f"--targets must be comma-separated numbers, got '{part}'.", param_hint="--targets"
            ) from None


def _print(summary: dict[str, Any], out: Path) -> None:
    from rich.console import Console

    from knnal.simulation.results import LABELS, PICTURE, REPORT, RESULTS
    from knnal.simulation.tables import title_of

    console, table = Console(highlight=False), _table(summary)
    if not console.is_terminal:  # a file or a pipe has no width that would be worth cutting at
        console.width = max(console.width, Console(width=_WIDEST).measure(table).maximum)
    console.print(printable(title_of(summary)), markup=False)
    console.print(table)
    echo(f"Curves to compare: {out / REPORT}")
    echo(f"The same data: {PICTURE}, {RESULTS} and {LABELS} in that folder.")


def _table(summary: dict[str, Any]) -> Table:
    """A column for each contender, which fits more screens than a row would."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from knnal.simulation.tables import cells, head

    (_, *names), contenders = head(summary), cells(summary)
    table = Table("", box=box.SIMPLE_HEAD)
    for contender, *_ in contenders:
        table.add_column(Text(printable(contender.value).replace(", ", ",\n")), justify="right")
    for place, name in enumerate(names, start=1):
        table.add_row(Text(name), *(Text(_cell_text(row[place])) for row in contenders))
    return table


def _cell_text(cell: Cell) -> str:
    return f"{cell.value} ({cell.interval})" if cell.interval else cell.value
