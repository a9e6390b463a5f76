"""An item and all that stands around it: on top how it goes, beside it what is thought of it, below
what was done and the keys.
"""

from __future__ import annotations

from PIL.Image import Image
from rich.console import RenderableType
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.events import Resize
from textual.geometry import Size
from textual.widgets import Static

from knnal_cli.keymap import Mode
from knnal_cli.printable import printable_line
from knnal_cli.tui.app import drawing
from knnal_cli.tui.app.beside import beside
from knnal_cli.tui.app.pictures import Picture, Pictures
from knnal_cli.tui.app.protocols import PicturePanel, cell_pixels
from knnal_cli.tui.app.shown import Shown, Subject

_NARROW, _WIDE = 64, 110
_CLASS_LINES = 4


class Board(Vertical):
    """Draws one snapshot after the other, in place: nothing is laid out anew but what has another
    height than before.
    """

    DEFAULT_CSS = """
    Board #top, Board #foot, Board #classes, Board #remark {
        height: auto; padding: 0 1; text-wrap: nowrap; text-overflow: clip;
    }
    Board #middle { height: 1fr; }
    Board #frame { width: 1fr; border: round #56b4e9; padding: 0 1; border-title-align: left; }
    Board #frame.past { border: round #e69f00; }
    Board #item { height: 1fr; }
    Board #picture { display: none; }
    Board #side { width: 34; height: 1fr; padding: 0 1; overflow: hidden; }
    Board.wide #side { width: 46; }
    Board.narrow #middle { layout: vertical; }
    Board.narrow #side { width: 1fr; height: 3; }
    Board.narrow #frame { height: 1fr; }
    Board #remark { text-style: italic; }
    """

    def __init__(self, pictures: Pictures, mode: Mode, nothing: str) -> None:
        """``nothing`` is what stands for an item where there is none."""
        super().__init__()
        self._pictures = pictures
        self._mode = mode
        self._nothing = nothing
        self._shown: Shown | None = None
        self._lines: dict[str, int] = {}

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

    def on_resize(self, event: Resize) -> None:
        self.set_class(event.size.width < _NARROW, "narrow")
        self.set_class(event.size.width >= _WIDE, "wide")
        self.call_after_refresh(self.redraw)

    @property
    def picture_size(self) -> tuple[int, int]:
        """The cells that there are for a picture."""
        size = self.query_one("#frame").size
        return max(size.width - 2, 1), max(size.height, 1)

    def draw(self, shown: Shown) -> None:
        """Draw a snapshot in the place of the one before."""
        self._shown = shown
        self.redraw()

    def redraw(self) -> None:
        """Draw the same again, in the room and with the pictures that there are by now."""
        shown = self._shown
        if shown is None or not self.is_mounted:
            return
        width, height = self.size
        lines = [_one_line(line, width - 2) for line in shown.lines][: max(height // 8, 1)]
        self._put("#top", Text("\n").join(lines))
        remark = shown.remark + (f"  Note: {shown.note}" if shown.note else "")
        self._put("#remark", Text(printable_line(remark), no_wrap=True, overflow="ellipsis"))
        most = max(min(_CLASS_LINES, height // 8), 1)
        predicted = None if shown.subject is None else shown.subject.prediction.label
        classes = drawing.class_line(shown.keys, shown.counts, predicted, width - 2, most)
        self._put("#classes", classes)
        self._put("#foot", drawing.footer(self._mode, width - 2))
        self._draw_frame(shown)
        side = self.query_one("#side").size
        narrow, wide = width < _NARROW, width >= _WIDE
        self._put("#side", beside(shown, side, self._pictures, narrow=narrow, wide=wide))
        drawn = self._sizes()
        self.call_after_refresh(lambda: self.redraw() if self._sizes() != drawn else None)

    def _sizes(self) -> tuple[Size, Size]:
        """What is left for the item and beside it, which follows from what is around them."""
        return self.query_one("#frame").size, self.query_one("#side").size

    def _put(self, place: str, content: RenderableType) -> None:
        """Show something; all is laid out anew only where it has another height than before: as
        nothing wraps, another number of lines.
        """
        lines = content.plain.count("\n") if isinstance(content, Text) else 0
        laid_out = self._lines.get(place) == lines or place == "#side"
        self._lines[place] = lines
        self.query_one(place, Static).update(content, layout=not laid_out)

    def _draw_frame(self, shown: Shown) -> None:
        subject = shown.subject
        frame, panel = self.query_one("#frame"), self.query_one(PicturePanel)
        item = self.query_one("#item", Static)
        frame.set_class(shown.label is not None, "past")
        frame.border_subtitle = (
            "" if shown.label is None else Text(printable_line(shown.label)).markup
        )
        frame.border_title = "" if subject is None else Text(printable_line(subject.item)).markup
        content = Text(self._nothing) if subject is None else self._content(subject)
        panel.display = isinstance(content, Image)
        item.display = not panel.display
        if isinstance(content, Image):
            panel.show(content)
        else:  # until a picture is there, the one before is left out
            item.update("" if content is None else content, layout=False)

    def _content(self, subject: Subject) -> Picture | None:
        """The item as it is shown; None while a picture is decoded."""
        if subject.path is not None:
            return self._pictures.get(subject.path, *self.picture_size, cell_pixels())
        if subject.text is not None:
            return drawing.item_text(subject.text)
        return Text("(an embedding, with nothing to show)", style="dim")


def _one_line(line: Text, width: int) -> Text:
    line = line.copy()
    line.no_wrap, line.overflow = True, "ellipsis"
    line.truncate(width, overflow="ellipsis")
    return line
