"""The labeling screen: one item after the other, and what opens from there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from textual.app import ComposeResult

from knnal.session.question_selection import Question
from knnal_cli.keymap import Front, Mode, action_of
from knnal_cli.tui.app import dialogs
from knnal_cli.tui.app.batching import BatchStage
from knnal_cli.tui.app.beside import THUMBNAIL
from knnal_cli.tui.app.board import Board
from knnal_cli.tui.app.choosing import ClassDialog, PastDialog
from knnal_cli.tui.app.desk import Desk
from knnal_cli.tui.app.pictures import Pictures
from knnal_cli.tui.app.protocols import cell_pixels
from knnal_cli.tui.app.reviewing import ReviewStage
from knnal_cli.tui.app.shown import Shown
from knnal_cli.tui.app.stage import Stage
from knnal_cli.tui.app.viewer import open_file
from knnal_cli.tui.app.worker import Worker

_PREFETCH_AFTER_S = (0.05, 0.3, 1.0)
"""When to look at what the session has prepared by then."""


class LabelStage(Stage):
    """Asks about one item after the other, beginning with ``first``."""

    MODE = Mode.LABEL

    def __init__(
        self, desk: Desk, worker: Worker, pictures: Pictures, first: Question | None
    ) -> None:
        super().__init__(worker)
        self.desk = desk
        self._pictures = pictures
        self._first = first
        self._shown: Shown | None = None

    def compose(self) -> ComposeResult:
        nothing = "Nothing is left to ask about. q quits, r goes back to any item."
        yield Board(self._pictures, self.MODE, nothing)

    def on_mount(self) -> None:
        first = self._first
        self.call_after_refresh(self._go, lambda: self.desk.show(first))

    def redraw(self) -> None:
        self.query_one(Board).redraw()

    def do(self, key: str) -> None:
        desk, shown = self.desk, self._shown
        if shown is None:
            return
        question = shown.question
        anywhere: dict[str, Callable[[], object]] = {
            "quit": self.label_app.action_stop,
            "help": self.open_help,
            "undo": lambda: self.confirm_undo(
                desk, lambda expected: self._go(lambda: desk.undo(question, expected))
            ),
            "redo": lambda: self._go(lambda: desk.redo(question)),
            "relabel": self._go_back,
            "rename": self._rename,
            "assign": self._assign,
            "review": self._review,
        }
        here: dict[str, Callable[[Question], object]] = {
            "type": self._type_class,
            "skip": lambda question: self._go(lambda: desk.skip(question)),
            "note": self._write_note,
            "unlabel": lambda question: self._go(lambda: desk.unlabel(question)),
            "open": self._open,
            "batch": self._batch,
            "leave": lambda _: self._go(desk.go_on),
        }
        action = action_of(key, self.MODE, Front.APP)
        if action in anywhere:
            anywhere[action]()
        elif question is not None and action in here:
            here[action](question)
        elif question is not None and key in shown.keys:
            label = shown.keys[key]
            self._go(lambda: desk.answer(question, label))

    def _go(self, work: Callable[[], Shown]) -> None:
        """Have something done, and show what comes of it."""
        self.ask(work, self._show)

    def _show(self, shown: Shown) -> None:
        self._shown = shown
        self.query_one(Board).draw(shown)
        if shown.question is None and not self._waiting and not shown.counts:
            self.app.exit(False)
        self.app.call_after_refresh(self._look_ahead)  # it would slow the drawing down

    @property
    def _question(self) -> Question | None:
        return None if self._shown is None else self._shown.question

    # What opens

    def _type_class(self, question: Question) -> None:
        def chosen(name: str | None) -> None:
            if name:
                self._go(lambda: self.desk.answer(question, name))

        self._choose_class("Class, by some of its letters, or a new one:", chosen, new=True)

    def _choose_class(
        self, title: str, chosen: Callable[[str | None], None], *, new: bool = False
    ) -> None:
        names = [] if self._shown is None else list(self._shown.counts)
        self.app.push_screen(ClassDialog(title, names, new=new), chosen)

    def _open(self, question: Question) -> None:
        said = "There is no file to open." if question.path is None else open_file(question.path)
        if self._shown is not None:
            self.query_one(Board).draw(replace(self._shown, remark=said))

    def _write_note(self, question: Question) -> None:
        def written(text: str | None) -> None:
            if text:
                self._go(lambda: self.desk.note(question, text[1:]))

        given = (self._shown and self._shown.note) or ""
        self.app.push_screen(dialogs.TextDialog(f"Note on {question.item}:", given), written)

    def _rename(self) -> None:
        def chosen(old: str | None) -> None:
            if not old:
                return

            def named(text: str | None) -> None:
                name, question = (text or "")[1:].strip(), self._question
                if name:
                    self._go(lambda: self.desk.rename(question, old, name))
                elif text:
                    self._go(lambda: self.desk.remove_class(question, old))

            title = f"New name of '{old}' (that of another class merges them, none removes it):"
            self.app.push_screen(dialogs.TextDialog(title, old), named)

        self._choose_class("Which class to rename?", chosen)

    def _assign(self) -> None:
        def chosen(name: str | None) -> None:
            if not name:
                return

            def pressed(key: str | None) -> None:
                question = self._question
                if key:
                    self._go(lambda: self.desk.assign(question, name, key))

            self.app.push_screen(dialogs.KeyDialog(f"Press the key for '{name}'."), pressed)

        self._choose_class("Which class's key?", chosen)

    def _go_back(self) -> None:
        def chosen(item: str | None) -> None:
            if item:
                self._go(lambda: self.desk.go_back(item))

        self.ask(self.desk.past, lambda past: self.app.push_screen(PastDialog(past), chosen))

    # Other modes

    def _batch(self, question: Question) -> None:
        stage = BatchStage(self.desk, self._worker, self._pictures, question)
        self.app.push_screen(stage, self._back)

    def _review(self) -> None:
        self.app.push_screen(ReviewStage(self.desk, self._worker, self._pictures), self._back)

    def _back(self, remark: str | None) -> None:
        """From another mode, in which much may have changed."""
        self._go(lambda: self.desk.go_on(remark or ""))

    # What may come next

    def _look_ahead(self) -> None:
        """Prepare the answers to the item, now that it is on screen."""
        if self._busy or not self.app.is_running or not self.is_active:
            return
        question = self._question
        self._worker.do(lambda: self.desk.look_ahead(question))
        for seconds in _PREFETCH_AFTER_S:
            self.set_timer(seconds, lambda: self._worker.do(self.desk.foreseen, self._prefetch))

    def _prefetch(self, foreseen: list[tuple[Path, list[Path]]]) -> None:
        if not self.app.is_running:
            return
        size = self.query_one(Board).picture_size
        for path, neighbors in foreseen:
            self._pictures.prefetch(path, *size, cell_pixels())
            for neighbor in neighbors:
                self._pictures.prefetch(neighbor, *THUMBNAIL)
