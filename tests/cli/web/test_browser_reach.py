"""The page for everybody: read aloud, by keys alone, by touch, without motion, in both themes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from .browser import Keys, Page, Server, log_of, needs_a_browser

pytestmark = needs_a_browser

NAMED = (
    "button",
    "link",
    "textbox",
    "searchbox",
    "combobox",
    "checkbox",
    "progressbar",
    "image",
    "dialog",
    "complementary",
)
CONTRASTS = """
const channels = (color) => color.match(/[\\d.]+/g).map(Number);
const light = ([r, g, b]) => {
  const curved = (v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  const linear = [r, g, b].map((v) => curved(v / 255));
  return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
};
const contrast = (one, other) => {
  const [a, b] = [light(one), light(other)];
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
};
const over = ([r, g, b, alpha = 1], below) =>
  alpha > 0.999 ? [r, g, b] : [r, g, b].map((v, i) => alpha * v + (1 - alpha) * below[i]);
const behind = (element) => {
  if (!element) return [255, 255, 255];
  const found = channels(getComputedStyle(element).backgroundColor);
  return found[3] === undefined ? found : over(found, behind(element.parentElement));
};
const seen = { visibilityProperty: true, opacityProperty: true };
const shown = (element) => element.checkVisibility(seen);
const words = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
const found = [];
while (words.nextNode()) {
  const element = words.currentNode.parentElement;
  if (!shown(element) || !words.currentNode.textContent.trim()) continue;
  const style = getComputedStyle(element), below = behind(element);
  const ink = channels(element instanceof SVGElement ? style.fill : style.color);
  found.push([contrast(over(ink, below), below), 4.5, words.currentNode.textContent]);
}
for (const field of document.querySelectorAll("input, select, textarea")) {
  const edge = channels(getComputedStyle(field).borderTopColor);
  const wanted = field.type === "checkbox" || !shown(field) ? 0 : 3;
  found.push([contrast(edge, behind(field.parentElement)), wanted, `the edge of ${field.id}`]);
}
return found.filter(([reached, wanted]) => reached < wanted).concat([[found.length, 0, "in all"]]);
"""
"""What falls short of the contrast that WCAG 2 wants (AA): 4.5 of each text with what is behind
it, 3 of the edges of fields; and last, of how many.
"""

FOCUS = """
const one = document.activeElement, style = getComputedStyle(one);
const { width, bottom, top, right } = one.getBoundingClientRect();
const { focus, open, command } = one.dataset;
const inside = width > 0 && bottom > 0 && top < innerHeight && right > 0;
const ringed = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
const name = one.id || focus || open || command || one.className || one.tagName;
return [name, inside && ringed && one.matches(":focus-visible"), Math.round(top)];
"""
"""What has the focus, whether that can be seen, and where it is."""

PANELS = ("", "history", "errors", "progress", "help", "name", "map")


def shortcomings(page: Page, theme: str) -> list[object]:
    """What cannot be read for its contrast, and what has no name, which is the same by dark."""
    *found, (count, *_) = page.run(CONTRASTS)
    assert count > 20
    if theme == "dark":
        return found
    roles = page.roles_and_names()
    assert roles["button"]
    return [*found, *(role for role in NAMED if "" in roles[role])]


def opens(page: Page, key: str, name: str) -> bool:
    """Whether a key opens a dialog. Not one that comes while the item is being drawn anew."""
    page.run("for (const dialog of document.querySelectorAll('dialog[open]')) dialog.close()")
    page.press(key)
    return page.shows(name)


def test_everybody_can_read_and_name_it(
    mapped: Path, start: Callable[..., Server], windows: list[Page], tmp_path: Path
) -> None:
    page = windows[0]
    page.open(start(mapped, "red", "blue", audit=0.5))
    for number in range(8):
        red = page.asked().startswith("red") == (number != 6)  # the one is wrong
        page.answer("1" if red else "2")
    found: dict[str, list[object]] = {}
    for theme in ("light", "dark"):
        scheme = [{"name": "prefers-color-scheme", "value": theme}]
        page.cdp("Emulation.setEmulatedMedia", features=scheme)
        for panel in PANELS:
            if panel:
                page.panel(panel)
            found[f"{theme} {panel}"] = shortcomings(page, theme)
            page.shoot(tmp_path / f"{theme}-{panel or 'page'}.png")
            page.run("document.querySelector('dialog[open]')?.close()")
        for key, name in (("n", "type"), ("N", "notes"), ("R", "rename"), (" ", "zoom")):
            page.until(lambda key=key, name=name: opens(page, key, name), name)
            found[f"{theme} {name}"] = shortcomings(page, theme)
            page.run("document.querySelector('dialog[open]').close()")
        page.press("v")
        page.until(lambda: "Review" in page.text("mode"), "a label is reviewed")
        found[f"{theme} review"] = shortcomings(page, theme)
        page.press(Keys.ESCAPE)
        page.until(lambda: not page.shows("mode"), "the question is back")
    page.cdp("Emulation.setEmulatedMedia", features=[])
    assert {where: what for where, what in found.items() if what} == {}


def test_the_focus_goes_from_the_top_down_and_is_seen(
    pictures: Path, start: Callable[..., Server], windows: list[Page]
) -> None:
    page = windows[0]
    page.open(start(pictures, "red", "blue"))
    page.answer("1")
    page.run("document.activeElement.blur(); getSelection().collapse(document.body, 0)")
    order, tops = [], []
    for _ in range(30):
        page.press(Keys.TAB)
        name, seen, top = page.run(FOCUS)
        assert seen or name == "BODY", name
        if name == "BODY" or name in order:
            break
        order.append(name)
        tops.append(top)
    assert order[0] == "skip-link"
    assert {"frame", "label red", "label blue", "type", "step", "theme"} <= set(order)
    header, footer = order.index("theme"), order.index("label red")
    assert header < order.index("frame") < footer < order.index("type")
    assert tops[footer:] == sorted(tops[footer:])

    button = page.driver.switch_to.active_element
    while page.run(FOCUS)[0] != "label blue":
        page.press(Keys.TAB)
        button = page.driver.switch_to.active_element
    item = page.asked()
    button.send_keys(Keys.ENTER)
    page.asked(item)
    assert log_of(pictures)[-1] == ("label", item, "blue")
    page.until(lambda: page.run(FOCUS)[0] == "label blue", "the focus stays at the class")
    page.press("?")
    page.until(lambda: page.shows("help"), "?")
    page.press(Keys.ESCAPE)
    page.until(lambda: page.run(FOCUS)[0] == "label blue", "and comes back to it")


def test_what_happens_is_read_out(
    pictures: Path, start: Callable[..., Server], windows: list[Page]
) -> None:
    page = windows[0]
    page.open(start(pictures, "red", "blue"))
    live = "return ['note', 'spoken'].map((id) => document.getElementById(id).ariaLive)"
    assert page.run(live) == ["polite", "polite"]
    assert page.inner("spoken") == f"Now: {page.item}"
    item = page.answer("1")
    page.until(lambda: page.inner("note") == "Labeled red.", "the answer is told")
    expected = f"Now: {page.item}, predicted red, 100%"
    page.until(lambda: page.inner("spoken") == expected, "and what comes next")
    page.press(Keys.ARROW_LEFT)
    page.until(lambda: page.inner("spoken").startswith(f"Past item, labeled red: {item}"), "a look")
    page.press(Keys.ESCAPE)


def test_motion_is_reduced_and_keys_are_turned_off_on_request(
    pictures: Path, start: Callable[..., Server], windows: list[Page]
) -> None:
    page = windows[0]
    page.open(start(pictures, "red", "blue"))
    moving = "return getComputedStyle(document.getElementById('item')).transitionProperty"
    reduced = [{"name": "prefers-reduced-motion", "value": "reduce"}]
    assert page.run(moving) == "opacity"
    page.cdp("Emulation.setEmulatedMedia", features=reduced)
    assert page.run(moving) == "none"
    page.cdp("Emulation.setEmulatedMedia", features=[])

    page.panel("help")
    page.run("document.getElementById('keys-on').click()")
    page.press(Keys.ESCAPE)
    item = page.asked()
    page.press("1", "s", "?")
    page.press(Keys.ARROW_LEFT)
    page.until(lambda: "no earlier item" in page.text("note"), "arrows still work")
    assert (page.item, log_of(pictures), page.shows("help")) == (item, [], False)
    page.run("document.getElementById('keys-on').click()")
    page.answer("1")


def test_everything_by_touch(
    mapped: Path, start: Callable[..., Server], windows: list[Page], tmp_path: Path
) -> None:
    page = windows[1]
    page.open(start(mapped, "red", "blue"))
    first = page.asked()
    page.tap("#classes .class")
    second = page.asked(first)
    assert log_of(mapped) == [("label", first, "red")]
    page.tap("[data-command=undo]")
    page.until(lambda: page.item == first and page.idle(), "a touch takes it back")
    page.tap("#classes .class")
    page.asked(first)

    page.tap("#item img")
    page.until(lambda: page.shows("zoomed"), "a touch enlarges")
    apart = [((195 - d, 420), (195 + d, 420)) for d in (20, 40, 60, 80)]
    page.touch(*apart)
    scale = "return new DOMMatrix(getComputedStyle(zoomed).transform)"
    assert page.run(f"{scale}.a") == pytest.approx(4, rel=0.05), "two fingers zoom"
    before = page.run(f"{scale}.e")
    page.touch(((200, 420),), ((150, 400),))
    assert page.run(f"{scale}.e") == pytest.approx(before - 50, abs=2), "one moves it"
    page.tap("#zoom .close")
    page.until(lambda: not page.shows("zoomed"), "a touch goes back")

    page.tap("[data-open=map]")
    page.until(lambda: page.text("map-legend"), "the map is there")
    assert page.overflow() <= 0
    for tool in ("map-by", "map-region", "map-view", "map-item", "map-in", "map-all"):
        x, _, width, height = page.box(f"#{tool}")
        assert x >= 0, tool
        assert x + width <= 390, f"{tool} is out of sight"
        assert min(width, height) >= 24, f"{tool} is too small for a finger"
    page.tap("#map-item")
    left, top, width, height = page.box("#map-canvas")
    middle = left + width / 2, top + height / 2
    page.touch((middle,))
    page.until(lambda: page.shows("map-card"), "a touch points at an item")
    page.until(lambda: page.run("return document.querySelector('#map-card img')"), "it is shown")
    page.shoot(tmp_path / "card.png")
    shown = page.run("return document.querySelector('#map-card .id').textContent")
    page.tap("#map-card button")
    page.until(lambda: "Past item" in page.text("mode") and page.item == shown, "and jumps")
    page.run("document.querySelector('#mode button').click()")

    page.tap("[data-open=map]")
    page.until(lambda: page.shows("map-region"), "the map is there again")
    page.tap("#map-all")
    page.touch(*[((middle[0] - d, middle[1]), (middle[0] + d, middle[1])) for d in (20, 40, 60)])
    page.tap("#map-view")
    zoomed = page.until(lambda: page.text("map-bar"), "some are in view")
    assert "24 items" not in zoomed, "two fingers zoom the map"
    page.tap("#map-bar button:last-child")
    page.tap("#map-all")
    page.tap("#map-region")
    corners = [(4, 4), (width - 4, 4), (width - 4, height - 4), (4, height - 4)]
    page.touch(*[((left + x, top + y),) for x, y in corners])
    page.until(lambda: "24 items" in page.text("map-bar"), "a finger draws around all")
    page.tap("#map-bar button.main")
    page.until(lambda: page.shows("typed"), "the class is asked for")
    page.tap("#matches li")
    page.until(lambda: page.shows("region"), "and whether it is meant")
    page.shoot(tmp_path / "touched.png")
    page.tap("#region-yes")
    page.until(lambda: "Labeled 23" in page.text("map-bar"), "they are labeled")
    assert len({item for kind, item, _ in log_of(mapped) if kind == "label"}) == 24
    assert second in {item for _, item, _ in log_of(mapped)}
    assert page.errors() == []
