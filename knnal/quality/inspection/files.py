"""The files of an inspection: contact sheets or tables, the map as picture and page, and JSON."""

from __future__ import annotations

import json
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from knnal.embedders.images import open_thumbnail
from knnal.errors import InputError, ItemError
from knnal.files import atomic_writer
from knnal.pages.palette import light
from knnal.quality.inspection.items import InspectedItem, aligned, item_cells
from knnal.quality.inspection.map import ColorBy, MapPoints, write_map_page, write_map_picture
from knnal.quality.inspection.report import Inspection

FINDINGS, PICTURE, PAGE = "inspect.json", "map.png", "map.html"

_UNITS = {"entropy": " nats"}
_COLUMNS = 5
_PICTURE = 200
_GAP = 12
_LINE = 18
_LINES = 4
_TITLE = 40


def made_folder(folder: Path) -> Path:
    """The folder, created if it does not exist. Raises InputError where that is not possible."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"Cannot create the folder {folder} for the results "
            f"({error.strerror or error}). Choose another one with `output`."
        ) from error
    return folder


def write_inspection(
    inspection: Inspection, points: MapPoints, color: ColorBy, folder: Path
) -> list[Path]:
    """Write all files of an inspection.

    Items are contact sheets where they are images, else tables of text. Kinds of items without any
    have no file.

    Parameters
    ----------
    inspection
        The findings.
    points
        The points of the map.
    color
        What the colors of the map mean at first.
    folder
        Where to write. Each file appears only when it is complete.

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    InputError
        For a folder that cannot be written to.
    """
    measure = inspection.options.measure
    kinds = {
        "most-confusing": (inspection.most_confusing, f"Most confusing, by {measure}", measure),
        "least-confusing": (inspection.least_confusing, f"Least confusing, by {measure}", measure),
        "outliers": (inspection.outliers, "Outliers, by density", "density"),
    }
    by = f"score ({points.strategy})" if color is ColorBy.SCORE else str(color)
    title = f"{inspection.items} items by {by}, {inspection.labeled} labeled (ringed)"
    try:
        written = [
            _write_items(items, title, value, folder / name)
            for name, (items, title, value) in kinds.items()
            if items
        ]
        write_map_picture(points, color, title, folder / PICTURE)
        write_map_page(points, color, f"{len(points)} items", folder / PAGE)
        with atomic_writer(folder / FINDINGS) as stream:
            findings = json.dumps(inspection.as_dict(), ensure_ascii=False, allow_nan=False)
            stream.write(findings.encode())
    except OSError as error:
        raise InputError(
            f"Cannot write into {folder} ({error.strerror or error}). Choose another folder with "
            "`output`."
        ) from error
    return [*written, folder / PICTURE, folder / PAGE, folder / FINDINGS]


def _write_items(items: tuple[InspectedItem, ...], title: str, value: str, stem: Path) -> Path:
    if any(item.path is not None for item in items):
        file = stem.with_name(f"{stem.name}.png")
        write_sheet(items, title, value, file)
    else:
        file = stem.with_name(f"{stem.name}.txt")
        with atomic_writer(file) as stream:
            stream.write("\n".join([title, "", *aligned(item_cells(items)), ""]).encode())
    return file


def write_sheet(items: tuple[InspectedItem, ...], title: str, value: str, file: Path) -> None:
    """Write a contact sheet: pictures in order, row by row, 5 in each.

    Below a picture are its id, the prediction, the label, and the value that it was selected by,
    which has the name ``value``. A picture that cannot be opened leaves a gray square that says
    why.
    """
    columns = min(_COLUMNS, max(len(items), 1))
    rows = -(-len(items) // columns)
    across, down = _PICTURE + _GAP, _PICTURE + _LINES * _LINE + _GAP
    size = columns * across + _GAP, _TITLE + rows * down + _GAP
    sheet = Image.new("RGB", size, light("card"))
    draw = ImageDraw.Draw(sheet)

    def write(x: int, y: int, text: str, width: int, color: str = "ink", points: int = 13) -> None:
        font = _font(points)
        draw.text((x, y), _fitted(draw, text, width, font), light(color), font)

    write(_GAP, _GAP, title, sheet.width - 2 * _GAP, points=18)
    for place, item in enumerate(items):
        left, top = _GAP + place % columns * across, _TITLE + place // columns * down
        side = _PICTURE - 4
        try:
            assert item.path is not None
            picture = open_thumbnail(item.path, (side, side))
            corner = left + (side - picture.width) // 2, top + (side - picture.height) // 2
            sheet.paste(picture, corner)
        except (ItemError, OSError) as error:
            draw.rectangle((left, top, left + side, top + side), fill=light("line"))
            reason = getattr(error, "strerror", None) or str(error)
            write(left + 8, top + side // 2, reason, side - 16)
        for line, text in enumerate((item.id, *item.verdicts)):
            write(left, top + _PICTURE + line * _LINE, text, _PICTURE)
        words = f"{value} {item.value:.2f}{_UNITS.get(value, '')}"
        write(left, top + _PICTURE + 3 * _LINE, words, _PICTURE, "quiet")
    with atomic_writer(file) as stream:
        sheet.save(stream, "PNG")


def _fitted(draw: ImageDraw.ImageDraw, text: str, width: int, font: ImageFont.FreeTypeFont) -> str:
    """The text on one line, cut in its middle until it fits: the ends of paths tell most."""
    text = " ".join(text.split())
    kept, fitting = len(text), text
    while draw.textlength(fitting, font) > width and kept > 1:
        kept -= 1
        ending = text[len(text) - (kept - kept // 3) :]
        fitting = f"{text[: kept // 3]}\N{HORIZONTAL ELLIPSIS}{ending}"
    return fitting


def _font(size: int) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, which Matplotlib brings along; it has most alphabets, but no Chinese."""
    import matplotlib

    return ImageFont.truetype(Path(matplotlib.get_data_path(), "fonts/ttf/DejaVuSans.ttf"), size)
