"""The labeling screen: one item after the other, and what opens from there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from knnal.session.questions import Question
from knnal_cli.keymap import KeyMode
from knnal_cli.tui import dialogs
from knnal_cli.tui.batch_screen import BatchScreen
from knnal_cli.tui.dialogs import PastDialog
from knnal_cli.tui.item_screen import ItemScreen
from knnal_cli.tui.item_view import THUMBNAIL, ItemView
from knnal_cli.tui.key_screen import ScreenWorker
from knnal_cli.tui.model import LabelModel, View
from knnal_cli.tui.pictures import Pictures, cell_pixels, open_file
from knnal_cli.tui.review_screen import ReviewScreen

_PREFETCH_AFTER_S = (0.05, 0.3, 1.0)
"""When to look at what the session has prepared by then."""


class LabelScreen(ItemScreen):
    """Asks about one item after the other, beginning with ``first``."""

    MODE = KeyMode.LABEL
    NOTHING = "Nothing is left to label. q quits, r goes back to any item."
    ANYWHERE = ItemScreen.ANYWHERE | {"redo", "relabel", "rename", "assign", "review"}

    def __init__(
        self, model: LabelModel, worker: ScreenWorker, pictures: Pictures, first: Question | None
    ) -> None:
        super().__init__(model, worker, pictures)
        self.model = model
        self._first = first

    def first(self) -> View:
        return self.model.view(self._first)

    def show(self, view: View) -> None:
        super().show(view)
        if view.subject is None and not self._waiting and not view.counts:
            self.app.exit(False)
        self.app.call_after_refresh(self._work_ahead)  # it would slow the drawing down

    def do_unlabel(self) -> None:
        self.do_simple("unlabel")

    def do_redo(self) -> None:
        self.do_simple("redo")

    def do_leave(self) -> None:
        self.do_simple("leave")

    def do_undo(self) -> None:
        question = self._question
        self.confirm_undo(
            self.model, lambda expected: self.go(lambda: self.model.undo(question, expected))
        )

    # What opens

    def do_open(self) -> None:
        assert self._view is not None
        path = None if self.subject is None else self.subject.path
        said = "There is no file to open." if path is None else open_file(path)
        self.query_one(ItemView).draw(replace(self._view, remark=said))

    def do_note(self) -> None:
        question = self.subject
        assert isinstance(question, Question)

        def written(text: str | None) -> None:
            if text:
                self.go(lambda: self.model.note(question, text[1:]))

        given = (self._view and self._view.note) or ""
        self.app.push_screen(dialogs.TextDialog(f"Note on {question.item}:", given), written)

    def do_rename(self) -> None:
        def chosen(old: str | None) -> None:
            if not old:
                return

            def named(text: str | None) -> None:
                if text:
                    self.go(lambda: self.model.rename(self._question, old, text[1:].strip()))

            title = (
                f"New name of '{old}'. The name of another class merges the two; no name removes "
                "a class without labels."
            )
            self.app.push_screen(dialogs.TextDialog(title, old), named)

        self.choose_class("Which class to rename?", chosen)

    def do_assign(self) -> None:
        def chosen(name: str | None) -> None:
            if not name:
                return

            def pressed(key: str | None) -> None:
                if key:
                    self.go(lambda: self.model.assign(self._question, name, key))

            self.app.push_screen(dialogs.KeyDialog(f"Press the key for '{name}'."), pressed)

        self.choose_class("Which class's key?", chosen)

    def do_relabel(self) -> None:
        def chosen(item: str | None) -> None:
            if item:
                self.go(lambda: self.model.go_back(item))

        self.ask(self.model.past, lambda past: self.app.push_screen(PastDialog(past), chosen))

    @property
    def _question(self) -> Question | None:
        return self.subject if isinstance(self.subject, Question) else None

    # Other modes

    def do_batch(self) -> None:
        assert self._question is not None
        screen = BatchScreen(self.model, self._worker, self._pictures, self._question)
        self.app.push_screen(screen, self._back)

    def do_review(self) -> None:
        self.app.push_screen(ReviewScreen(self.model, self._worker, self._pictures), self._back)

    def _back(self, remark: str | None) -> None:
        """From another mode, in which much may have changed."""
        self.go(lambda: self.model.next(remark or ""))

    # What may come next

    def _work_ahead(self) -> None:
        """Prepare the answers to the item, now that it is on screen."""
        if self._busy or not self.app.is_running or not self.is_active:
            return
        question = self._question
        self._worker.do(lambda: self.model.work_ahead(question))
        for seconds in _PREFETCH_AFTER_S:
            self.set_timer(seconds, lambda: self._worker.do(self.model.foreseen, self._prefetch))

    def _prefetch(self, foreseen: list[tuple[Path, list[Path]]]) -> None:
        if not self.app.is_running:
            return
        size = self.query_one(ItemView).picture_size
        for path, neighbors in foreseen:
            self._pictures.prefetch(path, *size, cell_pixels())
            for neighbor in neighbors:
                self._pictures.prefetch(neighbor, *THUMBNAIL)
