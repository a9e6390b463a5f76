"""The full-screen application of ``knnal label``.

The screen never waits for the session: one thread does what keys ask of it, in their order, and
what it comes to is drawn when it is there. Keys that are pressed meanwhile wait for the item that
they are about to be on screen.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, ClassVar

import click
from PIL.Image import Image
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.events import Key, Resize
from textual.geometry import Size
from textual.widgets import Static

from knnal.asking import Question
from knnal.session import Session
from knnal_cli.printable import printable_line
from knnal_cli.terminal.app import dialogs, drawing
from knnal_cli.terminal.app.desk import Desk, Seen, Shown
from knnal_cli.terminal.app.pictures import Pictures
from knnal_cli.terminal.app.protocols import PicturePanel, cell_pixels

_COMMANDS = (
    ("n", "type a class"), ("s", "not sure"), ("u", "undo"), ("r", "go back"), ("U", "redo"),
    ("N", "note"), ("o", "open"), ("R", "rename"), ("K", "keys"), ("q", "quit"), ("?", "help"),
)  # fmt: skip
_NARROW, _WIDE = 64, 110
_THUMBNAIL = (8, 4)
_CLASS_LINES = 4
_PREFETCH_AFTER_S = (0.05, 0.3, 1.0)
"""When to look at what the session has prepared by then."""


class LabelApp(App[bool]):
    """Labels until the user quits, which makes the result true, or nothing is left."""

    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+c,ctrl+q", "stop", priority=True)]
    CSS = """
    Screen { layout: vertical; background: ansi_default; }
    #top, #foot, #classes, #remark { height: auto; padding: 0 1; }
    #middle { height: 1fr; }
    #frame { width: 1fr; border: round #56b4e9; padding: 0 1; border-title-align: left; }
    #frame.past { border: round #e69f00; }
    #item { height: 1fr; }
    #picture { display: none; }
    #side { width: 34; height: 1fr; padding: 0 1; overflow: hidden; }
    .wide #side { width: 46; }
    .narrow #middle { layout: vertical; }
    .narrow #side { width: 1fr; height: 3; }
    .narrow #frame { height: 1fr; }
    #remark { text-style: italic; }
    Dialog { align: center middle; background: $background 60%; }
    .window { width: 60; max-width: 96%; min-width: 18; height: auto; max-height: 90%;
              border: round #e69f00; padding: 0 1; background: $surface; }
    HelpDialog .window { width: 78; }
    .window OptionList { min-width: 12; height: auto; max-height: 12; border: none;
                         text-wrap: nowrap; text-overflow: ellipsis; }
    .window.tall OptionList { max-height: 18; }
    """

    def __init__(
        self, session: Session, first: Question | None, target: float | None = None
    ) -> None:
        super().__init__(ansi_color=False)
        self.desk = Desk(session, target)
        self._first = first
        self._shown: Shown | None = None
        self._events_loop: asyncio.AbstractEventLoop | None = None
        self._lines: dict[str, int] = {}
        self._busy = False
        self._waiting: deque[str] = deque()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="knnal-session")
        self._pictures = Pictures(lambda: self._from_thread(self._draw))

    def compose(self) -> ComposeResult:
        yield Static(id="top")
        with Horizontal(id="middle"):
            with Vertical(id="frame"):
                yield Static(id="item")
                yield PicturePanel(id="picture")
            yield Static(id="side")
        yield Static(id="remark")
        yield Static(id="classes")
        yield Static(id="foot")

    def on_mount(self) -> None:
        self._events_loop = asyncio.get_running_loop()
        self._here = copy_context()  # Textual finds the application by it
        self._ask(lambda: self.desk.show(self._first))

    def on_resize(self, event: Resize) -> None:
        self.screen.set_class(event.size.width < _NARROW, "narrow")
        self.screen.set_class(event.size.width >= _WIDE, "wide")
        self.call_after_refresh(self._draw)

    def on_unmount(self) -> None:
        self._pictures.close()
        self._thread.submit(self.desk.close)
        self._thread.shutdown()

    # Keys

    def on_key(self, event: Key) -> None:
        key = event.character if event.is_printable else event.key
        if key is None or len(self.screen_stack) > 1:
            return
        event.stop()
        self._waiting.append(key)
        self._press()

    def action_stop(self) -> None:
        self._waiting.clear()
        self.exit(True)

    def _press(self) -> None:
        """Do what the waiting keys ask for, up to one that takes the session or a window."""
        while self._waiting and not self._busy and len(self.screen_stack) == 1:
            if self._shown is not None:
                self._do(self._waiting.popleft(), self._shown)

    def _do(self, key: str, shown: Shown) -> None:
        desk, question = self.desk, shown.question
        anywhere: dict[str, Callable[[], object]] = {
            "q": self.action_stop,
            "?": lambda: self.push_screen(dialogs.HelpDialog(), self._back),
            "u": lambda: self._ask(lambda: desk.undo(question)),
            "U": lambda: self._ask(lambda: desk.redo(question)),
            "r": self._go_back,
            "R": self._rename,
            "K": self._assign,
        }
        here: dict[str, Callable[[Question], object]] = {
            "n": self._type_class,
            "s": lambda question: self._ask(lambda: desk.skip(question)),
            "N": self._write_note,
            "o": _open_file,
            "escape": lambda _: self._ask(desk.go_on),
        }
        if key in anywhere:
            anywhere[key]()
        elif question is not None and key in here:
            here[key](question)
        elif question is not None and key in shown.keys:
            label = shown.keys[key]
            self._ask(lambda: desk.answer(question, label))

    def _type_class(self, question: Question) -> None:
        def chosen(name: str | None) -> None:
            self._ask((lambda: self.desk.answer(question, name)) if name else None)

        self._choose_class("Class, by some of its letters, or a new one:", chosen, new=True)

    def _choose_class(
        self, title: str, chosen: Callable[[str | None], None], *, new: bool = False
    ) -> None:
        names = [] if self._shown is None else list(self._shown.counts)
        self.push_screen(dialogs.ClassDialog(title, names, new=new), chosen)

    def _write_note(self, question: Question) -> None:
        def written(text: str | None) -> None:
            self._ask((lambda: self.desk.note(question, text[1:])) if text else None)

        given = (self._shown and self._shown.note) or ""
        self.push_screen(dialogs.TextDialog(f"Note on {question.item}:", given), written)

    def _rename(self) -> None:
        def chosen(old: str | None) -> None:
            if not old:
                self._back()
                return

            def named(text: str | None) -> None:
                name, question = (text or "")[1:].strip(), self._question
                self._ask((lambda: self.desk.rename(question, old, name)) if name else None)

            title = f"New name of '{old}' (that of another class merges them):"
            self.push_screen(dialogs.TextDialog(title, old), named)

        self._choose_class("Which class to rename?", chosen)

    def _assign(self) -> None:
        def chosen(name: str | None) -> None:
            if not name:
                self._back()
                return

            def pressed(key: str | None) -> None:
                question = self._question
                self._ask((lambda: self.desk.assign(question, name, key)) if key else None)

            self.push_screen(dialogs.KeyDialog(f"Press the key for '{name}'."), pressed)

        self._choose_class("Which class's key?", chosen)

    def _go_back(self) -> None:
        def chosen(item: str | None) -> None:
            self._ask((lambda: self.desk.go_back(item)) if item else None)

        self._thread_does(
            self.desk.past, lambda past: self.push_screen(dialogs.PastDialog(past), chosen)
        )

    def _back(self, _: object = None) -> None:
        self._press()

    # The session's thread

    @property
    def is_busy(self) -> bool:
        """Whether the session's thread is at work, or keys wait for it."""
        return self._busy or bool(self._waiting)

    @property
    def _question(self) -> Question | None:
        return None if self._shown is None else self._shown.question

    def _ask(self, work: Callable[[], Shown] | None) -> None:
        """Have the session's thread do something, and show what it comes to."""
        if work is None:
            self._back()
        else:
            self._thread_does(work, self._show)

    def _thread_does(self, work: Callable[[], Any], then: Callable[[Any], object]) -> None:
        self._busy = True

        def run() -> None:
            try:
                result = work()
            except BaseException as error:
                self._from_thread(self._fail, error)
                return
            self._from_thread(self._done, then, result)

        self._thread.submit(run)

    def _from_thread(self, call: Callable[..., object], *arguments: Any) -> None:
        if self._events_loop is not None and not self._events_loop.is_closed():
            self._events_loop.call_soon_threadsafe(call, *arguments, context=self._here)

    def _done(self, then: Callable[[Any], object], result: Any) -> None:
        self._busy = False
        then(result)
        self._press()
        self.call_after_refresh(self._anticipate)  # what it computes would slow the drawing down

    def _anticipate(self) -> None:
        """Prepare the answers to the item, now that it is on screen."""
        if not self._busy and self.is_running:
            self._thread.submit(self.desk.session.anticipate)

    def _fail(self, error: BaseException) -> None:
        self.failure, self._busy = error, False
        self._waiting.clear()
        self.exit(True)

    failure: BaseException | None = None
    """What ended the application other than the user."""

    def _show(self, shown: Shown) -> None:
        self._shown = shown
        self._draw()
        if shown.question is None and not self._waiting and not shown.counts:
            self.exit(False)
        for seconds in _PREFETCH_AFTER_S:
            self.set_timer(seconds, self._prefetch)

    # The screen

    def _draw(self) -> None:
        shown = self._shown
        if shown is None or not self.is_running:
            return
        width, height = self.size
        fit = {"overflow": "ellipsis", "no_wrap": True}
        lines = [line.copy() for line in shown.lines][: max(height // 8, 1)]
        for line in lines:
            line.no_wrap, line.overflow = True, "ellipsis"
            line.truncate(width - 2, overflow="ellipsis")
        self._put("#top", Text("\n").join(lines))
        remark = shown.remark + (f"  Note: {shown.note}" if shown.note else "")
        self._put("#remark", Text(printable_line(remark), **fit))  # type: ignore[arg-type]
        most = max(min(_CLASS_LINES, height // 8), 1)
        self._put("#classes", drawing.class_line(shown, width - 2, most))
        self._put("#foot", drawing.footer(_COMMANDS, width - 2))
        self._draw_item(shown)
        self._put("#side", self._side(shown))
        drawn = self._sizes()
        self.call_after_refresh(lambda: self._draw() if self._sizes() != drawn else None)

    def _sizes(self) -> tuple[Size, Size]:
        """What is left for the item and beside it, which follows from what is around them."""
        bottom = self.screen_stack[0]
        return bottom.query_one("#frame").size, bottom.query_one("#side").size

    def _put(self, place: str, content: RenderableType) -> None:
        """Show something; all is laid out anew only where it has another height than before."""
        lines = content.plain.count("\n") if isinstance(content, Text) else 0
        laid_out = self._lines.get(place) == lines or place == "#side"
        self._lines[place] = lines
        self.screen_stack[0].query_one(place, Static).update(content, layout=not laid_out)

    def _draw_item(self, shown: Shown) -> None:
        question = shown.question
        bottom = self.screen_stack[0]
        frame, panel = bottom.query_one("#frame"), bottom.query_one(PicturePanel)
        item = bottom.query_one("#item", Static)
        frame.set_class(shown.label is not None, "past")
        if question is None:
            frame.border_title, frame.border_subtitle = "", ""
            item.update("Nothing is left to ask about. q quits, r goes back to any item.")
            return
        frame.border_title = Text(printable_line(question.item)).markup
        frame.border_subtitle = "" if shown.label is None else Text(f"{shown.label}").markup
        picture: RenderableType | Image | None
        if question.path is not None:
            size = self._picture_size()
            picture = self._pictures.get(question.path, *size, cell_pixels())
        elif question.text is not None:
            picture = drawing.item_text(question.text)
        else:
            picture = Text("(an embedding, with nothing to show)", style="dim")
        pixels = isinstance(picture, Image)
        panel.display, item.display = pixels, not pixels
        if isinstance(picture, Image):
            panel.show(picture)
        else:  # until a picture is there, the one before is left out
            item.update("" if picture is None else picture, layout=False)

    def _picture_size(self) -> tuple[int, int]:
        frame = self.screen_stack[0].query_one("#frame")
        return max(frame.size.width - 2, 1), max(frame.size.height, 1)

    def _side(self, shown: Shown) -> RenderableType:
        question = shown.question
        if question is None:
            return Text("")
        region = self.screen_stack[0].query_one("#side").size
        width, height = max(region.width, 20), region.height
        prediction = question.prediction
        if prediction.label is None:
            return Text("No prediction before the first label.", style="dim")
        if self.size.width < _NARROW:
            return drawing.bars(prediction.probabilities, width, max(height, 1))
        most = max(min(height // 4, 10), 2)
        parts: list[RenderableType] = [drawing.bars(prediction.probabilities, width, most), Text()]
        left = height - min(len(prediction.probabilities), most) - 7
        thumbs = self.size.width >= _WIDE
        for neighbour, seen in zip(prediction.neighbours, shown.neighbours, strict=True):
            picture = self._thumbnail(seen) if thumbs and seen.path is not None else None
            left -= 2 if picture is None else _THUMBNAIL[1]
            if left < 0:
                break
            text = drawing.neighbour_text(neighbour, seen, width - 10 if picture else width)
            parts.append(text if picture is None else _beside(picture, text))
        parts += [Text(), Text("Why this one", style="bold"), drawing.reason(question)]
        texts = [part for part in parts if isinstance(part, Text)]
        return Text("\n").join(texts) if len(texts) == len(parts) else Group(*parts)

    def _thumbnail(self, seen: Seen) -> RenderableType:
        """A neighbour's picture, or room for it until it is there."""
        assert seen.path is not None
        picture = self._pictures.get(seen.path, *_THUMBNAIL)
        room = Text("\n" * (_THUMBNAIL[1] - 1))
        return room if picture is None or isinstance(picture, Image) else picture

    def _prefetch(self) -> None:
        if not self.is_running:
            return
        for question in self.desk.session.foreseen():
            if question.path is not None:
                self._pictures.prefetch(question.path, *self._picture_size(), cell_pixels())


def _beside(picture: RenderableType, text: Text) -> Table:
    row = Table.grid(padding=(0, 2, 0, 0))
    row.add_column(width=_THUMBNAIL[0])
    row.add_row(picture, text)
    return row


def _open_file(question: Question) -> None:
    if question.path is not None:
        click.launch(str(question.path))
