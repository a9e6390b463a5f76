"""An item with all that is known of it, drawn in place."""

from __future__ import annotations

from collections.abc import Sequence

from PIL.Image import Image
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.events import Resize
from textual.geometry import Size
from textual.widgets import Static

from knnal.quality.label_errors import Suspect
from knnal_cli.keymap import Front, KeyMode
from knnal_cli.printable import printable_line
from knnal_cli.tui import drawing
from knnal_cli.tui.model import NeighborView, Subject, View
from knnal_cli.tui.pictures import Picture, PicturePanel, Pictures, cell_pixels

THUMBNAIL = (8, 4)
"""Cells of a neighbor's picture."""


def details(
    view: View, size: Size, pictures: Pictures, *, narrow: bool, wide: bool
) -> RenderableType:
    """All of it that fits ``size``; the prediction alone where it is ``narrow``, with pictures of
    the neighbors where it is ``wide``.
    """
    subject = view.subject
    if subject is None:
        return Text("")
    suspect = subject if isinstance(subject, Suspect) else None
    width, height = max(size.width, 20), size.height
    chances = subject.prediction.probabilities
    if subject.prediction.label is None:
        return Text("No prediction before the first label.", style="dim")
    if narrow:
        return drawing.bars(chances, width, max(height, 1))
    most = max(min(height // 4, 10), 2)
    parts: list[RenderableType] = []
    if suspect is not None:
        parts += [drawing.given_label(suspect), Text("Without it:", style="bold")]
    parts += [drawing.bars(chances, width, most), Text()]
    if suspect is not None and view.neighbors:
        parts.append(Text("Neighbors that disagree", style="bold"))
    left = height - min(len(chances), most) - 7 - max(len(parts) - 2, 0)
    parts += _neighbors(view.neighbors, width, left, pictures if wide else None)
    parts += [Text(), Text("Why this one", style="bold"), *map(Text, drawing.why(subject))]
    texts = [part for part in parts if isinstance(part, Text)]
    return Text("\n").join(texts) if len(texts) == len(parts) else Group(*parts)


def _neighbors(
    neighbors: Sequence[NeighborView], width: int, height: int, pictures: Pictures | None
) -> list[RenderableType]:
    """As many as there is room for; with pictures, a line apart where all of them fit so."""
    apart = height >= len(neighbors) * (THUMBNAIL[1] + 1)
    parts: list[RenderableType] = []
    for near in neighbors:
        picture = None if pictures is None else _thumbnail(near, pictures)
        height -= 2 if picture is None else THUMBNAIL[1] + apart
        if height < 0:
            break
        text = drawing.neighbor_text(near, width - 10 if picture else width)
        parts.append(text if picture is None else _side_by_side(picture, text))
        parts += [Text()] * (picture is not None and apart)
    return parts


def _thumbnail(near: NeighborView, pictures: Pictures) -> RenderableType | None:
    """A neighbor's picture, or room for it until it is there; None for what has none."""
    if near.path is None:
        return None
    picture = pictures.get(near.path, *THUMBNAIL)
    room = Text("\n" * (THUMBNAIL[1] - 1))
    return room if picture is None or isinstance(picture, Image) else picture


def _side_by_side(picture: RenderableType, text: Text) -> Table:
    row = Table.grid(padding=(0, 2, 0, 0))
    row.add_column(width=THUMBNAIL[0])
    row.add_row(picture, text)
    return row


_NARROW, _WIDE = 64, 110
_CLASS_LINES = 4


class ItemView(Vertical):
    """Draws one snapshot after the other, in place: only what changes its height
    is laid out again.
    """

    DEFAULT_CSS = """
    ItemView #top, ItemView #foot, ItemView #classes, ItemView #remark {
        height: auto; padding: 0 1; text-wrap: nowrap; text-overflow: clip;
    }
    ItemView #middle { height: 1fr; }
    ItemView #frame { width: 1fr; border: round #56b4e9; padding: 0 1; border-title-align: left; }
    ItemView #frame.past { border: round #e69f00; }
    ItemView #item { height: 1fr; }
    ItemView #picture { display: none; }
    ItemView #side { width: 34; height: 1fr; padding: 0 1; overflow: hidden; }
    ItemView.wide #side { width: 46; }
    ItemView.narrow #middle { layout: vertical; }
    ItemView.narrow #side { width: 1fr; height: 3; }
    ItemView.narrow #frame { height: 1fr; }
    ItemView #remark { text-style: italic; }
    """

    def __init__(self, pictures: Pictures, mode: KeyMode, nothing: str) -> None:
        """``nothing`` is what stands for an item where there is none."""
        super().__init__()
        self._pictures = pictures
        self._mode = mode
        self._nothing = nothing
        self._view: View | None = None
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
        """The cells available for a picture."""
        size = self.query_one("#frame").size
        return max(size.width - 2, 1), max(size.height, 1)

    def draw(self, view: View) -> None:
        """Draw a snapshot in the place of the one before."""
        self._view = view
        self.redraw()

    def redraw(self) -> None:
        """Redraw, in the present room and with the pictures that are decoded."""
        view = self._view
        if view is None or not self.is_mounted:
            return
        width, height = self.size
        lines = drawing.top_lines(view.lines, width - 2)[: max(height // 8, 1)]
        self._put("#top", Text("\n").join(lines))
        remark = view.remark + (f"  Note: {view.note}" if view.note else "")
        self._put("#remark", Text(printable_line(remark), no_wrap=True, overflow="ellipsis"))
        most = max(min(_CLASS_LINES, height // 8), 1)
        predicted = None if view.subject is None else view.subject.prediction.label
        classes = drawing.class_line(view.keys, view.counts, predicted, width - 2, most)
        self._put("#classes", classes)
        self._put("#foot", drawing.footer(self._mode, Front.APP, width - 2))
        self._draw_frame(view)
        side = self.query_one("#side").size
        narrow, wide = width < _NARROW, width >= _WIDE
        self._put("#side", details(view, side, self._pictures, narrow=narrow, wide=wide))
        drawn = self._sizes()
        self.call_after_refresh(lambda: self.redraw() if self._sizes() != drawn else None)

    def _sizes(self) -> tuple[Size, Size]:
        """The room for the item and its panels, which depends on what surrounds them."""
        return self.query_one("#frame").size, self.query_one("#side").size

    def _put(self, place: str, content: RenderableType) -> None:
        """Show something; all is laid out again only if its height changes: as nothing wraps, its
        number of lines.
        """
        lines = content.plain.count("\n") if isinstance(content, Text) else 0
        laid_out = self._lines.get(place) == lines or place == "#side"
        self._lines[place] = lines
        self.query_one(place, Static).update(content, layout=not laid_out)

    def _draw_frame(self, view: View) -> None:
        subject = view.subject
        frame, panel = self.query_one("#frame"), self.query_one(PicturePanel)
        item = self.query_one("#item", Static)
        frame.set_class(view.label is not None, "past")
        frame.border_subtitle = (
            "" if view.label is None else Text(printable_line(view.label)).markup
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
