"""Contact sheets and tables of items."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageColor

from knnal.pages.palette import light
from knnal.quality.inspection.files import write_sheet
from knnal.quality.inspection.items import InspectedItem, aligned, item_cells, shortened

COLORS = [
    (200, 30, 30),
    (30, 160, 60),
    (40, 60, 220),
    (230, 180, 20),
    (120, 40, 160),
    (0, 150, 150),
]


def item(path: Path | None = None, **changes: object) -> InspectedItem:
    values = {"id": "a", "value": 0.5, "path": path, "text": None, "label": None}
    return InspectedItem(**{**values, "prediction": None, "probability": 0.0, **changes})  # type: ignore[arg-type]


def test_pictures_stand_in_order_row_by_row(tmp_path: Path) -> None:
    items = []
    for number, color in enumerate(COLORS):
        Image.new("RGB", (40, 300), color).save(tmp_path / f"{number}.png")
        items.append(item(tmp_path / f"{number}.png", id="long/" * 40, label="日本 fresh"))
    write_sheet(tuple(items), "Six", "entropy", tmp_path / "sheet.png")
    with Image.open(tmp_path / "sheet.png") as sheet:
        pixels = np.asarray(sheet.convert("RGB"))
    middles = []
    for color in COLORS:
        rows, columns = np.nonzero((pixels == color).all(axis=2))
        assert np.ptp(rows) > 4 * np.ptp(columns)  # not squeezed
        middles.append((round(rows.mean()), round(columns.mean())))
    assert len({row for row, _ in middles[:5]}) == 1
    assert [column for _, column in middles[:5]] == sorted({column for _, column in middles[:5]})
    assert middles[5][0] > middles[0][0]
    assert middles[5][1] == middles[0][1]


def test_a_picture_that_is_gone_leaves_a_gray_square(tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"no picture")
    items = item(tmp_path / "gone.png"), item(tmp_path / "broken.png")
    write_sheet(items, "Gone", "density", tmp_path / "sheet.png")
    with Image.open(tmp_path / "sheet.png") as sheet:
        pixels = np.asarray(sheet.convert("RGB"))
    gray = (pixels == ImageColor.getrgb(light("line"))).all(axis=2).sum()
    assert gray > 2 * 150 * 150


def test_tables_leave_out_what_nobody_has() -> None:
    bare = item_cells((item(), item(id="bb", value=1.25)))
    assert bare == [["0.500", "a"], ["1.250", "bb"]]
    full = item_cells(
        (item(label="x", prediction="y", probability=0.756, text="some\ntext"), item())
    )
    assert full[0] == ["0.500", "a", "y 76%", "labeled x", "some text"]
    assert full[1] == ["0.500", "a", "", "", ""]
    assert item_cells(()) == []


def test_columns_are_aligned() -> None:
    assert aligned([["1.5", "a", "z"], ["10.5", "bbb", ""]]) == [" 1.5  a    z", "10.5  bbb"]
    assert aligned([]) == []


@pytest.mark.parametrize(
    ("text", "expected"), [(None, ""), (" a\n b ", "a b"), ("abcdef", "abcd…"), ("abcde", "abcde")]
)
def test_texts_are_cut_on_one_line(text: str | None, expected: str) -> None:
    assert shortened(text, 5) == expected
