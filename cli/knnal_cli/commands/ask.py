"""``knnal next``, ``knnal rank`` and ``knnal strategies``: what to label."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from knnal import defaults
from knnal_cli.exits import Exit
from knnal_cli.option_groups import grouped
from knnal_cli.options import (
    POOL_DEFAULT,
    Asking,
    JsonOption,
    PoolOption,
    Ranking,
    Votes,
    open_session,
)
from knnal_cli.printable import printable, printable_line
from knnal_cli.records import print_json, question_record

if TYPE_CHECKING:
    from knnal.asking import Question


def register(app: typer.Typer) -> None:
    app.command("next")(next_items)
    app.command()(rank)
    app.command()(strategies)


@grouped
def next_items(
    *,
    count: Annotated[
        int | None, typer.Option("-n", min=1, help="How many; several are printed as a list.")
    ] = None,
    pool: PoolOption = POOL_DEFAULT,
    asking: Asking,
    votes: Votes,
    as_json: JsonOption = False,
) -> None:
    """Print the item to label next. Asking again without an answer prints the same one."""
    from knnal_cli.narration import Narration

    with Narration() as narration:
        session = open_session(pool, narration, asking, votes)
        question = session.ask() if count is None else None
        questions = session.ask_many(count) if count is not None else []
    if question is not None:
        questions = [question]
    if as_json:
        records = [question_record(q) for q in questions]
        print_json(records if count is not None else next(iter(records), None))
    else:
        for q in questions:
            _print(q)
    if not questions:
        _exit_with_nothing_left()


@grouped
def rank(
    *,
    top: Annotated[int, typer.Option(min=1, help="How many to print.")] = 100,
    pool: PoolOption = POOL_DEFAULT,
    ranking: Ranking,
    votes: Votes,
    as_json: JsonOption = False,
) -> None:
    """Print the unlabelled items most worth a label, best first."""
    from knnal_cli.narration import Narration

    with Narration() as narration:
        session = open_session(pool, narration, ranking, votes)
        questions = session.rank(top)
    if as_json:
        print_json([question_record(q) for q in questions])
    else:
        for q in questions:
            value = q.score.value if q.score else 0.0
            label = q.prediction.label or ""
            typer.echo(printable_line(f"{value:.6f}\t{q.item}\t{label}"))
    if not questions:
        _exit_with_nothing_left()


def _exit_with_nothing_left() -> None:
    typer.echo("Nothing is left to ask about: every item is labelled or skipped.", err=True)
    raise typer.Exit(Exit.NOTHING_DONE)


def strategies(as_json: JsonOption = False) -> None:
    """List the query strategies: what each maximises, and where it comes from."""
    from knnal.strategies.base import STRATEGIES
    from knnal_cli.plugins import loadable

    found = loadable(STRATEGIES)
    if as_json:
        print_json(
            [
                {"name": name, "summary": strategy.summary, "source": strategy.source}
                for name, strategy in found.items()
            ]
        )
        return
    for name, strategy in found.items():
        default = " (default)" if name == defaults.STRATEGY else ""
        typer.echo(f"{name}{default}\n    {strategy.summary}\n    {strategy.source}")


def _print(question: Question) -> None:
    prediction = question.prediction
    typer.echo(printable_line(question.item))
    if question.path is not None:
        typer.echo(printable_line(f"  {question.path}"))
    if question.text is not None:
        typer.echo(printable(f"  {question.text}"))
    if prediction.label is not None:
        typer.echo(f"  prediction: {prediction.label} ({prediction.probability:.0%})")
