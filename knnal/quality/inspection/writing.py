"""The files of an inspection: contact sheets or tables, the map as picture and page, and JSON."""

from __future__ import annotations

import json
from pathlib import Path

from knnal.errors import InputError
from knnal.files import atomic_writer
from knnal.quality.inspection.inspecting import Inspection
from knnal.quality.inspection.looks import Look, aligned, look_cells
from knnal.quality.inspection.map_page import write_map_page
from knnal.quality.inspection.map_picture import write_map_picture
from knnal.quality.inspection.points import Color, MapPoints
from knnal.quality.inspection.sheet import write_sheet

FINDINGS, PICTURE, PAGE = "inspect.json", "map.png", "map.html"


def made_folder(folder: Path) -> Path:
    """The folder, made if it is not there. Raises InputError where that cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"Expected a folder for the results, but cannot make {folder} "
            f"({error.strerror or error}). Name another with --out DIR."
        ) from error
    return folder


def write_inspection(
    inspection: Inspection, points: MapPoints, color: Color, folder: Path
) -> list[Path]:
    """Write all files into the folder, each whole; which ones there are.

    Items are shown as contact sheets where they are images, else as tables of text. Kinds that
    were not found have no file. Raises InputError for a folder that cannot be written to.
    """
    try:
        return _write(inspection, points, color, folder)
    except OSError as error:
        raise InputError(
            f"Cannot write into {folder}: {error.strerror or error}. Name another with --out DIR."
        ) from error


def _write(inspection: Inspection, points: MapPoints, color: Color, folder: Path) -> list[Path]:
    written = [
        _write_looks(looks, title, folder / name)
        for looks, title, name in _kinds(inspection)
        if looks
    ]
    ringed = f"{inspection.labeled} labeled (ringed)"
    title = f"{inspection.items} items by {_told(color, points)}, {ringed}"
    write_map_picture(points, color, title, folder / PICTURE)
    write_map_page(points, color, f"{len(points)} items", folder / PAGE)
    with atomic_writer(folder / FINDINGS) as stream:
        stream.write(json.dumps(inspection.as_dict(), ensure_ascii=False, allow_nan=False).encode())
    return [*written, folder / PICTURE, folder / PAGE, folder / FINDINGS]


def _kinds(inspection: Inspection) -> list[tuple[tuple[Look, ...], str, str]]:
    by = f"by {inspection.looking.measure}"
    return [
        (inspection.most_confusing, f"Most confusing, {by}", "most-confusing"),
        (inspection.least_confusing, f"Least confusing, {by}", "least-confusing"),
        (inspection.outliers, "Outliers, by density", "outliers"),
    ]


def _write_looks(looks: tuple[Look, ...], title: str, stem: Path) -> Path:
    if any(look.path is not None for look in looks):
        file = stem.with_name(f"{stem.name}.png")
        write_sheet(looks, title, file)
    else:
        file = stem.with_name(f"{stem.name}.txt")
        with atomic_writer(file) as stream:
            stream.write("\n".join([title, "", *aligned(look_cells(looks)), ""]).encode())
    return file


def _told(color: Color, points: MapPoints) -> str:
    return f"score ({points.strategy})" if color is Color.SCORE else str(color)
