"""Labels from scripts: tell, relabel, unlabel, skip, notes, classes, undo and redo."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from knnal_cli.exits import AT_EXIT, Exit
from knnal_cli.options import (
    POOL_DEFAULT,
    AnnotatorOption,
    JsonOption,
    KnownOnlyOption,
    PoolOption,
    YesOption,
)
from knnal_cli.printable import echo, printable_line
from knnal_cli.records import print_json
from knnal_cli.wording import brought_back, described, new_class, taken_back

if TYPE_CHECKING:
    from knnal.pool.labels.ledger import Ledger


class NewClasses:
    """Says on stderr of each class that a pool did not have that it is new; or, with
    ``known_only``, refuses it. ``found`` has them, each with the class that it may stand for.
    """

    def __init__(self, ledger: Ledger, *, known_only: bool) -> None:
        self.found: dict[str, str | None] = {}
        self._ledger = ledger
        self._known_only = known_only
        self._given: set[str] = set()

    def give(self, label: str, decide: Callable[[], object]) -> None:
        """Have a label given by ``decide``.

        Raises InputError for a class that is refused, and what ``decide`` raises.
        """
        from knnal.names import checked_name, close_name
        from knnal.session.decisions import known_class

        name = checked_name(label)
        before = [name] if name in self._given else self._ledger.classes()
        if self._known_only:
            known_class(name, before)
        decide()
        self._given.add(name)
        if name not in before:
            self.found[name] = close_name(name, before)
            echo(f"{new_class(name, before)}.", err=True)


if TYPE_CHECKING:
    from knnal.pool.labels.ledger import Event, Ledger
    from knnal.session.decisions import Decisions


def register(app: typer.Typer) -> None:
    app.command()(tell)
    app.command()(relabel)
    app.command()(unlabel)
    app.command()(skip)
    app.command()(note)
    app.command()(rename)
    app.command()(remove_class)
    app.command()(undo)
    app.command()(redo)


ItemArgument = Annotated[str, typer.Argument(metavar="ID", help="The item's id.")]


def tell(
    item: Annotated[
        str | None,
        typer.Argument(
            metavar="[ID",
            help="The item's id. Without it, JSON lines are read from stdin, each an object with "
            '"id" and "label".',
        ),
    ] = None,
    label: Annotated[str | None, typer.Argument(metavar="LABEL]", help="Its class.")] = None,
    pool: PoolOption = POOL_DEFAULT,
    known_only: KnownOnlyOption = False,
    annotator: AnnotatorOption = None,
    as_json: JsonOption = False,
) -> None:
    """Label an item, or many. Each label is on disk before the next one is read."""
    if (item is None) != (label is None):
        raise typer.BadParameter("Give both an ID and a LABEL, or neither and JSON lines on stdin.")
    decisions = _decisions(pool, annotator)
    pairs = [(item, label)] if item is not None and label is not None else _read_answers()
    classes = NewClasses(decisions.ledger, known_only=known_only)
    told = _tell_all(decisions, pairs, classes)
    if as_json:
        print_json({"labeled": told, "new_classes": classes.found})
    else:
        echo(f"Labeled {told}.")


def _decisions(pool: Path, annotator: str | None) -> Decisions:
    """Who decides on what is in the pool; nothing is loaded that predicts."""
    from knnal.pool.pool import Pool
    from knnal.session.decisions import Decisions
    from knnal.session.settings import PoolSettings

    opened = Pool.open(pool)
    AT_EXIT.callback(opened.close)
    return Decisions(opened, PoolSettings(opened).get("annotator", annotator))


def _tell_all(
    decisions: Decisions,
    pairs: Iterator[tuple[str, str]] | list[tuple[str, str]],
    classes: NewClasses,
) -> int:
    told = 0
    try:
        for item, label in pairs:
            classes.give(label, partial(decisions.tell, item, label))
            told += 1
    except BaseException:
        if told:
            echo(f"{told} labeled before this:", err=True)
        raise
    return told


def _read_answers() -> Iterator[tuple[str, str]]:
    from knnal.errors import InputError

    if sys.stdin.isatty():
        raise typer.BadParameter("Give an ID and a LABEL, or JSON lines on stdin.")
    for number, line in enumerate(sys.stdin, start=1):
        line = line.removeprefix("\ufeff") if number == 1 else line  # Windows' byte-order mark
        if not line.strip():
            continue
        try:
            answer = json.loads(line.encode())  # raises UnicodeError for what is not UTF-8
            yield _cell(answer["id"]), _cell(answer["label"])
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(
                f'Line {number} must be an object with "id" and "label", got '
                f"{line.strip()[:80]!r}. The lines before it are stored."
            ) from error


def _cell(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise TypeError(value)
    return str(value)


def relabel(
    item: ItemArgument,
    label: Annotated[str, typer.Argument(help="Its new class.")],
    pool: PoolOption = POOL_DEFAULT,
    known_only: KnownOnlyOption = False,
    annotator: AnnotatorOption = None,
) -> None:
    """Change the label of a labeled item."""
    decisions = _decisions(pool, annotator)
    classes = NewClasses(decisions.ledger, known_only=known_only)
    classes.give(label, partial(decisions.relabel, item, label))
    echo("Relabeled.")


def unlabel(
    items: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[ID]...",
            help="The items' ids. Without any, they are read from stdin, one a line.",
        ),
    ] = None,
    pool: PoolOption = POOL_DEFAULT,
    annotator: AnnotatorOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take labels away: the items have none and are not skipped, and may be asked about again."""
    if not items and sys.stdin.isatty():
        raise typer.BadParameter("Name at least one ID, or give ids on stdin, one a line.")
    ids = items or [line.rstrip("\r\n") for line in sys.stdin if line.strip()]
    events = _decisions(pool, annotator).unlabel(*ids)
    if as_json:
        print_json({"unlabeled": len(events)})
    else:
        echo(f"Unlabeled {len(events)}.")


