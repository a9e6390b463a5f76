"""``knnal next``, ``knnal rank`` and ``knnal strategies``: what to label."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from knnal import defaults
from knnal.session.schedule import Schedule, ScheduleKind
from knnal_cli.exits import Exit
from knnal_cli.options import (
    POOL_DEFAULT,
    Asking,
    BatchSizeOption,
    Groups,
    JsonOption,
    LimitOption,
    PoolOption,
    Ranking,
    ScheduleOption,
    Votes,
    grouped,
    open_project,
    open_session,
    schedule_of,
)
from knnal_cli.printable import echo, printable, printable_line, warn
from knnal_cli.records import print_json, question_record
from knnal_cli.wording import nothing_left, search_advice, search_line, stands_for

if TYPE_CHECKING:
    from knnal.acquisition.strategies.description import Description
    from knnal.session.questions import Question
    from knnal.session.session import Session


def register(app: typer.Typer) -> None:
    app.command("next")(next_items)
    app.command()(rank)
    app.command()(strategies)


@grouped
def next_items(
    *,
    limit: LimitOption = None,
    schedule: ScheduleOption = ScheduleKind.ONE_AT_A_TIME,
    batch_size: BatchSizeOption = None,
    pool: PoolOption = POOL_DEFAULT,
    asking: Asking,
    groups: Groups,
    votes: Votes,
    as_json: JsonOption = False,
) -> None:
    """Print the item to label next, or with --limit a diverse batch.

    Without an answer in between, it is the same item again.
    """
    from knnal_cli.narration import Narration

    rounds = schedule_of(schedule, batch_size)
    if limit is not None and rounds != Schedule():
        raise typer.BadParameter("--limit and --schedule exclude each other.")
    wanted = limit if rounds == Schedule() else rounds
    with Narration() as narration:
        session = open_session(open_project(pool, narration), asking, votes, groups)
        question = session.ask() if wanted is None else None
        questions = session.ask_many(wanted) if wanted is not None else []
    if question is not None:
        questions = [question]
    _tell_of_search(session)
    if as_json:
        records = [question_record(q, session.search) for q in questions]
        print_json(records if wanted is not None else next(iter(records), None))
    else:
        for q in questions:
            _print(q)
    if not questions:
        _exit_with_nothing_left(groups.per_group)


@grouped
def rank(
    *,
    limit: LimitOption = 100,
    pool: PoolOption = POOL_DEFAULT,
    ranking: Ranking,
    groups: Groups,
    votes: Votes,
    as_json: JsonOption = False,
) -> None:
    """Rank the unlabeled items, each by itself, the most informative first."""
    from knnal_cli.narration import Narration

    with Narration() as narration:
        session = open_session(open_project(pool, narration), ranking, votes, groups)
        questions = session.rank(limit or 100)
    _tell_of_search(session)
    if as_json:
        print_json([question_record(q, session.search) for q in questions])
    else:
        for q in questions:
            value = q.score.value if q.score else 0.0
            label = q.prediction.label or ""
            echo(printable_line(f"{value:.6f}\t{q.item}\t{label}"))
    if not questions:
        _exit_with_nothing_left(groups.per_group)


def _tell_of_search(session: Session) -> None:
    """How the search for a class stands, and how to begin it where it cannot."""
    if session.search is not None:
        echo(printable_line(f"Seeking {search_line(session.search)}"), err=True)
        if advice := search_advice(session.search):
            echo(printable_line(advice), err=True)


def _exit_with_nothing_left(per_group: bool) -> None:
    echo(nothing_left(per_group), err=True)
    raise typer.Exit(Exit.NOTHING_DONE)


def strategies(
    name: Annotated[
        str | None,
        typer.Argument(help="One to explain: a name, or such as 'cdf(margin, local, uncovered)'."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List the query strategies, or explain one: what it maximizes, and what a label costs."""
    from knnal.acquisition.strategies.base import STRATEGIES, canonical_name, strategy_class
    from knnal.acquisition.strategies.description import compositions, describe, terms_in_words
    from knnal.acquisition.strategies.terms import TERMS

    if name is not None:
        description = describe(canonical_name(name), strategy_class(name))
        if as_json:
            print_json(asdict(description))
        else:
            _explain(description)
        return
    found = [describe(name, strategy) for name, strategy in STRATEGIES.loadable(warn).items()]
    if as_json:
        print_json([asdict(description) for description in found])
        return
    for one in found:
        echo(f"{_titled(one.name)}\n    {one.summary}\n    {one.source}")
        echo(f"    cost per label: {one.cost}")
    echo(f"\nComposed of terms: {compositions()}")
    for term in terms_in_words(TERMS.loadable(warn)):
        echo(f"    {term}")


def _explain(description: Description) -> None:
    updates = {True: "updates its scores", False: "recomputes its scores", None: "not said"}
    echo(f"{_titled(description.name)}: {description.summary}")
    echo(f"  maximizes       {description.formula}")
    for term, meaning in description.terms.items():
        echo(f"  {term:<14}  {meaning}")
    echo(f"  source          {description.source}")
    echo(f"  needs           {description.needs}")
    echo(f"  after a label   {updates[description.incremental]}")
    echo(f"  cost per label  {description.cost}")


def _titled(name: str) -> str:
    return f"{name} (default)" if name == defaults.STRATEGY else name


def _print(question: Question) -> None:
    prediction = question.prediction
    echo(printable_line(question.item))
    if question.path is not None:
        echo(printable_line(f"  {question.path}"))
    if question.text is not None:
        echo(printable(f"  {question.text}"))
    if prediction.label is not None:
        echo(f"  prediction: {prediction.label} ({prediction.probability:.0%})")
    if question.near_duplicates:
        echo(f"  {stands_for(question.near_duplicates).lower()}")
