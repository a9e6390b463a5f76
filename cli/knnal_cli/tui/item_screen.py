"""A screen of one item, or of one label that may be wrong, after the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar

from textual.app import ComposeResult

from knnal_cli.tui.dialogs import ClassDialog
from knnal_cli.tui.item_view import ItemView
from knnal_cli.tui.key_screen import KeyScreen, ScreenWorker
from knnal_cli.tui.model import Model, Subject, View
from knnal_cli.tui.pictures import Pictures


class ItemScreen(KeyScreen):
    """Draws the views of a model, and has done to it what keys ask for."""

    NOTHING: ClassVar[str]
    """What is drawn where no subject is left."""
    ANYWHERE: ClassVar[frozenset[str]] = frozenset({"quit", "help", "undo"})
    """Actions that need no subject."""

    def __init__(self, model: Model, worker: ScreenWorker, pictures: Pictures) -> None:
        super().__init__(worker)
        self._model = model
        self._pictures = pictures
        self._view: View | None = None

    def compose(self) -> ComposeResult:
        yield ItemView(self._pictures, self.MODE, self.NOTHING)

    def on_mount(self) -> None:
        self.call_after_refresh(self.go, self.first)

    def first(self) -> View:
        """The view to begin with."""
        return self._model.next()

    def redraw(self) -> None:
        self.query_one(ItemView).redraw()

    @property
    def subject(self) -> Subject | None:
        """What is on screen."""
        return None if self._view is None else self._view.subject

    @property
    def class_keys(self) -> Mapping[str, str]:
        return {} if self._view is None else self._view.keys

    def may(self, name: str) -> bool:
        return self.subject is not None or name in self.ANYWHERE

    def do(self, key: str) -> None:
        if self._view is not None:
            super().do(key)

    def choose(self, name: str) -> None:
        subject = self.subject
        if subject is not None:
            self.go(lambda: self._model.answer(subject, name))

    def do_type(self) -> None:
        def chosen(name: str | None) -> None:
            if name:
                self.choose(name)

        self.choose_class("Class, by some of its letters, or a new one:", chosen, new=True)

    def choose_class(
        self, title: str, chosen: Callable[[str | None], None], *, new: bool = False
    ) -> None:
        """Ask for a class."""
        names = [] if self._view is None else list(self._view.counts)
        self.app.push_screen(ClassDialog(title, names, new=new), chosen)

    def do_simple(self, name: str) -> None:
        """Do what takes the subject and nothing else."""
        act, subject = self._model.simple[name], self.subject
        self.go(lambda: act(subject))

    def do_skip(self) -> None:
        self.do_simple("skip")

    def go(self, work: Callable[[], View]) -> None:
        """Have something done, and draw what comes next."""
        self.ask(work, self.show)

    def show(self, view: View) -> None:
        """Draw a view."""
        self._view = view
        self.query_one(ItemView).draw(view)
