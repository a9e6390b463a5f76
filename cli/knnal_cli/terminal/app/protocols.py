"""Pictures in pixels, where the terminal has a protocol for them: Kitty's, or Sixel (iTerm too)."""

from __future__ import annotations

from functools import cache

from PIL.Image import Image
from textual.app import ComposeResult
from textual.containers import Container
from textual_image import renderable, widget
from textual_image._terminal import get_cell_size


@cache
def cell_pixels() -> tuple[int, int] | None:
    """The pixels of a character cell; None where the terminal shows none.

    The terminal was asked when textual-image was imported, before the application began.
    """
    if renderable.Image not in (renderable.SixelImage, renderable.TGPImage):
        return None
    size = get_cell_size()
    return size.width, size.height


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
