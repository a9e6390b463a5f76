"""The page in a real browser: headless Chromium. Screenshots are kept in the test's folder."""

from __future__ import annotations

import shutil
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from starlette.types import ASGIApp

from knnal.neighbors.layout_file import stored_layout
from knnal.store.pool import Pool
from knnal_cli.serve.server import bind, make_server

from .conftest import TOKEN, PoolMaker

webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is in the extra 'test'")
from selenium.common.exceptions import WebDriverException  # noqa: E402
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        CHROMIUM is None or DRIVER is None, reason="needs the programs chromium and chromedriver"
    ),
]

PATIENCE_S = 60
TEXTS = [f"This is text number {number}." for number in range(80)]


class Page:
    """A browser window on the page, driven by its keys."""

    def __init__(self, width: int, height: int) -> None:
        options = webdriver.ChromeOptions()
        options.binary_location = CHROMIUM
        for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage"):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(options, webdriver.ChromeService(DRIVER))
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def open(self, server: Server) -> None:
        self.driver.get("about:blank")  # the page before may still ask a server that is gone
        self.driver.get_log("browser")  # drops what came up before
        self.driver.get(server.address)
        self.until(self.idle, "something is asked")

    @property
    def item(self) -> str:
        return str(self.driver.find_element(By.ID, "name-of-item").text)

    def text(self, name: str) -> str:
        return str(self.driver.find_element(By.ID, name).text)

    def until(self, holds: Callable[[], Any], what: str) -> Any:
        """Wait until something is so; what it is."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                if found := holds():
                    return found
            except WebDriverException:  # what was looked at has just been drawn anew
                pass
            assert time.monotonic() < deadline, f"waited until {what}"
            time.sleep(0.01)

    def press(self, *keys: str) -> None:
        webdriver.ActionChains(self.driver).send_keys(*keys).perform()

    def idle(self) -> bool:
        busy = "return document.body.classList.contains('busy')"
        return bool(self.item) and not self.driver.execute_script(busy)

    def answer(self, key: str) -> str:
        """Press a key, and wait for the next item; the one that was answered."""
        self.until(self.idle, "something is asked")
        item = self.item
        self.press(key)
        self.until(lambda: self.item != item and self.idle(), "the next item is there")
        return item

    def roles_and_names(self) -> dict[str, list[str]]:
        """What a screen reader is told of the page: the names by role."""
        found = defaultdict(list)
        self.driver.execute_cdp_cmd("Accessibility.enable", {})
        for node in self.driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]:
            if not node["ignored"]:
                found[node["role"]["value"]].append(node["name"]["value"])
        return found

    def shoot(self, file: Path) -> None:
        self.driver.save_screenshot(str(file))
        assert file.read_bytes().startswith(b"\x89PNG")


class Server:
    """The application on a real socket, in this process."""

    def __init__(self, app: ASGIApp, port: int = 0) -> None:
        self._listening = bind("127.0.0.1", port)
        self.port = self._listening.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}/?token={TOKEN}"
        self._server = make_server(app)
        self._thread = Thread(target=self._server.run, args=([self._listening],))
        self._thread.start()

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._listening.close()


@pytest.fixture(scope="module")
def windows() -> Iterator[list[Page]]:
    """Two browsers, a wide one and one like a phone's."""
    opened = [Page(1280, 800), Page(390, 844)]
    yield opened
    for page in opened:
        page.driver.quit()


@pytest.fixture
def start(make_app: Callable[..., ASGIApp]) -> Iterator[Callable[..., Server]]:
    """``(folder, *classes)``"""
    started: list[Server] = []

    def begin(folder: Path, *classes: str, port: int = 0) -> Server:
        server = Server(make_app(folder, classes), port)
        started.append(server)
        return server

    yield begin
    for server in started:
        server.stop()


