"""The batch screen: similar items that are predicted alike in a grid, to be labeled at once."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Grid
from textual.widgets import Static

from knnal.session.question_selection import Question
from knnal.session.similar_items import Member
from knnal_cli.keymap import Front, Mode, action_of
from knnal_cli.printable import printable_line
from knnal_cli.tui.app import drawing
from knnal_cli.tui.app.cells import EXCEPTION, Cell, grid_shape
from knnal_cli.tui.app.desk import Desk
from knnal_cli.tui.app.pictures import Pictures
from knnal_cli.tui.app.shown import Batch
from knnal_cli.tui.app.stage import Stage
from knnal_cli.tui.app.worker import Worker

_NOTHING = "There is no batch: it takes a label to predict by, and an item without one."
_MOVES = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}


class BatchStage(Stage):
    """One batch after the other, each around the next question, until Esc."""

    MODE = Mode.BATCH
    DEFAULT_CSS = """
    BatchStage #title, BatchStage #remark, BatchStage #foot { height: 1; padding: 0 1; }
    BatchStage #classes { height: auto; max-height: 3; padding: 0 1; }
    BatchStage #remark { text-style: italic; }
    BatchStage Grid { height: 1fr; padding: 0 1; }
    """

    def __init__(self, desk: Desk, worker: Worker, pictures: Pictures, question: Question) -> None:
        super().__init__(worker)
        self._desk = desk
        self._pictures = pictures
        self._first = question.item
        self._has_pictures = question.path is not None
        self._batch: Batch | None = None
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
        for cell in self.query(Cell):
            cell.redraw()

    @property
    def _members(self) -> tuple[Member, ...]:
        return () if self._batch is None else self._batch.alike.members

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
        await grid.mount_all(Cell(place, self._pictures) for place in range(self._count))
        first, count = self._first, self._count
        self.ask(lambda: ("", self._desk.alike(first, count)), self._show)

    def _show(self, found: tuple[str, Batch | None]) -> None:
        remark, batch = found
        if batch is None:
            self.dismiss(remark or _NOTHING)
            return
        if batch.first != self._first or self._batch is None:
            self._marks, self._at = {}, 0
        self._batch, self._first = batch, batch.first
        self._at = min(self._at, len(batch.alike.members) - 1)
        self._draw(remark)

    def _draw(self, remark: str) -> None:
        batch = self._batch
        if batch is None:
            return
        width = self.size.width - 2
        self.query_one("#title", Static).update(_title(batch, width))
        for place, cell in enumerate(self.query(Cell)):
            cell.display = place < len(self._members)
            if cell.display:
                member = self._members[place]
                cell.show(member, self._marks.get(member.item), at=place == self._at)
        line = Text(printable_line(remark), no_wrap=True, overflow="ellipsis")
        self.query_one("#remark", Static).update(line)
        classes = drawing.class_line(batch.keys, batch.counts, batch.alike.label, width, 2)
        self.query_one("#classes", Static).update(classes)
        self.query_one("#foot", Static).update(drawing.footer(self.MODE, width))

    # Keys

    def on_cell_chosen(self, message: Cell.Chosen) -> None:
        self._at = message.place
        self._mark(EXCEPTION)

    def do(self, key: str) -> None:
        batch = self._batch
        if batch is None:
            return
        action = action_of(key, self.MODE, Front.APP)
        if action == "quit":
            self.label_app.action_stop()
        elif action == "help":
            self.open_help()
        elif action == "leave":
            self.dismiss("")
        elif action == "accept":
            self._accept(batch)
        elif action == "undo":
            self.confirm_undo(self._desk, self._undo)
        elif key in _MOVES:
            self._move(*_MOVES[key])
        elif action == "mark":
            self._mark(EXCEPTION)
        elif key in batch.keys:
            self._mark(batch.keys[key])

    def _undo(self, expected: int | None) -> None:
        count = self._count
        self.ask(lambda: self._desk.undo_batch(count, expected), self._show)

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
        if mark in (self._marks.pop(item, None), batch.alike.label):
            self._draw("")
            return
        self._marks[item] = mark
        self._draw("")

    def _accept(self, batch: Batch) -> None:
        """Label what is not an exception; the next batch, unless its first item would be one."""
        marked = [(m.item, self._marks.get(m.item, batch.alike.label)) for m in self._members]
        given = [(item, label) for item, label in marked if label != EXCEPTION]
        if not given:
            self._draw("Every item is marked as an exception. Esc goes back.")
            return
        goes_on, count = marked[0][1] != EXCEPTION, self._count

        def work() -> tuple[str, Batch | None]:
            remark = self._desk.accept(given)
            return remark, self._desk.next_alike(count) if goes_on else None

        self.ask(work, self._show)


def _title(batch: Batch, width: int) -> Text:
    alike = batch.alike
    low, high = (f(m.probability for m in alike.members) for f in (min, max))
    line = Text.assemble(
        (f"{len(alike.members)} alike, predicted ", "bold"),
        (printable_line(alike.label), f"bold {drawing.BLUE}"),
        f" {low:.0%}-{high:.0%} · {sum(batch.counts.values())} labeled",
        no_wrap=True,
    )
    line.truncate(width, overflow="ellipsis")
    return line
