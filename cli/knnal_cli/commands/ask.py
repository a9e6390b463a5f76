"""``knnal next``, ``knnal rank`` and ``knnal strategies``: what to label."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from knnal import defaults
from knnal_cli.exits import Exit
from knnal_cli.options import (
    POOL_DEFAULT,
    AnnotatorOption,
    AuditOption,
    ClassifierOption,
    JsonOption,
    KOption,
    NearOption,
    PerGroupOption,
    PoolOption,
    SeedOption,
    SeekOption,
    StrategyOption,
    open_session,
)
from knnal_cli.printable import printable, printable_line
from knnal_cli.records import print_json, question_record
from knnal_cli.wording import nothing_left, search_advice, search_line, stands_for

if TYPE_CHECKING:
    from knnal.asking import Question
    from knnal.session import Session


def register(app: typer.Typer) -> None:
    app.command("next")(next_items)
    app.command()(rank)
    app.command()(strategies)


def next_items(
    count: Annotated[
        int | None, typer.Option("-n", min=1, help="How many; several are printed as a list.")
    ] = None,
    pool: PoolOption = POOL_DEFAULT,
    strategy: StrategyOption = defaults.STRATEGY,
    classifier: ClassifierOption = defaults.CLASSIFIER,
    k: KOption = defaults.K,
    audit: AuditOption = defaults.AUDIT,
    seek: SeekOption = None,
    per_group: PerGroupOption = False,
    near: NearOption = defaults.NEAR_DUPLICATE,
    seed: SeedOption = defaults.SEED,
    annotator: AnnotatorOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print the item to label next. Asking again without an answer prints the same one."""
    from knnal_cli.narration import Narration

    with Narration() as narration:
        session = open_session(
            pool,
            narration,
            k=k,
            per_group=per_group,
            near=near,
            seek=seek,
            strategy=strategy,
            classifier=classifier,
            audit=audit,
            seed=seed,
            annotator=annotator,
        )
        question = session.ask() if count is None else None
        questions = session.ask_many(count) if count is not None else []
    if question is not None:
        questions = [question]
    _tell_of_search(session)
    if as_json:
        records = [question_record(q, session.sought) for q in questions]
        print_json(records if count is not None else next(iter(records), None))
    else:
        for q in questions:
            _print(q)
    if not questions:
        _exit_with_nothing_left(per_group)


def rank(
    top: Annotated[int, typer.Option(min=1, help="How many to print.")] = 100,
    pool: PoolOption = POOL_DEFAULT,
    strategy: StrategyOption = defaults.STRATEGY,
    classifier: ClassifierOption = defaults.CLASSIFIER,
    k: KOption = defaults.K,
    seek: SeekOption = None,
    per_group: PerGroupOption = False,
    near: NearOption = defaults.NEAR_DUPLICATE,
    seed: SeedOption = defaults.SEED,
    as_json: JsonOption = False,
) -> None:
    """Print the unlabelled items most worth a label, best first."""
    from knnal_cli.narration import Narration

    with Narration() as narration:
        session = open_session(
            pool,
            narration,
            k=k,
            per_group=per_group,
            near=near,
            seek=seek,
            strategy=strategy,
            classifier=classifier,
            seed=seed,
        )
        questions = session.rank(top)
    _tell_of_search(session)
    if as_json:
        print_json([question_record(q, session.sought) for q in questions])
    else:
        for q in questions:
            value = q.score.value if q.score else 0.0
            label = q.prediction.label or ""
            typer.echo(printable_line(f"{value:.6f}\t{q.item}\t{label}"))
    if not questions:
        _exit_with_nothing_left(per_group)


def _tell_of_search(session: Session) -> None:
    """How the search for a class stands, and how to begin it where it cannot."""
    if session.sought is not None:
        typer.echo(printable_line(f"Seeking {search_line(session.sought)}"), err=True)
        if advice := search_advice(session.sought):
            typer.echo(printable_line(advice), err=True)


def _exit_with_nothing_left(per_group: bool) -> None:
    typer.echo(nothing_left(per_group), err=True)
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
    if question.near_duplicates:
        typer.echo(f"  {stands_for(question.near_duplicates).lower()}")
