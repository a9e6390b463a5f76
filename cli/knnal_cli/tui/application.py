"""The full-screen application of 'knnal label'."""

from __future__ import annotations

from typing import Any, ClassVar

from textual.app import App
from textual.binding import Binding, BindingType
from textual.screen import Screen

from knnal.session.questions import Question
from knnal.session.session import Session
from knnal_cli.tui.key_screen import KeyScreen, ScreenWorker
from knnal_cli.tui.label_screen import LabelScreen
from knnal_cli.tui.model import LabelModel
from knnal_cli.tui.pictures import Pictures


class LabelApp(App[bool]):
    """Labels until the user quits, which makes the result true, or nothing is left."""

    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+c,ctrl+q", "stop", priority=True)]
    CSS = """
    Screen { layout: vertical; background: ansi_default; }
    Dialog { align: center middle; background: $background 60%; }
    .window { width: 60; max-width: 96%; min-width: 18; height: auto; max-height: 90%;
              border: round #e69f00; padding: 0 1; background: $surface; }
    .window Label { width: 100%; }
    HelpDialog .window { width: 78; }
    .window OptionList { min-width: 12; height: auto; max-height: 12; border: none;
                         text-wrap: nowrap; text-overflow: ellipsis; }
    .window.tall OptionList { max-height: 18; }
    """

    failure: BaseException | None = None
    """What ended the application other than the user."""

    def __init__(
        self, session: Session, first: Question | None, target: float | None = None
    ) -> None:
        super().__init__(ansi_color=False)
        self._first = first
        self._model = LabelModel(session, target)
        self._worker = ScreenWorker(self._fail)
        self._pictures = Pictures(lambda: self._worker.call(self._redraw))

    def get_default_screen(self) -> Screen[Any]:
        return LabelScreen(self._model, self._worker, self._pictures, self._first)

    def on_load(self) -> None:
        self._worker.begin()

    def on_unmount(self) -> None:
        self._pictures.close()
        self._worker.close(self._model.close)

    @property
    def key_screens(self) -> list[KeyScreen]:
        """The screens of single keys that are open, the lowest first."""
        return [screen for screen in self.screen_stack if isinstance(screen, KeyScreen)]

    @property
    def is_busy(self) -> bool:
        """Whether the session's thread is at work for a screen, or keys wait for it."""
        return any(screen.is_busy for screen in self.key_screens)

    def action_stop(self) -> None:
        for screen in self.key_screens:
            screen.forget()
        self.exit(True)

    def _redraw(self) -> None:
        """Redraw what is open, since more pictures are decoded."""
        if self.is_running:
            for screen in self.key_screens:
                screen.redraw()

    def _fail(self, error: BaseException) -> None:
        self.failure = error
        self.action_stop()
