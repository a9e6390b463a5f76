"""Pictures in pixels, where the terminal has a protocol for them: Kitty's, or Sixel (iTerm too)."""

from __future__ import annotations

import sys
from array import array
from functools import cache

from PIL.Image import Image
from textual.app import ComposeResult
from textual.containers import Container
from textual_image import renderable, widget

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
        shown = self.query_one(widget.Image)
        if shown.image is not picture:
            shown.image = picture
