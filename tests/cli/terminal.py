"""A terminal that a program runs in, its screen, and a pool of pictures to look at in it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from knnal.index.linalg import unit_rows
from knnal.pool.pool import Pool
from knnal.pool.storage import NewRecord
from knnal.types import EmbedderIdentity, Modality

from ..patience import PATIENCE_S

pexpect = pytest.importorskip("pexpect", reason="pexpect is in the extra 'test'")
pyte = pytest.importorskip("pyte", reason="pyte is in the extra 'test'")

_QUIET_S = 0.05

_AT_THE_TOP = {"\x1b[6n": "\x1b[1;1R"}
"""What every terminal answers: where its cursor is."""


class Terminal:
    """A terminal of 80 x 24 that a program runs in, and what it shows."""

    def __init__(
        self,
        program: str,
        arguments: list[str],
        folder: Any,
        environment: Any,
        answers: dict[str, str],
    ) -> None:
        """``answers`` is what the terminal sends back, by what it is asked."""
        self.received = ""
        self._answers = {**answers, **{q: a for q, a in _AT_THE_TOP.items() if q not in answers}}
        self.wipe()
        self.child = pexpect.spawn(
            program,
            arguments,
            cwd=str(folder),
            env=environment,
            dimensions=(24, 80),
            encoding="utf-8",
        )
        self.child.delaybeforesend = None  # pexpect would wait 50 ms before it sends a key

    @property
    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self.screen.display)

    def shows(self, *phrases: str) -> str:
        """Wait until all the phrases are on the screen, and nothing more comes; the screen."""
        deadline = time.monotonic() + PATIENCE_S
        while self._read() or not all(phrase in self.text for phrase in phrases):
            assert time.monotonic() < deadline, f"waited for {phrases}, came\n{self.text}"
        return self.text

    def asks(self, labeled: int, *phrases: str) -> str:
        """Wait for a whole question, which must fit the screen; the screen."""
        text = self.shows(f"{labeled} labeled, ", "help", *phrases)
        assert text.startswith(f"{labeled} labeled, "), f"its top is out of sight:\n{text}"
        assert "? help" in text
        return text

    def receives(self, *phrases: str) -> str:
        """Wait until all the phrases have come since the latest key, and nothing more comes."""
        deadline = time.monotonic() + PATIENCE_S
        while self._read() or not all(phrase in self.received for phrase in phrases):
            assert time.monotonic() < deadline, f"waited for {phrases}, came\n{self.received!r}"
        return self.received

    def press(self, key: str) -> None:
        self.received = ""
        self.child.send(key)

    def type_class(self, name: str) -> None:
        """Press the key for it, and type a class at the prompt."""
        self.press("n")
        self.shows("Class (Enter alone goes back):")
        self.press(f"{name}\r")

    def wipe(self) -> None:
        """An empty screen, whatever state the program has brought the old one into."""
        self.screen = pyte.Screen(80, 24)
        self._stream = pyte.Stream(self.screen)

    def resize(self, rows: int, columns: int) -> None:
        self.child.setwinsize(rows, columns)
        self.screen.resize(rows, columns)

    def ends(self, *phrases: str) -> None:
        """Wait for the program to end well, its last words on the screen."""
        self.shows(*phrases)
        self.child.expect(pexpect.EOF, timeout=PATIENCE_S)
        self.child.close()
        assert self.child.exitstatus == 0

    def _read(self) -> bool:
        try:
            received = self.child.read_nonblocking(1 << 16, timeout=_QUIET_S)
        except (pexpect.TIMEOUT, pexpect.EOF):
            return False
        self.received += received
        for question in [question for question in self._answers if question in self.received]:
            self.child.send(self._answers.pop(question))
        self._stream.feed(received)
        return True


@contextmanager
def terminals() -> Iterator[Callable[..., Terminal]]:
    """Starts ``knnal`` in terminals, where other commands of a fixture would run."""
    opened: list[Terminal] = []

    def start(
        knnal: Any, *arguments: str, answers: dict[str, str] | None = None, **variables: str
    ) -> Terminal:
        environment = {**knnal.environment, "TERM": "xterm-256color", **variables}
        for name in ("COLUMNS", "NO_COLOR"):
            environment.pop(name)
        terminal = Terminal(knnal.script, list(arguments), knnal.folder, environment, answers or {})
        opened.append(terminal)
        return terminal

    try:
        yield start
    finally:
        for terminal in opened:
            terminal.child.close(force=True)


def make_pictures(folder: Path, count: int) -> None:
    """Squares and discs in turn, each of another color."""
    folder.mkdir()
    for number in range(count):
        picture = Image.new("RGB", (64, 64), "white")
        draw = ImageDraw.Draw(picture)
        shape = draw.ellipse if number % 2 else draw.rectangle
        shape((12, 12, 52, 52), fill=(number * 4, 255 - number * 4, 128))
        picture.save(folder / f"{number:03}.png")


def pool_of_pictures(folder: Path) -> None:
    """A pool of them as ``knnal embed`` leaves it, their pixels for embeddings."""
    pool = Pool.create(folder / ".knnal")
    files = sorted((folder / "pictures").iterdir())
    X = np.array([np.asarray(Image.open(file).resize((8, 8))).ravel() for file in files], float)
    pool.adopt(EmbedderIdentity("pixels", "", X.shape[1], "8x8"), Modality.IMAGE)
    with pool.transaction():
        source = pool.catalog.source(folder / "pictures")
        records = [NewRecord(file.name, "", "", path=file.name) for file in files]
        pool.store(source, records, unit_rows(X.astype(np.float32)))
    pool.close()
