"""The review screen: labels that may be wrong, with the neighbors that disagree, asked again."""

from __future__ import annotations

from collections.abc import Callable

from textual.app import ComposeResult

from knnal.errors import InputError, LabelConflictError, NothingToUndoError
from knnal.quality.label_errors import Suspect
from knnal.quality.review import Review
from knnal_cli.keymap import Front, Mode, action_of
from knnal_cli.tui.app.board import Board
from knnal_cli.tui.app.choosing import ClassDialog
from knnal_cli.tui.app.desk import Desk
from knnal_cli.tui.app.pictures import Pictures
from knnal_cli.tui.app.shown import Shown, seen
from knnal_cli.tui.app.stage import Stage
from knnal_cli.tui.app.worker import Worker
from knnal_cli.tui.review import left_line
from knnal_cli.tui.reviewing import Reviewing


class ReviewDesk:
    """A review on the session's thread. What is done returns a snapshot of what comes next."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._reviewing: Reviewing | None = None

    def next(self, remark: str = "") -> Shown:
        """The most suspicious label that is left."""
        return self._show(self._review.next(), remark)

    def answer(self, suspect: Suspect, label: str | None) -> Shown:
        """Keep its label, give it another, or set it aside by None."""
        try:
            return self.next(self._review.answer(suspect, label))
        except LabelConflictError as error:  # somebody else was quicker
            return self.next(str(error))
        except InputError as error:
            return self._show(suspect, str(error))

    def undo(self, suspect: Suspect | None) -> Shown:
        """Take back the latest answer, and show its label again."""
        try:
            again = self._review.undo()
        except NothingToUndoError as error:
            return self._show(suspect, str(error))
        return self._show(again, "Taken back. Here is the label again.")

    def done(self) -> str:
        """What to say of it where labeling goes on."""
        return f"{self._review.answered} labels reviewed." if self._review.answered else ""

    @property
    def _review(self) -> Reviewing:
        if self._reviewing is None:
            self._reviewing = Reviewing(Review(self._desk.session))
        return self._reviewing

    def _show(self, suspect: Suspect | None, remark: str) -> Shown:
        session = self._desk.session
        ledger = session.ledger
        return Shown(
            subject=suspect,
            remark=remark,
            label=None if suspect is None else suspect.label,
            note=None if suspect is None else ledger.note(suspect.item),
            counts=ledger.class_counts(),
            keys=self._desk.keys.of(session.classes),
            lines=(left_line(self._review.review),),
            neighbors=() if suspect is None else seen(session.pool, suspect.against),
        )


class ReviewStage(Stage):
    """Asks about one suspicious label after the other; Esc goes back to labeling."""

    MODE = Mode.REVIEW

    def __init__(self, desk: Desk, worker: Worker, pictures: Pictures) -> None:
        super().__init__(worker)
        self._desk = ReviewDesk(desk)
        self._pictures = pictures
        self._shown: Shown | None = None

    def compose(self) -> ComposeResult:
        yield Board(self._pictures, self.MODE, "No label is left to review. Esc goes back.")

    def on_mount(self) -> None:
        self.call_after_refresh(self._go, self._desk.next)

    def redraw(self) -> None:
        self.query_one(Board).redraw()

    def do(self, key: str) -> None:
        shown = self._shown
        if shown is None:
            return
        suspect, action = shown.suspect, action_of(key, self.MODE, Front.APP)
        if action == "quit":
            self.label_app.action_stop()
        elif action == "help":
            self.open_help()
        elif action == "leave":
            self.ask(self._desk.done, self.dismiss)
        elif action == "undo":
            self._go(lambda: self._desk.undo(suspect))
        elif suspect is not None and action == "keep":
            self._go(lambda: self._desk.answer(suspect, suspect.label))
        elif suspect is not None and action == "skip":
            self._go(lambda: self._desk.answer(suspect, None))
        elif suspect is not None and action == "type":
            self._type_class(suspect, shown)
        elif suspect is not None and key in shown.keys:
            label = shown.keys[key]
            self._go(lambda: self._desk.answer(suspect, label))

    def _type_class(self, suspect: Suspect, shown: Shown) -> None:
        def chosen(name: str | None) -> None:
            if name:
                self._go(lambda: self._desk.answer(suspect, name))

        title = f"The right class of {suspect.item}, by some of its letters, or a new one:"
        self.app.push_screen(ClassDialog(title, list(shown.counts), new=True), chosen)

    def _go(self, work: Callable[[], Shown]) -> None:
        self.ask(work, self._show)

    def _show(self, shown: Shown) -> None:
        self._shown = shown
        self.query_one(Board).draw(shown)
