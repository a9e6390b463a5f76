"""From a key to the next item on screen, in a real terminal.

``knnal label`` runs in a pseudo-terminal over a pool of --items, mixed by the recipe of
benchmarks.engine. A step presses the key of the item's true class; it ends when the bytes have come
that bring the next item and the new count to the screen. With --pictures items are photos, and it
ends when the item's own photo is there. Between steps lies --pause, the time that somebody looks at
an item, in which the application prepares the answers.

    python -m benchmarks.terminal --data DIR
    python -m benchmarks.terminal --data DIR --pictures
    python -m benchmarks.terminal --seeds made --items 2000 --steps 20
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.data import add_data_option
from benchmarks.engine.pools import BenchmarkPool, make_pool, pool_of, require_room
from benchmarks.engine.process import in_a_process, machine
from benchmarks.engine.seeds import load_seeds
from benchmarks.options import default_work
from benchmarks.pictures import COUNT, give_pictures, is_color_of, make_pictures
from knnal_cli.keymap import CLASS_KEYS

BAR_MS = 50.0
_KNNAL = "from knnal_cli.main import app; app()"
_QUIET_S = 0.05
_INSIDE = 4, 10
"""Rows and columns from the corner of a frame to where a picture is by all means."""
_PATIENCE_S = 300.0


@dataclass(frozen=True, slots=True)
class Figures:
    """Milliseconds from a key to the next item, over so many steps; and to the first item."""

    items: int
    pictures: bool
    columns: int
    rows: int
    steps: int
    first_item_ms: float
    median_ms: float
    p95_ms: float
    most_ms: float


class Screen:
    """A program in a pseudo-terminal, its screen, and when what came to it came."""

    def __init__(self, arguments: Sequence[str], columns: int, rows: int) -> None:
        import pexpect  # type: ignore[import-untyped]
        import pyte

        self._pyte = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self._pyte)
        self.end = pexpect.EOF
        self._pauses = (pexpect.EOF, pexpect.TIMEOUT)
        self.child: Any = pexpect.spawn(
            sys.executable,
            ["-c", _KNNAL, *arguments],
            env={**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"},
            dimensions=(rows, columns),
        )
        self.child.delaybeforesend = None  # pexpect would wait 50 ms before it sends a key

    def press(self, key: str) -> float:
        """Press a key, and when it was."""
        pressed = time.perf_counter()
        self.child.send(key)
        return pressed

    def asks(self, labeled: int, before: str = "", *, pictures: bool) -> tuple[str, float]:
        """Wait for the question after so many labels, and the item ``before``: its item, and when
        it was there, with its picture if there are any.
        """
        deadline = time.monotonic() + _PATIENCE_S
        while time.monotonic() < deadline:
            found: tuple[str, float] | None = None
            for came, chunk in self._read():
                self._stream.feed(chunk)
                lines = self._pyte.display
                item = re.search(r"╭─ ?(\d+)", "\n".join(lines))
                counted = lines[0].strip().startswith(f"{labeled} labeled")
                if found or not counted or item is None or item[1] == before:
                    continue
                if not pictures or self._shows_picture(int(item[1]), lines):
                    found = item[1], came
            if found is not None:
                return found
        raise TimeoutError("\n".join(self._pyte.display))

    def _shows_picture(self, item: int, lines: Sequence[str]) -> bool:
        """Whether what stands in the frame is the item's picture."""
        top = next(number for number, line in enumerate(lines) if "╭─" in line)
        row, column = self._pyte.buffer[top + _INSIDE[0]], lines[top].index("╭─") + _INSIDE[1]
        return is_color_of(item % COUNT, row[column].fg)

    def settle(self, seconds: float) -> None:
        """Let time pass, and the screen be drawn."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            for _, chunk in self._read():
                self._stream.feed(chunk)

    def _read(self) -> list[tuple[float, bytes]]:
        """What comes until nothing more does, each part with the time at which it came."""
        came: list[tuple[float, bytes]] = []
        while True:
            try:
                chunk = self.child.read_nonblocking(1 << 16, timeout=_QUIET_S)
            except self._pauses:
                return came
            came.append((time.perf_counter(), chunk))


def measure(
    pool: BenchmarkPool, steps: int, pause_s: float, columns: int, rows: int, *, pictures: bool
) -> Figures:
    """Label so many items of a copy of the pool by their true classes."""
    truth = pool.truth()
    classes = sorted(set(truth))[: len(CLASS_KEYS)]
    keys = dict(zip(classes, CLASS_KEYS, strict=False))
    times_ms = []
    with pool.copied() as folder:
        if pictures:
            make_pictures(folder / "pictures", seed=0)
            give_pictures(folder, folder / "pictures")
        started = time.perf_counter()
        options = ["--pool", str(folder), "--classes", ",".join(classes)]
        screen = Screen(["label", *options], columns, rows)
        item, came = screen.asks(0, pictures=pictures)
        first_ms = (came - started) * 1e3
        for labeled in range(1, steps + 1):
            screen.settle(pause_s)
            pressed = screen.press(keys.get(truth[int(item)], CLASS_KEYS[0]))
            item, came = screen.asks(labeled, item, pictures=pictures)
            times_ms.append((came - pressed) * 1e3)
        screen.press("q")
        screen.child.expect(screen.end, timeout=_PATIENCE_S)
    median, p95 = np.percentile(times_ms, [50, 95])
    return Figures(
        len(truth), pictures, columns, rows, steps,
        first_ms, float(median), float(p95), max(times_ms),
    )  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parse(arguments)
    pool = pool_of(options.work, options.seeds, options.items, options.dimension, options.seed)
    if not pool.finished:
        require_room(options.work, options.items, options.dimension)
        seeds = load_seeds(
            options.seeds, options.dimension, options.data, options.work, options.seed
        )
        in_a_process(make_pool, pool, seeds, options.items, options.dimension, options.seed)
    size = options.columns, options.rows
    figures = measure(pool, options.steps, options.pause, *size, pictures=options.pictures)
    if options.json:
        record = {"machine": machine(), **asdict(figures)}
        options.json.write_text(json.dumps(record, indent=2), encoding="utf-8")
    held = "held" if figures.p95_ms <= BAR_MS else "not held"
    kind = "pictures" if figures.pictures else "items"
    print(
        f"{figures.items:,} {kind}, {figures.columns} x {figures.rows}, {figures.steps} keys: "
        f"first item after {figures.first_item_ms / 1e3:.1f} s; from a key to the next item "
        f"{figures.median_ms:.0f} ms median, {figures.p95_ms:.0f} ms p95, "
        f"{figures.most_ms:.0f} ms at most. {BAR_MS:.0f} ms p95: {held}."
    )
    return 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.terminal",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_data_option(parser)
    add = parser.add_argument
    add("--seeds", choices=("data", "made"), default="data", help="what the pool is mixed from")
    add("--items", type=int, default=100_000)
    add("--dimension", type=int, default=1280)
    add("--steps", type=int, default=200, help="keys pressed (%(default)s)")
    add("--pause", type=float, default=1.0, help="seconds looked at an item (%(default)s)")
    add("--pictures", action="store_true", help="items are photos, in half blocks")
    add("--columns", type=int, default=120)
    add("--rows", type=int, default=40)
    add("--seed", type=int, default=0)
    add("--work", type=Path, default=default_work(), help="keeps pools (%(default)s)")
    add("--json", type=Path, help="write the figures there")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