NAMED = (
    "button",
    "link",
    "textbox",
    "searchbox",
    "progressbar",
    "image",
    "dialog",
    "complementary",
)
CONTRASTS = """
const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
const light = ([r, g, b]) => {
  const curved = (v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  const linear = [r, g, b].map((v) => curved(v / 255));
  return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
};
const behind = (element) => {
  for (let at = element; at; at = at.parentElement) {
    const found = channels(getComputedStyle(at).backgroundColor);
    if (found.length < 4 || found[3] > 0.99) return found;
  }
};
const words = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
const found = [];
while (words.nextNode()) {
  const element = words.currentNode.parentElement;
  const shown = element.checkVisibility({ visibilityProperty: true });
  if (!shown || !words.currentNode.textContent.trim()) continue;
  const [a, b] = [light(channels(getComputedStyle(element).color)), light(behind(element))];
  found.push([(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), words.currentNode.textContent]);
}
return found;
"""
"""The contrast of each text with what is behind it, as WCAG 2 defines it."""


def log_of(folder: Path) -> list[tuple[str, str | None, str | None]]:
    with closing(Pool.open(folder)) as pool:
        events = list(pool.log.events())
    return [(e.kind.value, e.item, e.label) for e in events if e.kind != "class"]


def test_fifty_items_by_keys_with_second_thoughts(
    make_texts: PoolMaker,
    start: Callable[..., Server],
    windows: list[Page],
    tmp_path: Path,
) -> None:
    folder = make_texts(TEXTS)
    server = start(folder, "good", "bad")
    page = windows[0]
    page.open(server)
    expected: list[tuple[str, str | None, str | None]] = []
    for number in range(50):
        label = ("good", "bad")[number % 2]
        expected.append(("label", page.answer(str(1 + number % 2)), label))
    assert TOKEN not in page.driver.current_url
    page.until(lambda: "50 labelled" in page.text("counts"), "the count is drawn")

    last = expected[-1][1]
    page.press("u")
    page.until(lambda: page.item == last and page.idle(), "the item is back")
    expected.append(("undo", last, None))
    expected.append(("label", page.answer("1"), "good"))
    expected.append(("skip", page.answer("s"), None))

    asked = page.item
    page.press(Keys.ARROW_LEFT)
    page.press(Keys.ARROW_LEFT)
    page.until(lambda: "Looking back" in page.text("mode"), "an earlier item is shown")
    page.until(lambda: page.item == last, "it is the one labelled before")
    page.press("2")
    page.until(lambda: page.item == asked and page.idle(), "the question is back")
    expected.append(("relabel", last, "bad"))

    page.press("n")
    page.until(lambda: page.driver.switch_to.active_element.get_attribute("id") == "typed", "n")
    page.press("<i>ugly</i>", Keys.ENTER)
    page.until(lambda: page.item != asked and page.idle(), "the next item is there")
    expected.append(("label", asked, "<i>ugly</i>"))
    assert log_of(folder) == expected

    page.until(lambda: "<i>ugly</i>" in page.text("classes"), "the class has a key, and no markup")
    page.shoot(tmp_path / "labelled.png")
    errors = [line for line in page.driver.get_log("browser") if line["level"] == "SEVERE"]
    assert errors == []


def test_two_browsers_get_no_item_twice(
    make_texts: PoolMaker, start: Callable[..., Server], windows: list[Page]
) -> None:
    folder = make_texts(TEXTS[:20])
    server = start(folder, "good", "bad")
    for page in windows:
        page.open(server)
    answered = [page.answer("12"[number % 2]) for number in range(6) for page in windows]
    assert max(Counter(answered).values()) == 1
    assert sorted(answered) == sorted(str(item) for _, item, _ in log_of(folder))
    held, left = windows[0].item, len(TEXTS[:20]) - len(answered)
    windows[0].driver.get("about:blank")
    others = {windows[1].answer("1") for _ in range(left - 1)}
    assert held in {*others, windows[1].item}, "what the first one left comes back"
    windows[1].press("1")
    windows[1].until(lambda: "Everything is labelled" in windows[1].text("item"), "nothing is left")


def test_a_lost_server_is_told_and_no_answer_is_lost(
    make_texts: PoolMaker,
    start: Callable[..., Server],
    windows: list[Page],
    tmp_path: Path,
) -> None:
    folder = make_texts(TEXTS)
    server = start(folder, "good", "bad")
    page = windows[0]
    page.open(server)
    first = page.answer("1")
    page.until(page.idle, "something is asked")
    item = page.item
    server.stop()
    page.press("2")
    page.until(lambda: "'bad' is kept here" in page.text("banner"), "the page says that it waits")
    page.shoot(tmp_path / "lost.png")
    start(folder, "good", "bad", port=server.port)
    page.until(lambda: not page.text("banner"), "the server is back")
    page.until(lambda: page.item != item and page.idle(), "the answer has arrived")
    third = page.answer("1")
    assert log_of(folder) == [
        ("label", first, "good"),
        ("label", item, "bad"),
        ("label", third, "good"),
    ]


