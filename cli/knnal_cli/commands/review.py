"""``knnal review``: labels that may be wrong, looked at again."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from knnal_cli.exits import Exit
from knnal_cli.option_groups import grouped
from knnal_cli.options import (
    POOL_DEFAULT,
    AnnotatorOption,
    ClassifierOption,
    EncodingOption,
    JsonOption,
    PoolOption,
    Votes,
    open_project,
)
from knnal_cli.printable import echo, printable_line
from knnal_cli.records import print_json, suspect_record

if TYPE_CHECKING:
    from knnal.quality.review import Decided, Review


class ModeName(StrEnum):
    """As in ``knnal.quality.review``, which a help text need not load."""

    SUSPICION = "suspicion"
    VOTING = "voting"
    ACTIVE = "active"
    SLIM = "slim"


def register(app: typer.Typer) -> None:
    app.command()(review)


@grouped
def review(
    *,
    mode: Annotated[
        ModeName,
        typer.Option(
            help="Which labels: suspicion, those that look wrong by any sign, on which two people "
            "disagree, or whose item has changed since; slim, those that are not predicted; "
            "voting, those that neither of two models predicts; active, those of them on which "
            "the two do not agree either."
        ),
    ] = ModeName.SUSPICION,
    limit: Annotated[
        int | None, typer.Option(min=1, help="At most so many, the most suspicious first.")
    ] = None,
    oracle: Annotated[
        Path | None,
        typer.Option(help="A table of ids and true labels that answers instead of a person."),
    ] = None,
    id_column: Annotated[
        str | None, typer.Option(help="The column of ids in it.", show_default="id")
    ] = None,
    label_column: Annotated[str, typer.Option(help="The column of labels in it.")] = "label",
    encoding: EncodingOption = None,
    apply: Annotated[
        bool,
        typer.Option(
            "--apply",
            help="With voting, or active and an oracle: change the labels against which the two "
            "models agree, and set the rest aside.",
        ),
    ] = False,
    pool: PoolOption = POOL_DEFAULT,
    classifier: ClassifierOption = None,
    votes: Votes,
    annotator: AnnotatorOption = None,
    as_json: JsonOption = False,
) -> None:
    """Look again at labels that may be wrong: those of items that have changed since, those that
    two people disagree on, then the most suspicious.
    """
    from knnal.quality.review import Mode, Review
    from knnal_cli.narration import Narration

    if oracle is not None and mode is ModeName.VOTING:
        raise typer.BadParameter("Expected no --oracle with 'voting', which asks nobody; 'active'.")
    if apply and not (mode is ModeName.VOTING or (mode is ModeName.ACTIVE and oracle)):
        raise typer.BadParameter("Expected --apply with 'voting', or with 'active' and --oracle.")
    if apply and limit is not None and mode is ModeName.VOTING:
        raise typer.BadParameter("Expected no --limit with 'voting --apply', which takes all.")
    by_hand = not (as_json or oracle or apply or mode is ModeName.VOTING)
    if by_hand:
        _require_terminal()
    with Narration() as narration:
        session = open_project(pool, narration).session(
            classifier=classifier, annotator=annotator, vote=votes.options()
        )
        reviewed = Review(session, Mode(mode.value))
    if by_hand:
        from knnal_cli.tui.review import ReviewLoop

        ReviewLoop(reviewed, limit).run()
    elif oracle is not None:
        answers = _Answers(oracle, id_column, label_column, encoding)
        _consult(reviewed, answers, limit, apply=apply, as_json=as_json)
    elif apply:
        _report(reviewed.apply_votes(), Counter(), as_json=as_json)
    else:
        _list(reviewed, limit, as_json=as_json)


def _require_terminal() -> None:
    from knnal.errors import InputError

    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise InputError(
            "Expected a terminal to review in, but input or output is redirected. In scripts use "
            "'knnal review --json' for a list, or '--oracle FILE' for the answers."
        )


def _list(reviewed: Review, limit: int | None, *, as_json: bool) -> None:
    suspects = reviewed.suspects(limit)
    if as_json:
        print_json([suspect_record(suspect) for suspect in suspects])
    for suspect in () if as_json else suspects:
        to = "set aside" if suspect.voted is None else suspect.voted
        line = f"{suspect.suspicion:.3f}\t{suspect.item}\t{suspect.label} -> {to}"
        echo(printable_line(line))
    if not suspects:
        echo("No label is left to review.", err=True)
        raise typer.Exit(Exit.NOTHING_DONE)
    if not as_json:
        echo("Nothing is changed; --apply does it, and 'knnal undo' takes it back.", err=True)


@dataclass(frozen=True, slots=True)
class _Answers:
    """A table of true labels, and how it is read."""

    file: Path
    id_column: str | None
    label_column: str
    encoding: str | None


def _consult(
    reviewed: Review,
    oracle: _Answers,
    limit: int | None,
    *,
    apply: bool,
    as_json: bool,
) -> None:
    from knnal.exchange.answers import read_answers
    from knnal.exchange.matching import ItemMatcher, skip_lines

    skips: Counter[str] = Counter()
    items = ItemMatcher(reviewed.session.pool.catalog)
    answers = read_answers(
        oracle.file,
        items,
        id_column=oracle.id_column,
        label_column=oracle.label_column,
        encoding=oracle.encoding,
        skips=skips,
    )
    decided = reviewed.consult(answers, limit)
    if apply:
        decided += reviewed.apply_votes()
    if (said := items.inexact()) is not None:
        echo(said, err=True)
    for line in skip_lines(skips, items.examples, items.pool_ids()):
        echo(line, err=True)
    _report(decided, skips, as_json=as_json)


def _report(decided: Decided, skips: Counter[str], *, as_json: bool) -> None:
    kept, changed, aside = decided.kept, decided.changed, decided.set_aside
    if as_json:
        counts = {"kept": kept, "changed": changed, "set_aside": aside, "skipped": dict(skips)}
        print_json(counts)
    else:
        echo(f"{kept} labels kept, {changed} changed, {aside} set aside.")
    if not kept + changed + aside:
        echo("No label was reviewed.", err=True)
        raise typer.Exit(Exit.NOTHING_DONE)
    if skips:
        raise typer.Exit(Exit.DONE_WITH_SKIPS)