def skip(
    item: ItemArgument, pool: PoolOption = POOL_DEFAULT, annotator: AnnotatorOption = None
) -> None:
    """Set an item aside: it is not asked about again."""
    _decisions(pool, annotator).skip(item)
    echo("Skipped.")


def note(
    item: ItemArgument,
    text: Annotated[str, typer.Argument(help='The note; "" removes the one there is.')],
    pool: PoolOption = POOL_DEFAULT,
    annotator: AnnotatorOption = None,
) -> None:
    """Put a note on an item, which 'knnal export' has in a column."""
    event = _decisions(pool, annotator).note(item, text)
    echo("Noted." if event.text else "Note removed.")


def rename(
    old: Annotated[str, typer.Argument(help="The class as it is named.")],
    new: Annotated[str, typer.Argument(help="Its new name; that of a class makes the two one.")],
    pool: PoolOption = POOL_DEFAULT,
    annotator: AnnotatorOption = None,
) -> None:
    """Give a class another name, or merge it into another class."""
    _decisions(pool, annotator).rename_class(old, new)
    echo("Renamed.")


def remove_class(
    name: Annotated[str, typer.Argument(help="A class that no item is labeled as.")],
    pool: PoolOption = POOL_DEFAULT,
    annotator: AnnotatorOption = None,
) -> None:
    """Remove a class without labels. 'knnal rename' merges one that has labels into another."""
    _decisions(pool, annotator).remove_class(name)
    echo("Removed.")


def undo(
    pool: PoolOption = POOL_DEFAULT,
    annotator: AnnotatorOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be taken back.")
    ] = False,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Take back the latest that you labeled, skipped, renamed, removed or noted.

    Repeat it to go further back. Labels that were given at once are taken back at once: those of an
    import, or those that came with 'knnal embed'. Labels that were changed since stay.
    """
    from knnal.errors import NothingToUndoError

    decisions = _decisions(pool, annotator)
    try:
        first = decisions.undoable()
        events = decisions.ledger.batch_of(first)
        if dry_run:
            _report(
                "would_undo",
                f"Would take back {described(events)}",
                decisions.ledger,
                first,
                as_json,
            )
            return
        if len(events) > 1 and not yes and sys.stdin.isatty():
            question = printable_line(f"Take back {described(events)}?")
            if not typer.confirm(question, err=True):
                echo("Nothing was taken back.", err=True)
                raise typer.Exit(Exit.NOTHING_DONE)
        decisions.undo(first.seq)
    except NothingToUndoError as error:
        echo(str(error), err=True)
        raise typer.Exit(Exit.NOTHING_DONE) from None
    _report("undone", taken_back(events), decisions.ledger, first, as_json)


def redo(
    pool: PoolOption = POOL_DEFAULT,
    annotator: AnnotatorOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bring back what your latest undo took back. Repeat it to go on."""
    from knnal.errors import NothingToRedoError

    try:
        decisions = _decisions(pool, annotator)
        first = decisions.redo()
    except NothingToRedoError as error:
        echo(str(error), err=True)
        raise typer.Exit(Exit.NOTHING_DONE) from None
    events = decisions.ledger.batch_of(first)
    _report("redone", brought_back(events), decisions.ledger, first, as_json)


def _report(done: str, sentence: str, ledger: Ledger, first: Event, as_json: bool) -> None:
    """What is done to ``first`` and the events of its batch, of which the later ones stay."""
    events = ledger.batch_of(first)
    replaced = sum(ledger.replaced_by(event) is not None for event in events)
    one = len(events) == 1
    if as_json:
        record = {"id": first.item if one else None, "label": first.label if one else None}
        more = {"event": first.seq, "count": len(events), "changed_since": replaced}
        print_json({done: first.kind, **record, **more, "text": first.text})
        return
    of_item = f" of {first.item}" if one and first.item and first.origin != "imported" else ""
    echo(printable_line(f"{sentence}{of_item}."))
    if replaced:
        echo(f"{replaced} of the items have been decided on since, which stays.")
