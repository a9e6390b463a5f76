"""A contact sheet: pictures side by side, with what they are and what is predicted of them."""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from knnal.embedders.images import open_thumbnail
from knnal.errors import ItemError
from knnal.files import atomic_writer
from knnal.quality.inspection.looks import Look, verdicts

_COLUMNS = 5
_PICTURE = 200
_GAP = 12
_LINE = 18
_LINES = 4
_TITLE = 40
_PAPER, _INK, _QUIET, _BLANK = "#ffffff", "#1b1f24", "#57606a", "#d5d9de"
_ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"


def write_sheet(looks: tuple[Look, ...], title: str, file: Path) -> None:
    """Write a PNG of the items in order, row by row, 5 in each.

    Below a picture are its id, the prediction, the label, and the value it was chosen by. A picture
    that cannot be opened any more leaves a gray square that says why.
    """
    columns = min(_COLUMNS, max(len(looks), 1))
    rows = -(-len(looks) // columns)
    across, down = _PICTURE + _GAP, _PICTURE + _LINES * _LINE + _GAP
    sheet = Image.new("RGB", (columns * across + _GAP, _TITLE + rows * down + _GAP), _PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.text((_GAP, _GAP), _fitted(draw, title, sheet.width, _font(18)), _INK, _font(18))
    for place, look in enumerate(looks):
        left, top = _GAP + place % columns * across, _TITLE + place // columns * down
        _paste(sheet, draw, look, left, top)
        told = [(look.id, _INK), *((text, _INK) for text in verdicts(look))]
        lines = [*told, (f"{look.value:.3f}", _QUIET)]
        for line, (text, color) in enumerate(lines):
            at = left, top + _PICTURE + line * _LINE
            draw.text(at, _fitted(draw, text, _PICTURE, _font(13)), color, _font(13))
    with atomic_writer(file) as stream:
        sheet.save(stream, "PNG")


def _paste(sheet: Image.Image, draw: ImageDraw.ImageDraw, look: Look, left: int, top: int) -> None:
    side = _PICTURE - 4
    try:
        assert look.path is not None
        picture = open_thumbnail(look.path, (side, side))
    except (ItemError, OSError) as error:
        draw.rectangle((left, top, left + side, top + side), fill=_BLANK)
        reason = getattr(error, "strerror", None) or str(error)
        middle = top + side // 2
        draw.text((left + 8, middle), _fitted(draw, reason, side - 16, _font(13)), _INK, _font(13))
        return
    sheet.paste(picture, (left + (side - picture.width) // 2, top + (side - picture.height) // 2))


def _fitted(draw: ImageDraw.ImageDraw, text: str, width: int, font: ImageFont.FreeTypeFont) -> str:
    """The text on one line, cut in its middle until it fits: the ends of paths tell most."""
    text = " ".join(text.split())
    kept = len(text)
    fitting = text
    while draw.textlength(fitting, font) > width and kept > 1:
        kept -= 1
        fitting = f"{text[: kept // 3]}{_ELLIPSIS}{text[len(text) - (kept - kept // 3) :]}"
    return fitting


def _font(size: int) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, which Matplotlib brings along; it has most alphabets, but no Chinese."""
    import matplotlib

    return ImageFont.truetype(Path(matplotlib.get_data_path(), "fonts/ttf/DejaVuSans.ttf"), size)
