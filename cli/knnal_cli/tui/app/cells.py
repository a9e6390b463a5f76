"""The cells of a grid of items, and how many of them fit a screen."""

from __future__ import annotations

from PIL.Image import Image
from rich.text import Text
from textual.events import Click
from textual.geometry import Size
from textual.message import Message
from textual.widgets import Static

from knnal.session.similar_items import Member
from knnal_cli.printable import printable_line
from knnal_cli.tui.app import drawing
from knnal_cli.tui.app.pictures import Pictures

_PICTURE_CELL, _TEXT_CELL = (22, 10), (36, 6)
"""Columns and rows of a cell at least, its frame among them."""

EXCEPTION = ""
"""The mark of an item that is not of the predicted class, and gets no label yet."""


def grid_shape(size: Size, *, pictures: bool) -> tuple[int, int]:
    """How many cells across and down, at least one."""
    width, height = _PICTURE_CELL if pictures else _TEXT_CELL
    return max(size.width // width, 1), max(size.height // height, 1)


class Cell(Static):
    """One item. Its ``mark`` is None where the prediction is accepted, EXCEPTION where it gets no
    label, or the class that it gets instead.
    """

    DEFAULT_CSS = """
    Cell { width: 1fr; height: 1fr; border: round #56b4e9; padding: 0 1; overflow: hidden;
           border-title-align: left; }
    Cell.marked { border: round #e69f00; }
    Cell.at { border: heavy #56b4e9; }
    Cell.at.marked { border: heavy #e69f00; }
    Cell.out { text-opacity: 45%; }
    """

    class Chosen(Message):
        """A cell was pointed at."""

        def __init__(self, place: int) -> None:
            super().__init__()
            self.place = place

    def __init__(self, place: int, pictures: Pictures) -> None:
        super().__init__()
        self._member: Member | None = None
        self._place = place
        self._pictures = pictures

    def show(self, member: Member, mark: str | None, *, at: bool) -> None:
        """Draw an item with a mark, and whether keys are about it."""
        self._member = member
        self.set_class(mark is not None, "marked")
        self.set_class(mark == EXCEPTION, "out")
        self.set_class(at, "at")
        sign = {None: "", EXCEPTION: "✗ "}.get(mark, "→ ")
        self.border_title = Text(sign + printable_line(member.item)).markup
        said = f"{member.probability:.0%}" if mark is None else (mark or "no label")
        self.border_subtitle = Text(printable_line(said)).markup
        self.redraw()

    def redraw(self) -> None:
        """Draw what there is to see of it, in the room that there is now."""
        member = self._member
        if member is None:
            return
        width, height = max(self.size.width, 1), max(self.size.height, 1)
        if member.path is not None:
            picture = self._pictures.get(member.path, width, height)
            self.update(
                "" if picture is None or isinstance(picture, Image) else picture, layout=False
            )
        elif member.text is not None:
            self.update(drawing.item_text(member.text), layout=False)
        else:
            self.update(Text(f"similarity {member.similarity:.2f}", style="dim"), layout=False)

    def on_resize(self) -> None:
        self.redraw()

    def on_click(self, event: Click) -> None:
        event.stop()
        self.post_message(self.Chosen(self._place))
