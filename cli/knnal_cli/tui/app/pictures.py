"""Pictures for the screen, decoded in the background and kept for when they are asked for again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeAlias

from PIL.Image import Image
from rich.console import RenderableType
from rich.text import Text
from rich_pixels import Pixels

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
