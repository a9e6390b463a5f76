"""``knnal label`` in terminals that show pixels, that show next to nothing, and within tmux."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

if os.name == "nt":
    pytest.skip("a pseudo-terminal needs a POSIX system", allow_module_level=True)

from knnal_cli.tui.pictures import told_cell

from ..patience import PATIENCE_S
from .terminal import Terminal, make_pictures, pool_of_pictures, terminals

pytestmark = [
    pytest.mark.slow,
    # Starting a program in a terminal forks, which Python warns of beside NumPy's threads.
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),
]


@pytest.fixture
def start_terminal() -> Iterator[Callable[..., Terminal]]:
    with terminals() as start:
        yield start


@pytest.fixture
def pictures(knnal: Any) -> Any:
    """Commands beside a pool of 12 pictures."""
    make_pictures(knnal.folder / "pictures", 12)
    pool_of_pictures(knnal.folder)
    return knnal


SIXEL = {"\x1b[c": "\x1b[?62;4;22c"}
KITTY = {"\x1b[c": "\x1b[?62;22c", "\x1b_Gi=": "\x1b_Gi=1;OK\x1b\\"}
NEITHER = {"\x1b[c": "\x1b[?62;22c"}
SIXEL_PICTURE = re.compile(r"\x1bP[0-9;]*q[^\x1b]{200,}\x1b\\")
KITTY_PICTURE = re.compile(r"\x1b_G[^;\x1b]*;[A-Za-z0-9+/=]{200,}\x1b\\")
KITTY_PLACE = "\U0010eeee"


@pytest.mark.parametrize(
    ("answers", "sixel", "kitty"),
    [(SIXEL, True, False), (KITTY, False, True), (NEITHER, False, False)],
    ids=["sixel", "kitty", "neither"],
)
def test_pictures_come_by_the_protocol_that_the_terminal_speaks(
    pictures: Any, start_terminal: Any, answers: dict[str, str], sixel: bool, kitty: bool
) -> None:
    options = ("label", "--audit", "0", "--classes", "disc,square")
    terminal = start_terminal(pictures, *options, answers=answers)
    for labeled, key in enumerate("12"):
        received = terminal.receives(f"{labeled} labeled", "help" * (labeled == 0))
        deadline = time.monotonic() + PATIENCE_S
        while (
            "▄" not in received
            and "▀" not in received
            and not (SIXEL_PICTURE.search(received) or KITTY_PICTURE.search(received))
        ):
            assert time.monotonic() < deadline, received[-2000:]
            received = terminal.receives()
        assert bool(SIXEL_PICTURE.search(received)) == sixel
        assert bool(KITTY_PICTURE.search(received)) == kitty
        assert (KITTY_PLACE in received) == kitty
        terminal.press(key)
    terminal.receives("2 labeled")
    terminal.press("q")
    terminal.ends()


def test_an_answer_that_comes_late_labels_nothing(pictures: Any, start_terminal: Any) -> None:
    """Its digits are keys of classes, and textual-image has given up waiting for it."""
    options = ("label", "--audit", "0", "--classes", "disc,square")
    terminal = start_terminal(pictures, *options, answers={"\x1b[6n": ""})
    terminal.receives("\x1b[c")
    time.sleep(0.5)
    terminal.child.send("\x1b[?62;22c\x1b[1;1R")
    terminal.shows("0 labeled, 12 to go", "help")
    terminal.press("1")
    terminal.shows("1 labeled, 11 to go")
    terminal.press("q")
    terminal.ends()


def test_a_terminal_tells_the_pixels_of_its_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    import fcntl
    import pty
    import struct
    import termios

    outside, inside = pty.openpty()
    with os.fdopen(outside, "rb"), os.fdopen(inside, "w", encoding="utf-8") as stdout:
        monkeypatch.setattr("sys.__stdout__", stdout)
        assert told_cell() is None
        fcntl.ioctl(stdout, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 720, 432))
        assert told_cell() == (9, 18)
    monkeypatch.setattr("sys.__stdout__", None)
    assert told_cell() is None


def test_a_dumb_terminal_gets_the_plain_loop(vectors: Any, start_terminal: Any) -> None:
    terminal = start_terminal(vectors, "label", "--classes", "left,right", TERM="dumb")
    text = terminal.shows("0 labeled", "n type a class  s not sure  u undo  q quit")
    assert "\x1b[?1049h" not in terminal.received
    assert "No prediction before the first label." in text
    terminal.press("1")
    terminal.shows("1 labeled")
    terminal.press("q")
    terminal.ends("Everything is stored")


class Tmux:
    """A tmux server of its own with one window of 80 x 24."""

    def __init__(self, folder: str, program: list[str], where: Path, environment: Any) -> None:
        self._socket = str(Path(folder) / "s")
        self._environment = environment
        size = ("-x", "80", "-y", "24")
        self._tmux("-f", "/dev/null", "new-session", "-d", *size, "-c", str(where), *program)

    def _tmux(self, *arguments: str, check: bool = True) -> str:
        command = ["tmux", "-S", self._socket, *arguments]
        done = subprocess.run(
            command, env=self._environment, capture_output=True, text=True, check=False
        )
        assert not check or done.returncode == 0, done.stderr
        return done.stdout

    def shows(self, *phrases: str) -> str:
        """Wait until all the phrases are on the screen, and it stays as it is; the screen."""
        deadline = time.monotonic() + PATIENCE_S
        before = ""
        while True:
            text = self._tmux("capture-pane", "-p")
            if text == before and all(phrase in text for phrase in phrases):
                return text
            assert time.monotonic() < deadline, f"waited for {phrases}, came\n{text}"
            before = text
            time.sleep(0.05)

    def press(self, *keys: str) -> None:
        """Press keys by the names that tmux has for them."""
        self._tmux("send-keys", *keys)

    def resize(self, columns: int, rows: int) -> None:
        self._tmux("resize-window", "-x", str(columns), "-y", str(rows))

    def ends(self) -> None:
        """Wait until the program has ended, and with it the window and the server."""
        deadline = time.monotonic() + PATIENCE_S
        while self._tmux("list-sessions", check=False):
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def close(self) -> None:
        self._tmux("kill-server", check=False)


@pytest.fixture
def start_tmux() -> Iterator[Callable[..., Tmux]]:
    """Runs ``knnal`` in tmux where another command would run."""
    if shutil.which("tmux") is None:
        pytest.skip("tmux is not installed")
    with TemporaryDirectory(prefix="knnal-") as folder:  # a socket's path must be short
        started: list[Tmux] = []

        def start(knnal: Any, *arguments: str) -> Tmux:
            kept = {n: v for n, v in knnal.environment.items() if n not in ("COLUMNS", "NO_COLOR")}
            environment = {**kept, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}
            started.append(Tmux(folder, [knnal.script, *arguments], knnal.folder, environment))
            return started[-1]

        yield start
        for tmux in started:
            tmux.close()


def test_within_tmux_it_labels_and_follows_the_window(
    pictures: Any, start_tmux: Any, log: Any
) -> None:
    tmux = start_tmux(pictures, "label", "--audit", "0", "--classes", "disc")
    expected = []

    def item_on(labeled: int, *phrases: str) -> str:
        text = tmux.shows(f"{labeled} labeled, {12 - labeled} to go", "? help", *phrases)
        title = re.search(r"╭─ ?(\S+) ─", text)
        assert title is not None, text
        return title[1]

    first = item_on(0)
    tmux.press("1")
    expected.append(("label", first, "disc"))
    second = item_on(1, "▸ disc")
    tmux.press("n")
    tmux.shows("a new one:")
    tmux.press("-l", "square")
    tmux.press("Enter")
    expected.append(("label", second, "square"))
    third = item_on(2, "2  square 1")
    tmux.resize(120, 40)
    wide = tmux.shows("2 labeled", "Why this one", "N note")
    assert max(map(len, wide.splitlines())) > 100
    assert "▄" in wide or "▀" in wide
    tmux.press("u")
    expected.append(("undo", second, None))
    tmux.shows("1 labeled", "Here is the item again")
    tmux.press("U")
    expected.append(("redo", second, None))
    assert item_on(2, "Brought back") == third
    tmux.resize(60, 20)
    tmux.shows("2 labeled", "? help")
    tmux.press("B")
    tmux.shows("similar items, predicted")
    tmux.press("Escape")
    assert item_on(2) == third
    tmux.press("s")
    expected.append(("skip", third, None))
    tmux.shows("2 labeled, 9 to go")
    tmux.press("q")
    tmux.ends()
    assert [(e["kind"], e["item"], e["label"]) for e in log(pictures.folder)] == expected
