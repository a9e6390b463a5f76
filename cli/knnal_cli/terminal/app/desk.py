"""What the application does to a session, all of it on one thread, and what there is to show then.

Every method returns a ``Shown``: a snapshot that the screen draws without asking the session.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.text import Text

from knnal.asking import Question
from knnal.errors import (
    InputError,
    LabelConflictError,
    NothingToRedoError,
    NothingToUndoError,
)
from knnal.session import Session
from knnal_cli.class_keys import ClassKeys
from knnal_cli.terminal.outlook import Outlook
from knnal_cli.terminal.screen import particulars, progress_line
from knnal_cli.wording import brought_back, nothing_left, taken_back

_PAST = 500


@dataclass(frozen=True, slots=True)
class Seen:
    """A neighbour's content beside what the prediction says of it."""

    path: Path | None
    text: str | None


@dataclass(frozen=True, slots=True)
class Past:
    """An item that was decided on; ``label`` is None where it was set aside."""

    item: str
    label: str | None


@dataclass(frozen=True, slots=True)
class Shown:
    """All that the screen has: ``question`` is None when nothing is left; ``label`` is the label in
    force of an item that was gone back to; ``remark`` says what the latest key did.
    """

    question: Question | None
    remark: str
    label: str | None
    note: str | None
    counts: Mapping[str, int]
    keys: Mapping[str, str]
    lines: tuple[Text, ...]
    neighbours: tuple[Seen, ...]


class Desk:
    """One session, its outlook and its keys."""

    def __init__(self, session: Session, target: float | None = None) -> None:
        self.session = session
        self._outlook = Outlook(session, target)
        self._keys = ClassKeys(session.pool.folder)

    def show(self, question: Question | None, remark: str = "") -> Shown:
        """A question, and all that stands around it."""
        session = self.session
        ledger = session.ledger
        if question is None:
            remark = " ".join([remark, nothing_left(session.per_group)]).strip()
            progress = [Text(f"{ledger.label_count} labelled", style="bold")]
        else:
            progress = [progress_line(session, question)]
            progress += [*self._outlook.lines(), *particulars(session, question)]
        return Shown(
            question=question,
            remark=remark,
            label=None if question is None else ledger.label(question.item),
            note=None if question is None else ledger.note(question.item),
            counts=ledger.class_counts(),
            keys=self._keys.of(session.classes),
            lines=tuple(progress),
            neighbours=() if question is None else self._neighbours(question),
        )

    def _neighbours(self, question: Question) -> tuple[Seen, ...]:
        catalogue = self.session.pool.catalogue
        records = [catalogue.get(n.item) for n in question.prediction.neighbours]
        return tuple(Seen(record.path, record.text) for record in records)

    def answer(self, question: Question, label: str) -> Shown:
        """Label the item; one that has a label gets another."""
        item = question.item
        before = self.session.ledger.label(item)
        if before is None:
            return self._do(question, lambda: self.session.tell(item, label), f"{item}: {label}")
        remark = f"{item}: {label} (was {before})"
        return self._do(question, lambda: self.session.relabel(item, label), remark)

    def skip(self, question: Question) -> Shown:
        """Set the item aside."""
        item = question.item
        return self._do(question, lambda: self.session.skip(item), f"Set {item} aside.")

    def undo(self, question: Question | None) -> Shown:
        """Take back the latest; an item that has no label by it is shown again."""
        try:
            event = self.session.undo()
        except NothingToUndoError as error:
            return self.show(question, str(error))
        if event.item is None or self.session.ledger.decision(event.item) is not None:
            return self.show(self.session.ask(), f"{taken_back(event)}.")
        again = self.session.explain(event.item)
        return self.show(again, f"{taken_back(event)}. Here is the item again.")

    def redo(self, question: Question | None) -> Shown:
        """Bring back what was taken back last."""
        try:
            event = self.session.redo()
        except (NothingToRedoError, LabelConflictError) as error:
            return self.show(question, str(error))
        return self.show(self.session.ask(), f"{brought_back(event)}.")

    def note(self, question: Question, text: str) -> Shown:
        """Put a note on the item, which stays."""
        self.session.note(question.item, text)
        return self.show(question, "Noted." if text.strip() else "No note on it.")

    def rename(self, question: Question | None, old: str, new: str) -> Shown:
        """Give a class another name; where that is a class too, the two become one."""
        merged = new.strip() in self.session.classes
        try:
            self.session.rename_class(old, new)
        except InputError as error:
            return self.show(question, str(error))
        self._keys.rename(old, new.strip())
        remark = f"'{old}' is now {'one with ' * merged}'{new.strip()}'."
        return self.show(self._again(question), remark)

    def assign(self, question: Question | None, name: str, key: str) -> Shown:
        """Let a key stand for a class."""
        try:
            self._keys.assign(name, key)
        except InputError as error:
            return self.show(question, str(error))
        return self.show(question, f"{key} is now '{name}'.")

    def past(self) -> list[Past]:
        """The items decided on, the latest first."""
        self.session.refresh()
        decided = [Past(str(e.item), e.label) for e in self.session.ledger.decisions()]
        return decided[: -_PAST - 1 : -1]

    def go_back(self, item: str) -> Shown:
        """An item of the past, to look at and to label anew."""
        return self.show(self.session.explain(item), "Its class's key changes it; Esc goes on.")

    def go_on(self) -> Shown:
        """The next question."""
        return self.show(self.session.ask())

    def close(self) -> None:
        """Give up what is under way in the background."""
        self.session.stop_anticipating()
        self._outlook.close()

    def _again(self, question: Question | None) -> Question | None:
        """The same item with the predictions of now."""
        return None if question is None else self.session.explain(question.item)

    def _do(self, question: Question, act: Callable[[], object], remark: str) -> Shown:
        try:
            act()
        except LabelConflictError as error:  # somebody else was quicker
            return self.show(self.session.ask(), str(error))
        except InputError as error:
            return self.show(question, str(error))
        return self.show(self.session.ask(), remark)
