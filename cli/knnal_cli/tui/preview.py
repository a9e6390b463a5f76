"""A picture in the terminal: half blocks, which need nothing of the terminal but colors."""

from __future__ import annotations

from pathlib import Path

from rich.console import RenderableType
from rich.text import Text
from rich_pixels import Pixels

from knnal.embedders.images import open_thumbnail
from knnal.errors import ItemError


def preview(path: Path, width: int, height: int) -> RenderableType:
    """The image fitted into ``width x height`` character cells, or a line that says why not."""
    try:
        image = open_thumbnail(path, (width, 2 * height))  # a cell shows two pixels, one below
    except (ItemError, OSError) as error:
        return Text(f"(no preview: {error})", style="yellow")
    pixels: RenderableType = Pixels.from_image(image)
    return pixels
