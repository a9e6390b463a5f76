"""Full screens that are driven by single keys, and the thread of their session."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

from textual.events import Key, ScreenResume
from textual.screen import Screen

from knnal_cli.keymap import Front, KeyMode, action_of, actions
from knnal_cli.tui.dialogs import ConfirmDialog, HelpDialog

Result = TypeVar("Result")


class ScreenWorker:
    """Works in a thread, and hands what it comes to back to the event loop it was begun in.

    ``failed`` is called there with whatever is raised, by the work or by what is called back.
    """

    def __init__(self, failed: Callable[[BaseException], object]) -> None:
        self._failed = failed
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="knnal-session")

    def begin(self) -> None:
        """Hand results to the event loop that this runs in."""
        self._loop = asyncio.get_running_loop()
        self._context = copy_context()  # Textual finds the application by it

    def do(
        self, work: Callable[[], Result], then: Callable[[Result], object] | None = None
    ) -> None:
        """Work in the thread, after what it was given before; then call back with the result."""

        def run() -> None:
            try:
                result = work()
            except BaseException as error:
                self.call(self._failed, error)
                return
            if then is not None:
                self.call(then, result)

        self._thread.submit(run)

    def call(self, callback: Callable[..., object], *arguments: Any) -> None:
        """Call something in the event loop; for any thread. Without effect once that is over."""

        def run() -> None:
            try:
                callback(*arguments)
            except Exception as error:
                self._failed(error)

        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(run, context=self._context)

    def close(self, last: Callable[[], object]) -> None:
        """Do one thing more, and wait until all is done."""
        self._thread.submit(last)
        self._thread.shutdown()


if TYPE_CHECKING:
    from knnal_cli.tui.application import LabelApp
    from knnal_cli.tui.model import Model, Undoable


class KeyScreen(Screen[str]):
    """A full screen. Its keys are done in their order, each when what the one before came to is
    there: those pressed meanwhile wait for the item that they are about to be on screen.

    What it comes to, when it is left, is a remark for the screen that opened it.
    """

    MODE: ClassVar[KeyMode]

    def __init__(self, worker: ScreenWorker) -> None:
        super().__init__()
        self._worker = worker
        self._busy = True  # until it has something to show
        self._waiting: deque[Key] = deque()

    def do(self, key: str) -> None:
        """Run the method of the action that the keymap names for a key."""
        name = action_of(key, self.MODE, Front.APP)
        if name is not None and self.may(name):
            getattr(self, f"do_{name}")()
        elif name is None and key in self.class_keys:
            self.choose(self.class_keys[key])

    @property
    @abstractmethod
    def class_keys(self) -> Mapping[str, str]:
        """The classes by key, as they are on screen."""

    @abstractmethod
    def choose(self, name: str) -> None:
        """What the key of a class does."""

    def may(self, name: str) -> bool:  # noqa: ARG002
        """Whether an action makes sense now."""
        return True

    def do_quit(self) -> None:
        self.label_app.action_stop()

    def do_help(self) -> None:
        self.app.push_screen(HelpDialog(actions(self.MODE, Front.APP)))

    @abstractmethod
    def redraw(self) -> None:
        """Redraw everything, since more pictures are decoded."""

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
            printed = event.is_printable and event.key != "space"
            self.do(str(event.character) if printed else event.key)
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

    def confirm_undo(self, model: Model, go_on: Callable[[int | None], object]) -> None:
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

        self.ask(model.undoable, found)