def test_a_picture_is_shown_and_enlarged(
    pictures: Path,
    start: Callable[..., Server],
    windows: list[Page],
    tmp_path: Path,
) -> None:
    server = start(pictures, "red", "blue")
    page = windows[1]
    page.open(server)
    for _ in range(4):
        page.until(page.idle, "something is asked")
        page.answer("1" if page.item.startswith("red") else "2")
    width = "return document.querySelector('#item img').naturalWidth"
    assert page.driver.execute_script(width) == 60
    wide = "return document.documentElement.scrollWidth - innerWidth"
    assert page.driver.execute_script(wide) <= 0, "nothing is beyond the edge of a phone"
    thumbs = "return [...document.querySelectorAll('#neighbours img')].map(i => i.naturalWidth)"
    page.until(lambda: all(page.driver.execute_script(thumbs)), "thumbnails are there")
    page.press(" ")
    page.until(lambda: page.driver.find_element(By.ID, "zoomed").is_displayed(), "it is large")
    page.shoot(tmp_path / "large.png")
    item = page.item
    page.press("1")
    page.until(lambda: page.item != item and page.idle(), "keys work there too")
    assert not page.driver.find_element(By.ID, "zoomed").is_displayed()
    page.shoot(tmp_path / "phone.png")


def test_a_region_of_the_map_is_labelled_after_a_confirmation(
    pictures: Path, start: Callable[..., Server], windows: list[Page], tmp_path: Path
) -> None:
    page = windows[0]
    page.open(start(pictures, "red", "blue"))
    for _ in range(4):
        page.answer("1" if page.item.startswith("red") else "2")
    page.until(lambda: "4 labelled" in page.text("counts"), "the count is drawn")
    before = log_of(pictures)
    page.press("m")
    page.until(lambda: "24 items, 4 labelled" in page.text("map-count"), "the map is there")
    page.press("+", Keys.ARROW_LEFT, "0", "e")
    page.until(lambda: "4 of them labelled" in page.text("map-bar"), "all are chosen")
    assert page.text("map-bar").count("red") == 1, "it says what they are predicted to be"
    page.press("2")
    page.until(lambda: page.driver.find_element(By.ID, "region").is_displayed(), "it asks")
    assert "Label 20 items as\nblue" in page.text("region-words").replace(" \n", "\n")
    assert "4 that are labelled already" in page.text("region-left")
    page.shoot(tmp_path / "region.png")
    assert log_of(pictures) == before, "nothing is labelled before it is meant"
    page.press(Keys.ENTER)
    page.until(lambda: "Labelled 20" in page.text("map-bar"), "they are labelled")
    page.shoot(tmp_path / "map.png")
    labelled = log_of(pictures)[4:]
    assert {(kind, label) for kind, _, label in labelled} == {("label", "blue")}
    assert len({item for _, item, _ in labelled}) == 20
    page.driver.find_element(By.CSS_SELECTOR, "#map-bar button").click()
    page.until(lambda: "Took back all 20" in page.text("map-bar"), "all are taken back")
    undone = [item for kind, item, _ in log_of(pictures)[24:] if kind == "undo"]
    assert undone == [item for _, item, _ in labelled[::-1]]

    page.press("l")
    canvas = page.driver.find_element(By.ID, "map-canvas")
    across, down = canvas.size["width"] - 8, canvas.size["height"] - 8
    drag = webdriver.ActionChains(page.driver)
    drag.move_to_element_with_offset(canvas, -across // 2, -down // 2).click_and_hold()
    for step in ((across, 0), (0, down), (-across, 0)):
        drag.move_by_offset(*step)
    drag.release().perform()
    page.until(lambda: "24 items" in page.text("map-bar"), "a line was drawn around all")
    page.press(Keys.ESCAPE)
    page.until(lambda: not page.driver.find_element(By.ID, "map-bar").is_displayed(), "let go")
    page.press(Keys.ARROW_UP)
    spoken = page.driver.find_element(By.ID, "map-spoken")
    shown = page.until(lambda: spoken.get_attribute("textContent"), "a key points at an item")
    page.press(Keys.ENTER)
    page.until(lambda: "Looking back" in page.text("mode"), "it is looked at")
    page.until(lambda: shown.partition(",")[0] == page.item, "it is the one")
    page.press(Keys.ESCAPE)


def test_review_notes_and_renames_by_keys(
    pictures: Path, start: Callable[..., Server], windows: list[Page], tmp_path: Path
) -> None:
    page = windows[0]
    page.open(start(pictures, "red", "blue"))
    wrong = ""
    for number in range(12):
        page.until(page.idle, "something is asked")
        key = "1" if page.item.startswith("red") else "2"
        if number == 8:
            wrong = page.answer("2" if key == "1" else "1")
        else:
            page.answer(key)
    page.press("v")
    page.until(lambda: "Review" in page.text("mode"), "a suspicious label is shown")
    page.until(lambda: page.item == wrong, "it is the wrong one")
    assert page.text("h-neighbours").casefold() == "labelled neighbours that disagree"
    page.shoot(tmp_path / "review.png")
    page.press("s")
    page.until(lambda: "Set aside" in page.text("note"), "not sure")
    page.until(lambda: "No label is left" in page.text("note"), "it was the only one")
    assert log_of(pictures)[-1] == ("skip", wrong, None)

    page.press("u")
    page.until(lambda: "Took back" in page.text("note") and page.idle(), "it is back")
    page.press("U")
    page.until(lambda: "Brought back" in page.text("note") and page.idle(), "it is aside again")

    item = page.item
    page.press("N")
    page.until(lambda: page.driver.switch_to.active_element.get_attribute("id") == "note-text", "N")
    page.press("<b>odd</b>", Keys.ENTER)
    page.until(lambda: page.text("item-note") == "Note: <b>odd</b>", "the note is shown")
    page.press("R")
    page.until(lambda: page.driver.find_element(By.ID, "rename").is_displayed(), "R")
    page.press(Keys.TAB, "blue")
    page.until(lambda: page.text("rename-yes") == "Merge", "it says what that would mean")
    page.shoot(tmp_path / "merge.png")
    page.press(Keys.BACKSPACE * 4, "rouge", Keys.ENTER)
    page.until(lambda: "rouge" in page.text("classes"), "the class has another name")
    assert page.item == item
    assert [entry for entry in log_of(pictures)[13:] if entry[0] != "class"] == [
        ("undo", wrong, None),
        ("redo", wrong, None),
        ("note", item, None),
        ("rename", None, "rouge"),
    ]
    errors = [line for line in page.driver.get_log("browser") if line["level"] == "SEVERE"]
    assert errors == []


def test_everybody_can_read_and_name_it(
    pictures: Path, start: Callable[..., Server], windows: list[Page], tmp_path: Path
) -> None:
    with closing(Pool.open(pictures)) as pool:
        stored_layout(pool, pool.live)
    page = windows[0]
    page.open(start(pictures, "red", "blue"))
    for _ in range(4):
        page.answer("1" if page.item.startswith("red") else "2")
    for theme in ("light", "dark"):
        scheme = [{"name": "prefers-color-scheme", "value": theme}]
        page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": scheme})
        for panel in ("", "history", "doubts", "standing", "map", "help"):
            if panel:
                page.driver.execute_script(f"document.querySelector('[data-open={panel}]').click()")
                page.until(
                    lambda: page.driver.find_elements(By.CSS_SELECTOR, "dialog[open] h2"), "open"
                )
            if panel == "map":
                page.until(lambda: page.text("map-legend"), "the map is there")
            contrasts = page.driver.execute_script(CONTRASTS)
            assert len(contrasts) > 20
            assert min(contrasts)[0] >= 4.5, f"{theme}: {min(contrasts)}"
            roles = page.roles_and_names()
            assert roles["button"]
            assert [role for role in NAMED if "" in roles[role]] == []
            page.shoot(tmp_path / f"{theme}-{panel or 'page'}.png")
            page.press(Keys.ESCAPE)
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
