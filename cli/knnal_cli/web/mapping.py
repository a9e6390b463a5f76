"""The map of the pool: laid out when it is first asked for, and what its points are by now."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel

from knnal.collaboration.desk import MultiUserSession
from knnal.errors import KnnalError
from knnal.index.layout import STEP
from knnal.pool.index_files import found_layout, stored_layout
from knnal.pool.pool import Pool
from knnal.quality.inspection.map import grid_positions, packed
from knnal.quality.inspection.report import predict_rows
from knnal.session.session import Session
from knnal.types import Float32Array, IntArray
from knnal_cli.web import schemas

MOST_ITEMS = 300_000
"""What a browser still draws at once, and what is laid out within minutes."""

_LEVEL = 3
_LAYING = "knnal_cli.web.laying"
_REST = 10
"""Predictions of all items take a while: they are made anew this many times as long apart."""


class NoMapError(Exception):
    """There is no map yet; the message says why."""


class PoolMap:
    """One pool's map, for everybody who looks at it. Nobody's answer waits for it."""

    def __init__(
        self, desk: MultiUserSession, folder: Path, items: int, most: int = MOST_ITEMS
    ) -> None:
        self._desk = desk
        self._folder = folder
        self._items = items
        self._lock = threading.Lock()
        self._state: Literal["none", "working", "ready", "too-large", "failed"] = "none"
        self._done = 0.0
        self._detail = ""
        self._working = f"Laying out {items:,} item{'' if items == 1 else 's'}"
        self._rows: IntArray = np.zeros(0, dtype=np.int64)
        self._points = b""
        self._child: subprocess.Popen[str] | None = None
        self._thread: threading.Thread | None = None
        self._closed = False
        self._colors = b""
        self._coloring = threading.Lock()
        self._due = 0.0
        if items > most:
            self._state = "too-large"
            self._detail = (
                f"The map is for pools of at most {most:,} items; this one has {items:,}."
            )

    def standing(self) -> schemas.MapState:
        """Whether it is there, and how far it is."""
        with self._lock:
            return schemas.MapState(
                state=self._state, done=self._done, detail=self._detail, items=self._items
            )

    def begin(self) -> None:
        """Have it laid out, unless it is or cannot be."""
        with self._lock:
            if self._state not in ("none", "failed") or self._closed:
                return
            self._state, self._done, self._detail = "working", 0.0, self._working
            self._thread = threading.Thread(target=self._make, name="knnal-map", daemon=True)
            self._thread.start()

    def points(self) -> bytes:
        """Ids and positions as JSON, compressed by gzip. Raises NoMapError."""
        with self._lock:
            if self._state != "ready":
                raise NoMapError(self._detail or "Nobody has asked for the map yet: POST /api/map.")
            return self._points

    def colors(self) -> bytes:
        """Labels and predictions of all points, by now or a moment ago, likewise."""
        self.points()
        with self._coloring:
            began = time.monotonic()
            if not self._colors or began >= self._due:
                self._colors = _compressed(self._desk.work(self._told))
                now = time.monotonic()
                self._due = now + _REST * (now - began)
            return self._colors

    def close(self) -> None:
        """Give up what is under way."""
        with self._lock:
            self._closed = True
            if self._child is not None:
                self._child.terminate()
        if self._thread is not None:
            self._thread.join()

    def _make(self) -> None:
        try:
            with closing(Pool.open(self._folder)) as pool:
                live = pool.live
                layout = found_layout(pool, live)
                if layout is None:
                    self._lay_out()
                    layout = stored_layout(pool, live)  # which is stored by now
                self._take(pool, layout, np.flatnonzero(live))
        except (KnnalError, OSError, NoMapError) as error:
            with self._lock:
                self._state, self._detail = "failed", f"The map could not be made: {error}"

    def _lay_out(self) -> None:
        command = [sys.executable, "-m", _LAYING, str(self._folder)]
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        with self._lock:
            if self._closed:
                raise NoMapError("the server ends")
            self._child = subprocess.Popen(command, text=True, stdin=subprocess.DEVNULL, **pipes)
        with self._child as child:
            assert child.stdout is not None
            assert child.stderr is not None
            for line in child.stdout:
                self._tell(*json.loads(line))
            said = child.stderr.read().strip()
        if child.returncode:
            raise NoMapError(said.rpartition("\n")[2] or f"exit code {child.returncode}")

    def _tell(self, stage: str, done: int, total: int | None) -> None:
        share = done / total if total else 0.0
        with self._lock:
            self._done = min(max(share, 0.0), 1.0)
            self._detail = self._working if stage == STEP else f"Preparing the map: {stage}"

    def _take(self, pool: Pool, layout: Float32Array, rows: IntArray) -> None:
        by_row = {record.row: record.id for record in pool.catalog.records()}
        told = schemas.MapPoints(
            ids=[by_row[row] for row in rows.tolist()],
            positions=packed(grid_positions(layout[rows]), "<u2"),
        )
        points = _compressed(told)
        with self._lock:
            self._rows, self._points = rows, points
            self._state, self._done, self._detail = "ready", 1.0, ""

    def _told(self, session: Session) -> schemas.MapColors:
        rows = self._rows[self._rows < len(session.geometry)]
        predicted = predict_rows(session)
        return schemas.MapColors(
            classes=session.classes,
            labels=packed(session.state.labeling.classes[rows], "<i4"),
            predictions=packed(predicted.classes[rows], "<i4"),
            percents=packed(np.rint(100 * predicted.probabilities[rows]).clip(0, 100), "<u1"),
        )


def _compressed(told: BaseModel) -> bytes:
    return gzip.compress(told.model_dump_json().encode(), _LEVEL)
