"""What stands beside an item: the prediction, the neighbors that decide, and why it is there."""

from __future__ import annotations

from collections.abc import Sequence

from PIL.Image import Image
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text
from textual.geometry import Size

from knnal_cli.tui.app import drawing
from knnal_cli.tui.app.pictures import Pictures
from knnal_cli.tui.app.shown import Seen, Shown

THUMBNAIL = (8, 4)
"""Cells of a neighbor's picture."""


def beside(
    shown: Shown, size: Size, pictures: Pictures, *, narrow: bool, wide: bool
) -> RenderableType:
    """All of it that fits ``size``; the prediction alone where it is ``narrow``, with pictures of
    the neighbors where it is ``wide``.
    """
    subject = shown.subject
    if subject is None:
        return Text("")
    width, height = max(size.width, 20), size.height
    chances = subject.prediction.probabilities
    if subject.prediction.label is None:
        return Text("No prediction before the first label.", style="dim")
    if narrow:
        return drawing.bars(chances, width, max(height, 1))
    most = max(min(height // 4, 10), 2)
    parts: list[RenderableType] = []
    if shown.suspect is not None:
        parts += [drawing.given_label(shown.suspect), Text("Without it:", style="bold")]
    parts += [drawing.bars(chances, width, most), Text()]
    if shown.suspect is not None and shown.neighbors:
        parts.append(Text("Neighbors that disagree", style="bold"))
    left = height - min(len(chances), most) - 7 - max(len(parts) - 2, 0)
    parts += _neighbors(shown.neighbors, width, left, pictures if wide else None)
    parts += [Text(), *drawing.why(subject)]
    texts = [part for part in parts if isinstance(part, Text)]
    return Text("\n").join(texts) if len(texts) == len(parts) else Group(*parts)


def _neighbors(
    neighbors: Sequence[Seen], width: int, height: int, pictures: Pictures | None
) -> list[RenderableType]:
    """As many as there is room for; with pictures, a line apart where all of them fit so."""
    apart = height >= len(neighbors) * (THUMBNAIL[1] + 1)
    parts: list[RenderableType] = []
    for seen in neighbors:
        picture = None if pictures is None else _thumbnail(seen, pictures)
        height -= 2 if picture is None else THUMBNAIL[1] + apart
        if height < 0:
            break
        text = drawing.neighbor_text(seen, width - 10 if picture else width)
        parts.append(text if picture is None else _side_by_side(picture, text))
        parts += [Text()] * (picture is not None and apart)
    return parts


def _thumbnail(seen: Seen, pictures: Pictures) -> RenderableType | None:
    """A neighbor's picture, or room for it until it is there; None for what has none."""
    if seen.path is None:
        return None
    picture = pictures.get(seen.path, *THUMBNAIL)
    room = Text("\n" * (THUMBNAIL[1] - 1))
    return room if picture is None or isinstance(picture, Image) else picture


def _side_by_side(picture: RenderableType, text: Text) -> Table:
    row = Table.grid(padding=(0, 2, 0, 0))
    row.add_column(width=THUMBNAIL[0])
    row.add_row(picture, text)
    return row
