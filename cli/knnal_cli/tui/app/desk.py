"""What the labeling screen does to a session, all of it on one thread, and what it shows then."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from rich.text import Text

from knnal.errors import (
    InputError,
    InvalidNameError,
    LabelConflictError,
    NothingToRedoError,
    NothingToUndoError,
)
from knnal.session.question_selection import Question
from knnal.session.session import Session
from knnal.session.similar_items import find_alike
from knnal_cli.class_keys import ClassKeys
from knnal_cli.tui.app.shown import Batch, Past, Shown, Undoable, seen
from knnal_cli.tui.outlook import Outlook
from knnal_cli.tui.screen import particulars, progress_line
from knnal_cli.wording import brought_back, described, label_remark, nothing_left, taken_back

_LOOKED_AHEAD = 8
"""Next items whose pictures are decoded ahead, those after the likeliest answers."""


class Desk:
    """One session, its outlook and its keys. What is done returns a snapshot of what comes next."""

    def __init__(self, session: Session, target: float | None = None) -> None:
        self.session = session
        self.keys = ClassKeys.in_pool(session.pool)
        self._outlook = Outlook(session, target)

    def show(self, question: Question | None, remark: str = "") -> Shown:
        """A question, and all that stands around it."""
        session = self.session
        ledger = session.ledger
        if question is None:
            remark = " ".join([remark, nothing_left(session.per_group)]).strip()
            progress = [Text(f"{ledger.label_count} labeled", style="bold")]
        else:
            progress = [progress_line(session, question)]
            progress += [*self._outlook.lines(), *particulars(session, question)]
        return Shown(
            subject=question,
            remark=remark,
            label=None if question is None else ledger.label(question.item),
            note=None if question is None else ledger.note(question.item),
            counts=ledger.class_counts(),
            keys=self.keys.of(session.classes),
            lines=tuple(progress),
            neighbors=() if question is None else seen(session.pool, question.prediction.neighbors),
        )

    def look_ahead(self, question: Question | None) -> None:
        """Prepare the answers to the question, now that it is on screen, and see how it goes on."""
        self._outlook.work()
        if question is not None:
            self.session.anticipate(question)

    def foreseen(self) -> list[tuple[Path, list[Path]]]:
        """The pictures of the likeliest of the questions that are prepared by now, and of their
        neighbors.
        """
        pool = self.session.pool
        return [
            (question.path, [n.path for n in seen(pool, question.prediction.neighbors) if n.path])
            for question in self.session.foreseen()[:_LOOKED_AHEAD]
            if question.path is not None
        ]

    def answer(self, question: Question, label: str) -> Shown:
        """Label the item; one that has a label gets another."""
        item = question.item
        before = self.session.ledger.label(item)
        try:
            remark = f"{item}: {label_remark(label, self.session.classes, was=before)}"
        except InvalidNameError as error:
            return self.show(question, str(error))
        if before is None:
            return self._do(question, lambda: self.session.tell(item, label), remark)
        return self._do(question, lambda: self.session.relabel(item, label), remark)

    def skip(self, question: Question) -> Shown:
        """Set the item aside."""
        item = question.item
        return self._do(question, lambda: self.session.skip(item), f"Set {item} aside.")

    def unlabel(self, question: Question) -> Shown:
        """Take the item's label away, or that it was set aside."""
        item = question.item
        remark = f"{item} has no label any more."
        return self._do(question, lambda: self.session.unlabel(item), remark)

    def undoable(self) -> Undoable | None:
        """What an undo would take back; None for nothing."""
        try:
            first = self.session.undoable()
        except NothingToUndoError:
            return None
        events = self.session.ledger.batch_of(first)
        return Undoable(first.seq, len(events), described(events))

    def undo(self, question: Question | None, expected: int | None = None) -> Shown:
        """Take back the latest, what was done at once as a whole, if it is the one that is
        expected; a single item is shown again.
        """
        try:
            event = self.session.undo(expected)
        except (NothingToUndoError, LabelConflictError) as error:
            return self.show(question, str(error))
        events = self.session.ledger.batch_of(event)
        again = event.item if len(events) == 1 else None
        if again is None or self.session.ledger.decision(again) is not None:
            return self.show(self.session.ask(), f"{taken_back(events)}.")
        remark = f"{taken_back(events)}. Here is the item again."
        return self.show(self.session.explain(again), remark)

    def redo(self, question: Question | None) -> Shown:
        """Bring back what was taken back last."""
        try:
            event = self.session.redo()
        except (NothingToRedoError, LabelConflictError) as error:
            return self.show(question, str(error))
        events = self.session.ledger.batch_of(event)
        return self.show(self.session.ask(), f"{brought_back(events)}.")

    def note(self, question: Question, text: str) -> Shown:
        """Put a note on the item, which stays."""
        self.session.note(question.item, text)
        return self.show(question, "Noted." if text.strip() else "No note on it.")

    def rename(self, question: Question | None, old: str, new: str) -> Shown:
        """Give a class another name; where that is a class too, the two become one."""
        classes = self.session.classes
        try:
            name = str(self.session.rename_class(old, new).label)
        except InputError as error:
            return self.show(question, str(error))
        self.keys.rename(old, name)
        remark = f"'{old}' is now {'one with ' * (name in classes)}'{name}'."
        return self.show(self._again(question), remark)

    def remove_class(self, question: Question | None, name: str) -> Shown:
        """Remove a class that no item has."""
        try:
            self.session.remove_class(name)
        except InputError as error:
            return self.show(question, str(error))
        return self.show(self._again(question), f"Removed the class '{name}'.")

    def assign(self, question: Question | None, name: str, key: str) -> Shown:
        """Let a key stand for a class."""
        try:
            self.keys.assign(name, key)
        except InputError as error:
            return self.show(question, str(error))
        return self.show(question, f"{key} is now '{name}'.")

    def past(self) -> list[Past]:
        """The items decided on, the latest first."""
        self.session.refresh()
        return [Past(str(e.item), e.label) for e in self.session.ledger.decisions()][::-1]

    def go_back(self, item: str) -> Shown:
        """An item of the past, to look at and to label anew."""
        return self.show(self.session.explain(item), "Its class's key changes it; Esc goes on.")

    def go_on(self, remark: str = "") -> Shown:
        """The next question."""
        return self.show(self.session.ask(), remark)

    # Batches

    def alike(self, item: str, count: int) -> Batch | None:
        """An item and others like it. None where there is no label to predict by, or it has one."""
        session = self.session
        try:
            found = find_alike(session, item, count)
        except InputError:  # it has a label by now
            return None
        if found is None:
            return None
        return Batch(found, session.ledger.class_counts(), self.keys.of(session.classes))

    def next_alike(self, count: int) -> Batch | None:
        """The same for the next question."""
        question = self.session.ask()
        return None if question is None else self.alike(question.item, count)

    def undo_batch(self, count: int, expected: int | None) -> tuple[str, Batch | None]:
        """Take back the latest; what to say of it, and what there is to label at once then."""
        remark = self.undo(None, expected).remark
        return remark, self.next_alike(count)

    def accept(self, given: Sequence[tuple[str, str]]) -> str:
        """Label the items of a batch, the first one as it was asked about; what to say of it."""
        try:
            labeled = self.session.tell_all(given)
        except (InputError, LabelConflictError) as error:
            return str(error)
        return f"Labeled {len(labeled)} of a batch; u takes them back together."

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
