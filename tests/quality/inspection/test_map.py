"""The map as a picture and as a page: what they hold, and what a real browser makes of them."""

from __future__ import annotations

import dataclasses
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from knnal.pages.palette import NONE, TOKENS, class_colors, score_colors
from knnal.quality.inspection.map import (
    ColorBy,
    MapPoints,
    grid_positions,
    map_html,
    write_map_page,
    write_map_picture,
)

from ...browsing import browser, visit

HOSTILE = "</script><img src=x onerror=\"document.title='owned'\"><!-- 'x' & {{data}}"


def make_points(count: int = 5, **changes: Any) -> MapPoints:
    """Points from left to right; the first is labeled, the last one has no score."""
    numbers = np.arange(count)
    points = MapPoints(
        positions=np.column_stack([numbers, numbers % 2]).astype(np.float32),
        classes=(HOSTILE, "plain"),
        labels=np.where(numbers == 0, 1, -1).astype(np.int32),
        predictions=(numbers % 2).astype(np.int32),
        probabilities=np.full(count, 0.75, dtype=np.float32),
        scores=np.where(numbers == count - 1, np.nan, numbers / 10.0),
        strategy="article",
        ids=[f"item {n} {HOSTILE}" for n in numbers],
        texts=[f"text {n} {HOSTILE}" for n in numbers],
        paths=[None] * count,
    )
    return dataclasses.replace(points, **changes)


# The picture


def colors_in(file: Path) -> set[int]:
    with Image.open(file) as picture:
        assert picture.format == "PNG"
        pixels = np.asarray(picture.convert("RGB")).astype(np.int64)
    return set(np.unique(pixels @ [0x10000, 0x100, 1]).tolist())


def rgb(color: str) -> int:
    return int(color[1:], 16)


def test_the_picture_has_the_colors_of_what_is_there(tmp_path: Path) -> None:
    file = tmp_path / "map.png"
    first, second = map(rgb, class_colors(2))
    points = make_points(40, classes=("$a$ and $", "plain"))
    write_map_picture(points, ColorBy.PREDICTION, "a $title$ of $", file)
    assert {first, second} <= colors_in(file)
    write_map_picture(points, ColorBy.SCORE, "", file)
    assert rgb(score_colors(2)[0]) in colors_in(file)
    assert not {first, second} & colors_in(file)


def test_class_colors_differ() -> None:
    assert len(set(class_colors(60))) == 60


# The page's source


class Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.attributes: set[str] = set()
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.attributes |= {name for name, _ in attrs}


def embedded(page: str) -> Any:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    return json.loads(found[1])


def test_the_page_holds_everything_and_needs_nothing_else() -> None:
    points = make_points()
    page = map_html(points, ColorBy.SCORE, HOSTILE)
    data, tags = embedded(page), Tags(page)
    assert data["ids"] == points.ids
    assert data["texts"] == points.texts
    assert data["classes"] == list(points.classes)
    assert data["color"] == "score"
    assert tags.names.count("script") == 2
    assert not {"img", "link", "iframe"} & set(tags.names)
    assert not {"src", "href", "onerror"} & tags.attributes
    assert "default-src 'none'" in page
    assert not re.search(r"https?://(?!www.w3.org/2000/svg)|fetch\(|import |export ", page)


def test_long_texts_are_cut_and_files_are_below_their_folder(tmp_path: Path) -> None:
    folder = tmp_path / "a b#c"
    paths = [folder / "x" / "1 %.png", None, folder / "y.png"]
    data = embedded(
        map_html(make_points(3, texts=["w " * 500, None, ""], paths=paths), ColorBy.LABEL, "")
    )
    assert len(data["texts"][0]) == 200
    assert data["texts"][1:] == ["", ""]
    assert data["files"][1] == ""
    for path, file in zip(paths, data["files"], strict=True):
        assert path is None or data["root"] + file == path.as_uri()


@given(
    arrays(
        np.float32, st.tuples(st.integers(1, 9), st.just(2)), elements=st.floats(-8, 8, width=16)
    )
)
def test_the_grid_keeps_order_and_proportions(positions: Any) -> None:
    grid = grid_positions(positions).astype(float)
    span = np.ptp(positions, axis=0).max()
    if span:
        expected = (positions - positions[0]) / span * 65535
        np.testing.assert_allclose(grid - grid[0], expected, atol=2)
    else:
        assert (grid == grid[0]).all()


# The page in a browser


HELPERS = """
// Without a screen there are no frames: what is planned for the next one is drawn here.
const pause = () => new Promise((done) => setTimeout(done, 50));
const wait = () => pause().then(() => map.planned && map.draw());
const { canvas, pen } = map;
const point = (i) => {
  const box = canvas.getBoundingClientRect(), ratio = canvas.width / box.width;
  const [clientX, clientY] = [box.left + map.x(i) / ratio, box.top + map.y(i) / ratio];
  canvas.dispatchEvent(new PointerEvent("pointermove", { clientX, clientY }));
};
const pixelAt = (left, top) => "#" + [...pen.getImageData(left, top, 1, 1).data.slice(0, 3)]
  .map((part) => part.toString(16).padStart(2, "0")).join("");
const painted = (i) => pixelAt(Math.round(map.x(i)), Math.round(map.y(i)));
"""


@browser
@pytest.mark.slow
def test_a_browser_draws_every_point_and_tells_what_it_is(tmp_path: Path) -> None:
    photo = tmp_path / "photo #1.png"
    Image.new("RGB", (8, 6), "red").save(photo)
    points = make_points(5, paths=[None, photo, None, None, None])
    file = tmp_path / "map.html"
    write_map_page(points, ColorBy.PREDICTION, HOSTILE, file)
    told = visit(
        file,
        HELPERS
        + """
        const seen = { painted: [1, 2].map(painted), papers: [pixelAt(2, 2)] };
        point(1); await wait(); await wait();
        const picture = card.querySelector("img");
        seen.card = card.textContent; seen.width = picture ? picture.naturalWidth : 0;
        $("color").value = "label"; $("color").dispatchEvent(new Event("change"));
        point(4); await wait();
        seen.recolored = painted(2);
        seen.legend = $("legend").textContent;
        $("search").value = "ITEM 3"; $("search").dispatchEvent(new Event("input"));
        seen.found = $("matches").textContent;
        const before = map.zoom; $("in").click(); seen.zoomed = map.zoom > before;
        $("all").click(); seen.back = map.zoom === map.least;
        $("theme").click(); await wait(); seen.papers.push(pixelAt(2, 2));
        document.title = JSON.stringify(seen);
        """,
    )
    assert not told.startswith("error"), told
    seen = json.loads(told)
    first, second = class_colors(2)
    assert seen["painted"] == [second, first]
    for phrase in (f"item 1 {HOSTILE}", "prediction: plain (75%)", "score: 0.1000", "text 1"):
        assert phrase in seen["card"]
    assert seen["width"] == 8  # the picture was loaded from its file
    assert seen["recolored"] == NONE
    assert seen["legend"] == "plain1no label4"
    assert seen["found"] == "1 match"
    assert seen["zoomed"]
    assert seen["back"]
    assert sorted(seen["papers"]) == sorted(TOKENS["card"])
