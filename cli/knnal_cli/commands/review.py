"""``knnal review``: labels that may be wrong, looked at again."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from knnal_cli.exits import Exit
from knnal_cli.options import (
    POOL_DEFAULT,
    AnnotatorOption,
    ClassifierOption,
    EncodingOption,
    JsonOption,
    LimitOption,
    PoolOption,
    Votes,
    advanced,
    grouped,
    open_project,
)
from knnal_cli.printable import echo, printable_line
from knnal_cli.records import print_json, suspect_record
from knnal_cli.wording import counted

if TYPE_CHECKING:
    from knnal.quality.review import Decided, Review


def register(app: typer.Typer) -> None:
    app.command()(review)


@grouped
def review(
    *,
    mode: Annotated[
        Literal["suspicion", "slim", "voting", "active"],
        typer.Option(
            help="suspicion: any sign of an error; slim: not as predicted; voting: as neither of "
            "two models predicts; active: of those, where the models disagree."
        ),
    ] = "suspicion",
    limit: LimitOption = None,
    oracle: Annotated[
        Path | None, typer.Option(help="A table of ids and true labels that answers for you.")
    ] = None,
    apply: Annotated[
        bool,
        advanced(
            "--apply",
            help="With voting, or with active and an oracle: change labels to what both models "
            "predict, and set the others aside.",
        ),
    ] = False,
    id_column: Annotated[str | None, advanced(help="The column of ids.", show_default="id")] = None,
    label_column: Annotated[str, advanced(help="The column of labels.")] = "label",
    encoding: EncodingOption = None,
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

    if oracle is not None and mode == "voting":
        raise typer.BadParameter("'voting' asks nobody, so it takes no --oracle; 'active' does.")
    if apply and not (mode == "voting" or (mode == "active" and oracle)):
        raise typer.BadParameter("--apply needs 'voting', or 'active' with --oracle.")
    if apply and limit is not None and mode == "voting":
        raise typer.BadParameter("'voting --apply' takes all labels, so it takes no --limit.")
    by_hand = not (as_json or oracle or apply or mode == "voting")
    if by_hand:
        _require_terminal()
    with Narration() as narration:
        session = open_project(pool, narration).session(
            classifier=classifier, annotator=annotator, vote=votes.options()
        )
        reviewed = Review(session, Mode(mode))
    if by_hand:
        from knnal_cli.tui.start import review_in_terminal

        review_in_terminal(reviewed, limit)
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
            "Reviewing needs a terminal, but input or output is redirected. In scripts use "
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
        echo(f"{counted(kept, 'label')} kept, {changed} changed, {aside} set aside.")
    if not kept + changed + aside:
        echo("No label was reviewed.", err=True)
        raise typer.Exit(Exit.NOTHING_DONE)
    if skips:
        raise typer.Exit(Exit.DONE_WITH_SKIPS)
