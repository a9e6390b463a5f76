"""The batch screen: similar items of one predicted class in a grid, labeled at once."""

from __future__ import annotations

from collections.abc import Mapping

from PIL.Image import Image
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Grid
from textual.events import Click
from textual.geometry import Size
from textual.message import Message
from textual.widgets import Static

from knnal.session.questions import Question
from knnal.session.similar_items import Member
from knnal_cli.keymap import Front, KeyMode
from knnal_cli.printable import printable_line
from knnal_cli.tui import drawing
from knnal_cli.tui.key_screen import KeyScreen, ScreenWorker
from knnal_cli.tui.model import BatchView, LabelModel
from knnal_cli.tui.pictures import Pictures
from knnal_cli.wording import counted

_PICTURE_CELL, _TEXT_CELL = (22, 10), (36, 6)
"""Columns and rows of a cell at least, its frame among them."""

EXCEPTION = ""
"""The mark of an item that is not of the predicted class, and gets no label yet."""


def grid_shape(size: Size, *, pictures: bool) -> tuple[int, int]:
    """How many cells across and down, at least one."""
    width, height = _PICTURE_CELL if pictures else _TEXT_CELL
    return max(size.width // width, 1), max(size.height // height, 1)


class ItemCell(Static):
    """One item. Its ``mark`` is None where the prediction is accepted, EXCEPTION where it gets no
    label, or the class that it gets instead.
    """

    DEFAULT_CSS = """
    ItemCell { width: 1fr; height: 1fr; border: round #56b4e9; padding: 0 1; overflow: hidden;
           border-title-align: left; }
    ItemCell.marked { border: round #e69f00; }
    ItemCell.at { border: heavy #56b4e9; }
    ItemCell.at.marked { border: heavy #e69f00; }
    ItemCell.out { text-opacity: 45%; }
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
        """Draw the member in the present room."""
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


_NOTHING = "There is no batch: it takes a label to predict by, and an item without one."
_MOVES = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}


class BatchScreen(KeyScreen):
    """One batch after the other, each around the next question, until Esc."""

    MODE = KeyMode.BATCH
    DEFAULT_CSS = """
    BatchScreen #title, BatchScreen #remark, BatchScreen #foot { height: 1; padding: 0 1; }
    BatchScreen #classes { height: auto; max-height: 3; padding: 0 1; }
    BatchScreen #remark { text-style: italic; }
    BatchScreen Grid { height: 1fr; padding: 0 1; }
    """

    def __init__(
        self, model: LabelModel, worker: ScreenWorker, pictures: Pictures, question: Question
    ) -> None:
        super().__init__(worker)
        self._model = model
        self._pictures = pictures
        self._first = question.item
        self._has_pictures = question.path is not None
        self._batch: BatchView | None = None
        self._marks: dict[str, str] = {}
        self._at = 0
        self._shape = 0, 0

    def compose(self) -> ComposeResult:
        yield Static(id="title")
        yield Grid()
        yield Static(id="remark")
        yield Static(id="classes")
        yield Static(id="foot")

    def on_resize(self) -> None:
        self.call_after_refresh(self._fit)

    def redraw(self) -> None:
        for cell in self.query(ItemCell):
            cell.redraw()

    @property
    def _members(self) -> tuple[Member, ...]:
        return () if self._batch is None else self._batch.similar.members

    @property
    def _count(self) -> int:
        across, down = self._shape
        return across * down

    async def _fit(self) -> None:
        """As many cells as there is room for now, and as many items."""
        grid = self.query_one(Grid)
        shape = grid_shape(grid.size, pictures=self._has_pictures)
        if shape == self._shape:
            self._draw("")
            return
        self._shape = shape
        grid.styles.grid_size_columns, grid.styles.grid_size_rows = shape
        await grid.remove_children()
        await grid.mount_all(ItemCell(place, self._pictures) for place in range(self._count))
        first, count = self._first, self._count
        self.ask(lambda: ("", self._model.similar(first, count)), self._show)

    def _show(self, found: tuple[str, BatchView | None]) -> None:
        remark, batch = found
        if batch is None:
            self.dismiss(remark or _NOTHING)
            return
        if batch.first != self._first or self._batch is None:
            self._marks, self._at = {}, 0
        self._batch, self._first = batch, batch.first
        self._at = min(self._at, len(batch.similar.members) - 1)
        self._draw(remark)

    def _draw(self, remark: str) -> None:
        batch = self._batch
        if batch is None:
            return
        width = self.size.width - 2
        self.query_one("#title", Static).update(_title(batch, width))
        for place, cell in enumerate(self.query(ItemCell)):
            cell.display = place < len(self._members)
            if cell.display:
                member = self._members[place]
                cell.show(member, self._marks.get(member.item), at=place == self._at)
        line = Text(printable_line(remark), no_wrap=True, overflow="ellipsis")
        self.query_one("#remark", Static).update(line)
        classes = drawing.class_line(batch.keys, batch.counts, batch.similar.label, width, 2)
        self.query_one("#classes", Static).update(classes)
        given = [m for m in self._members if self._marks.get(m.item) != EXCEPTION]
        words = f"label {counted(len(given), 'item')}, unmarked ones as {batch.similar.label}"
        self.query_one("#foot", Static).update(
            drawing.footer(self.MODE, Front.APP, width, accept=words)
        )

    def on_item_cell_chosen(self, message: ItemCell.Chosen) -> None:
        self._at = message.place
        self._mark(EXCEPTION)

    @property
    def class_keys(self) -> Mapping[str, str]:
        return {} if self._batch is None else self._batch.keys

    def choose(self, name: str) -> None:
        self._mark(name)

    def do(self, key: str) -> None:
        if self._batch is not None and key in _MOVES:
            self._move(*_MOVES[key])
        elif self._batch is not None:
            super().do(key)

    def do_leave(self) -> None:
        self.dismiss("")

    def do_mark(self) -> None:
        self._mark(EXCEPTION)

    def do_undo(self) -> None:
        count = self._count
        self.confirm_undo(
            self._model,
            lambda expected: self.ask(lambda: self._model.undo_batch(count, expected), self._show),
        )

    def _move(self, across: int, down: int) -> None:
        place = self._at + across + down * self._shape[0]
        if 0 <= place < len(self._members):
            self._at = place
            self._draw("")

    def _mark(self, mark: str) -> None:
        """Put a mark on the item, or take off the same one; the predicted class is no mark."""
        batch = self._batch
        assert batch is not None
        item = self._members[self._at].item
        if mark in (self._marks.pop(item, None), batch.similar.label):
            self._draw("")
            return
        self._marks[item] = mark
        self._draw("")

    def do_accept(self) -> None:
        """Label what is not an exception; the next batch, unless its first item would be one."""
        batch = self._batch
        assert batch is not None
        marked = [(m.item, self._marks.get(m.item, batch.similar.label)) for m in self._members]
        given = [(item, label) for item, label in marked if label != EXCEPTION]
        if not given:
            self._draw("Every item is marked as an exception. Esc goes back.")
            return
        goes_on, count = marked[0][1] != EXCEPTION, self._count

        def work() -> tuple[str, BatchView | None]:
            remark = self._model.accept(given)
            return remark, self._model.next_batch(count)[1] if goes_on else None

        self.ask(work, self._show)


def _title(batch: BatchView, width: int) -> Text:
    members = batch.similar.members
    low, high = (f(m.probability for m in members) for f in (min, max))
    line = Text.assemble(
        (f"{counted(len(members), 'similar item')}, predicted ", "bold"),
        (printable_line(batch.similar.label), f"bold {drawing.BLUE}"),
        f" {low:.0%}-{high:.0%} · {sum(batch.counts.values())} labeled",
        no_wrap=True,
    )
    line.truncate(width, overflow="ellipsis")
    return line
