"""A real browser on the page: headless Chromium, a window for each person."""

from __future__ import annotations

import shutil
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from starlette.types import ASGIApp

from knnal.pool.pool import Pool
from knnal_cli.web.app import bind, make_server

from ...patience import PATIENCE_S
from .conftest import TOKEN

webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is in the extra 'test'")
from selenium.common.exceptions import WebDriverException  # noqa: E402
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402

__all__ = ["By", "Keys", "Page", "Server", "log_of", "needs_a_browser", "open_windows"]

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")

needs_a_browser = [
    pytest.mark.slow,
    pytest.mark.skipif(
        CHROMIUM is None or DRIVER is None, reason="needs the programs chromium and chromedriver"
    ),
]

NEXT = """
const [before, done] = arguments;
const look = () => {
  const item = document.getElementById("name-of-item").textContent;
  if (item && item !== before && !document.body.classList.contains("busy")) done(item);
  else setTimeout(look, 5);
};
look();
"""


class Page:
    """A window of the browser on the page, driven by its keys, or by fingers."""

    at: Page | None = None

    def __init__(self, driver: Any, handle: str, width: int, height: int) -> None:
        self._driver, self._handle = driver, handle
        phone = width < 500
        self._host = "localhost" if phone else "127.0.0.1"
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone}
        self.cdp("Emulation.setDeviceMetricsOverride", **metrics)
        self.cdp("Emulation.setTouchEmulationEnabled", enabled=phone, maxTouchPoints=2)
        self._time = time.time()

    @property
    def driver(self) -> Any:
        """The browser, this window in front."""
        if Page.at is not self:
            self._driver.switch_to.window(self._handle)
            Page.at = self
        return self._driver

    def cdp(self, command: str, **parameters: Any) -> Any:
        return self.driver.execute_cdp_cmd(command, parameters)

    def run(self, script: str, *arguments: Any) -> Any:
        return self.driver.execute_script(script, *arguments)

    def open(self, server: Server) -> None:
        self.driver.get("about:blank")  # the page before may still ask a server that is gone
        self.driver.get_log("browser")  # drops what came up before
        self.driver.get(f"http://{self._host}:{server.port}/?token={TOKEN}")
        self.until(self.idle, "something is asked")

    @property
    def item(self) -> str:
        return self.inner("name-of-item")

    def text(self, name: str) -> str:
        """What an element shows."""
        return str(self.driver.find_element(By.ID, name).text)

    def inner(self, name: str) -> str:
        """What an element says, shown or not."""
        return str(self.run("return document.getElementById(arguments[0]).textContent", name))

    def shows(self, name: str) -> bool:
        return bool(self.driver.find_element(By.ID, name).is_displayed())

    def focused(self) -> str:
        return str(self.driver.switch_to.active_element.get_attribute("id"))

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
            time.sleep(0.02)

    def press(self, *keys: str) -> None:
        webdriver.ActionChains(self.driver).send_keys(*keys).perform()

    def busy(self) -> bool:
        """Whether something is under way: what is pressed meanwhile is not taken."""
        return bool(self.run("return document.body.classList.contains('busy')"))

    def idle(self) -> bool:
        """Whether an item is asked about, and what is pressed is taken."""
        return bool(self.item) and not self.busy()

    def asked(self, before: str = "") -> str:
        """The item that is asked about, as soon as it is another than before."""
        return str(self.driver.execute_async_script(NEXT, before))

    def answer(self, key: str) -> str:
        """Press a key, and wait for the next item; the one that was answered."""
        item = self.asked()
        self.press(key)
        self.asked(item)
        return item

    def panel(self, name: str) -> None:
        """Open a panel by its button, and wait for what is in it."""
        self.run("document.querySelector(`[data-open=${arguments[0]}]`).click()", name)
        filled = "return document.querySelector('dialog[open] :is(h2, .picture)')"
        self.until(lambda: self.run(filled), f"{name} is open")
        if name == "map":
            self.until(lambda: self.text("map-legend"), "the map is there")

    def box(self, selector: str) -> tuple[float, float, float, float]:
        """Where an element is: left, top, width, height."""
        script = (
            "const b = document.querySelector(arguments[0]).getBoundingClientRect();"
            "return [b.x, b.y, b.width, b.height]"
        )
        x, y, width, height = self.run(script, selector)
        return x, y, width, height

    def touch(self, *path: tuple[tuple[float, float], ...]) -> None:
        """Fingers on the glass: where they are, one step after the other, and then lifted.

        The clock of the touches runs by itself: they end standing still, and no two are a double
        tap.
        """
        self._time += 2
        for number, fingers in enumerate((*path, path[-1], path[-1])):
            points = [{"x": x, "y": y, "id": finger} for finger, (x, y) in enumerate(fingers)]
            self._touch("touchMove" if number else "touchStart", points)
        self._touch("touchEnd", [])

    def _touch(self, kind: str, points: list[dict[str, float]]) -> None:
        self._time += 0.08
        self.cdp("Input.dispatchTouchEvent", type=kind, touchPoints=points, timestamp=self._time)

    def tap(self, selector: str) -> None:
        """Touch the middle of an element."""
        x, y, width, height = self.box(selector)
        self.touch(((x + width / 2, y + height / 2),))

    def overflow(self) -> int:
        """By how many pixels something lies beyond the edge of the window."""
        return int(self.run("return document.documentElement.scrollWidth - innerWidth"))

    def roles_and_names(self) -> dict[str, list[str]]:
        """What a screen reader is told of the page: the names by role."""
        found = defaultdict(list)
        self.cdp("Accessibility.enable")
        for node in self.cdp("Accessibility.getFullAXTree")["nodes"]:
            if not node["ignored"]:
                found[node["role"]["value"]].append(node["name"]["value"])
        return found

    def errors(self, *, refusals: bool = True) -> list[Any]:
        """What the browser complains of; of what the server refuses only if wanted."""
        lines = [line for line in self.driver.get_log("browser") if line["level"] == "SEVERE"]
        return [line for line in lines if refusals or line["source"] != "network"]

    def shoot(self, file: Path) -> None:
        self.driver.save_screenshot(str(file))
        assert file.read_bytes().startswith(b"\x89PNG")


@contextmanager
def open_windows() -> Iterator[list[Page]]:
    """A wide window, and one like a phone's. They share no cookie, as two browsers would not: the
    server has another name in each.
    """
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(DRIVER))
    try:
        driver.set_script_timeout(PATIENCE_S)
        wide = Page(driver, driver.current_window_handle, 1280, 800)
        driver.switch_to.new_window("window")
        yield [wide, Page(driver, driver.current_window_handle, 390, 844)]
    finally:
        Page.at = None
        driver.quit()


class Server:
    """The application on a real socket, in this process."""

    def __init__(self, app: ASGIApp, port: int = 0) -> None:
        self._listening = bind("127.0.0.1", port)
        self.port = self._listening.getsockname()[1]
        self._server = make_server(app)
        self._thread = Thread(target=self._server.run, args=([self._listening],))
        self._thread.start()

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._listening.close()


def log_of(folder: Path) -> list[tuple[str, str | None, str | None]]:
    with closing(Pool.open(folder)) as pool:
        events = list(pool.log.events())
    return [(e.kind.value, e.item, e.label) for e in events if e.kind != "class"]
