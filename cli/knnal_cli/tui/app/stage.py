"""Full screens that are driven by single keys."""

from __future__ import annotations

from abc import abstractmethod
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, TypeVar, cast

from textual.events import Key, ScreenResume
from textual.screen import Screen

from knnal_cli.keymap import Front, Mode, actions
from knnal_cli.tui.app.dialogs import ConfirmDialog, HelpDialog
from knnal_cli.tui.app.worker import Worker

if TYPE_CHECKING:
    from knnal_cli.tui.app.application import LabelApp
    from knnal_cli.tui.app.desk import Desk
    from knnal_cli.tui.app.shown import Undoable

Result = TypeVar("Result")


class Stage(Screen[str]):
    """A full screen. Its keys are done in their order, each when what the one before came to is
    there: those pressed meanwhile wait for the item that they are about to be on screen.

    What it comes to, when it is left, is a remark for the screen that opened it.
    """

    MODE: ClassVar[Mode]

    def __init__(self, worker: Worker) -> None:
        super().__init__()
        self._worker = worker
        self._busy = True  # until it has something to show
        self._waiting: deque[Key] = deque()

    @abstractmethod
    def do(self, key: str) -> None:
        """What a key asks for."""

    @abstractmethod
    def redraw(self) -> None:
        """Draw everything again, for there are more pictures by now."""

    @property
    def label_app(self) -> LabelApp:
        return cast("LabelApp", self.app)

    @property
    def is_busy(self) -> bool:
        """Whether something is under way, or keys wait for it."""
        return self._busy or bool(self._waiting)

    def on_key(self, event: Key) -> None:
        event.stop()
        self._waiting.append(event)
        self.press()

    def on_screen_resume(self, _: ScreenResume) -> None:
        self.press()

    def press(self) -> None:
        """Do what the waiting keys ask for, up to one that takes time; if one opens a window, the
        rest is for that.
        """
        while self._waiting and not self._busy and self.is_active:
            event = self._waiting.popleft()
            self.do(
                str(event.character) if event.is_printable and event.key != "space" else event.key
            )
        if self._waiting and not self._busy:
            ahead, self._waiting = self._waiting, deque()
            self.app.screen.call_after_refresh(self._hand_on, ahead)

    def _hand_on(self, ahead: deque[Key]) -> None:
        for event in ahead:
            self.app.post_message(Key(event.key, event.character))

    def forget(self) -> None:
        """Do nothing more of what waits, and wait for nothing."""
        self._waiting.clear()
        self._busy = False

    def ask(self, work: Callable[[], Result], then: Callable[[Result], object]) -> None:
        """Have something worked out, and go on with the result; keys wait until then."""
        self._busy = True

        def done(result: Result) -> None:
            self._busy = False
            then(result)
            self.press()

        self._worker.do(work, done)

    def confirm_undo(self, desk: Desk, go_on: Callable[[int | None], object]) -> None:
        """Ask first where an undo would take back more than one label; then go on with the number
        of the event to take back, None where there is none.
        """

        def found(undoable: Undoable | None) -> None:
            first = None if undoable is None else undoable.first
            if undoable is None or undoable.count == 1:
                go_on(first)
                return

            def answered(answer: str | None) -> None:
                if answer:
                    go_on(first)

            self._waiting.clear()  # keys pressed ahead are no answer
            self.app.push_screen(ConfirmDialog(f"Take back {undoable.words}?"), answered)

        self.ask(desk.undoable, found)

    def open_help(self) -> None:
        self.app.push_screen(HelpDialog(actions(self.MODE, Front.APP)))
