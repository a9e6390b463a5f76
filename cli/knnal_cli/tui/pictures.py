"""Pictures in half blocks or pixels, decoded in the background; files in a viewer."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from array import array
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from pathlib import Path
from threading import Thread
from typing import TypeAlias

from PIL.Image import Image
from rich.console import RenderableType
from rich.text import Text
from rich_pixels import Pixels
from textual.app import ComposeResult
from textual.containers import Container
from textual_image import renderable, widget

from knnal.embedders.images import open_thumbnail
from knnal.errors import ItemError

Picture: TypeAlias = Image | RenderableType
_KEPT_CELLS = 40_000
"""Cells of the screen that the kept pictures fill together; each takes about a kilobyte."""


class Pictures:
    """Decodes pictures into ``width x height`` cells of ``cell`` pixels each; (1, 2): half blocks.

    ``arrived`` is called in a thread of this one's whenever a picture that was missing is there.
    """

    def __init__(self, arrived: Callable[[], None]) -> None:
        self._arrived = arrived
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="knnal-pictures")
        self._made: OrderedDict[tuple[Path, int, int], Future[Picture]] = OrderedDict()
        self._cells: dict[tuple[Path, int, int], int] = {}

    def get(
        self, path: Path, width: int, height: int, cell: tuple[int, int] | None = None
    ) -> Picture | None:
        """The picture in half blocks, or with ``cell`` in pixels; None while it is decoded."""
        return self._future(path, width, height, cell, tell=True)

    def prefetch(
        self, path: Path, width: int, height: int, cell: tuple[int, int] | None = None
    ) -> None:
        """Decode what may be shown next."""
        self._future(path, width, height, cell, tell=False)

    def close(self) -> None:
        """Give up what waits."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _future(
        self, path: Path, width: int, height: int, cell: tuple[int, int] | None, *, tell: bool
    ) -> Picture | None:
        across, down = cell or (1, 2)
        key = (path, width * across, height * down)
        future = self._made.get(key)
        if future is None:
            future = self._threads.submit(_decode, *key, blocks=cell is None)
            self._made[key], self._cells[key] = future, width * height
            while len(self._made) > 1 and sum(self._cells.values()) > _KEPT_CELLS:
                del self._cells[self._made.popitem(last=False)[0]]
        self._made.move_to_end(key)
        if future.done():
            return future.result()
        if tell:
            future.add_done_callback(lambda done: None if done.cancelled() else self._arrived())
        return None


def _decode(path: Path, width: int, height: int, *, blocks: bool) -> Picture:
    try:
        image = open_thumbnail(path, (max(width, 1), max(height, 1)))
    except (ItemError, OSError) as error:
        return Text(f"(no preview: {error})", style="yellow")
    if not blocks:
        return image
    pixels: RenderableType = Pixels.from_image(image)
    return pixels


_USUAL_CELL = 10, 20
"""Pixels across and down, where the terminal does not tell. Pictures are scaled to fit anyway."""


@cache
def cell_pixels() -> tuple[int, int] | None:
    """The pixels of a character cell; None where the terminal shows none.

    The terminal was asked when textual-image was imported, before the application began.
    """
    if renderable.Image not in (renderable.SixelImage, renderable.TGPImage):
        return None
    return told_cell() or _USUAL_CELL


def told_cell() -> tuple[int, int] | None:
    """The pixels of a character cell by what the terminal has told the system, if it has."""
    try:
        from fcntl import ioctl
        from termios import TIOCGWINSZ
    except ImportError:  # Windows
        return None
    size = array("H", [0, 0, 0, 0])
    try:
        ioctl(sys.__stdout__.fileno() if sys.__stdout__ else -1, TIOCGWINSZ, size)
    except (OSError, ValueError):
        return None
    rows, columns, width, height = size
    cell = width // max(columns, 1), height // max(rows, 1)
    return cell if all(cell) else None


class PicturePanel(Container):
    """Shows a picture by the terminal's protocol."""

    DEFAULT_CSS = """
    PicturePanel { height: 1fr; align: center middle; }
    PicturePanel Image { width: auto; height: auto; max-width: 100%; max-height: 100%; }
    """

    def compose(self) -> ComposeResult:
        if cell_pixels() is not None:
            yield widget.Image()

    def show(self, picture: Image) -> None:
        """Show a picture, in the place of the one before."""
        drawn = self.query_one(widget.Image)
        if drawn.image is not picture:
            drawn.image = picture


def open_file(path: Path) -> str:
    """Open a file, without waiting for it; what to say of it.

    The viewer gets no terminal, where it could write over the application or take its keys.
    """
    if not path.exists():
        return f"{path} is not there any more."
    if sys.platform == "win32":
        os.startfile(path)  # noqa: S606
        return f"Opened {path}."
    displays = ("DISPLAY", "WAYLAND_DISPLAY")
    if sys.platform != "darwin" and not any(map(os.environ.get, displays)):
        return f"There is no display here to open it on: {path}"
    program = "open" if sys.platform == "darwin" else "xdg-open"
    if shutil.which(program) is None:
        return f"There is no '{program}' here to open it with: {path}"
    Thread(target=_run, args=(program, str(path)), daemon=True).start()
    return f"Opened {path}."


def _run(*command: str) -> None:
    nothing = subprocess.DEVNULL
    subprocess.run(
        command, stdin=nothing, stdout=nothing, stderr=nothing, start_new_session=True, check=False
    )
