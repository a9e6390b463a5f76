"""The map of the pool: laid out when it is first asked for, and the labels of its points."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel

from knnal.collaboration.multi_user import MultiUserSession
from knnal.errors import KnnalError
from knnal.index.layout import STEP
from knnal.pool.index_files import found_layout, stored_layout
from knnal.pool.pool import Pool
from knnal.quality.inspection.map import grid_positions, packed
from knnal.quality.inspection.report import predict_rows
from knnal.session.session import Session
from knnal.types import Float32Array, IntArray
from knnal_cli.web import responses

MOST_ITEMS = 300_000
"""What a browser still draws at once, and what is laid out within minutes."""

_LEVEL = 3
_WORKER = "knnal_cli.web.layout_worker"
_REST = 10
"""Predictions of all items take a while: they are renewed this many times as long apart."""


class NoMapError(Exception):
    """There is no map yet; the message says why."""


class PoolMap:
    """One pool's map, for everybody. Nobody's answer waits for it."""

    def __init__(
        self, session: MultiUserSession, folder: Path, items: int, most: int = MOST_ITEMS
    ) -> None:
        self._session = session
        self._folder = folder
        self._lock = threading.Lock()
        self._state = responses.MapState(state="none", done=0.0, detail="", items=items)
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
            detail = f"The map is for pools of at most {most:,} items; this one has {items:,}."
            self._set(state="too-large", detail=detail)

    def state(self) -> responses.MapState:
        """Whether there is a map, and its progress."""
        return self._state

    def begin(self) -> None:
        """Begin to lay it out, unless that is under way, done or impossible."""
        with self._lock:
            if self._state.state not in ("none", "failed") or self._closed:
                return
            self._set(state="working", done=0.0, detail=self._working)
            self._thread = threading.Thread(target=self._make, name="knnal-map", daemon=True)
            self._thread.start()

    def points(self) -> bytes:
        """Ids and positions as JSON, compressed by gzip. Raises NoMapError."""
        if self._state.state != "ready":
            raise NoMapError(self._state.detail or "There is no map yet: POST /api/map.")
        return self._points

    def colors(self) -> bytes:
        """Labels and predictions of all points, now or a moment ago, likewise."""
        self.points()
        with self._coloring:
            began = time.monotonic()
            if not self._colors or began >= self._due:
                self._colors = _compressed(self._session.read(self._color))
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

    def _set(self, **fields: Any) -> None:
        self._state = self._state.model_copy(update=fields)

    def _make(self) -> None:
        try:
            with closing(Pool.open(self._folder)) as pool:
                live = pool.live
                layout = found_layout(pool, live)
                if layout is None:
                    self._lay_out()
                    layout = stored_layout(pool, live)  # which the worker has stored
                self._locate(pool, layout, np.flatnonzero(live))
        except (KnnalError, OSError, NoMapError) as error:
            self._set(state="failed", detail=f"The map could not be made: {error}")

    def _lay_out(self) -> None:
        command = [sys.executable, "-m", _WORKER, str(self._folder)]
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        with self._lock:
            if self._closed:
                raise NoMapError("the server ends")
            self._child = subprocess.Popen(command, text=True, stdin=subprocess.DEVNULL, **pipes)
        with self._child as child:
            assert child.stdout is not None
            assert child.stderr is not None
            for line in child.stdout:
                step, done, total = json.loads(line)
                doing = self._working if step == STEP else f"Preparing the map: {step}"
                self._set(done=min(max(done / total if total else 0.0, 0.0), 1.0), detail=doing)
            said = child.stderr.read().strip()
        if child.returncode:
            raise NoMapError(said.rpartition("\n")[2] or f"exit code {child.returncode}")

    def _locate(self, pool: Pool, layout: Float32Array, rows: IntArray) -> None:
        by_row = {record.row: record.id for record in pool.catalog.records()}
        points = responses.MapPointsOut(
            ids=[by_row[row] for row in rows.tolist()],
            positions=packed(grid_positions(layout[rows]), "<u2"),
        )
        self._rows, self._points = rows, _compressed(points)
        self._set(state="ready", done=1.0, detail="")

    def _color(self, session: Session) -> responses.MapColors:
        rows = self._rows[self._rows < len(session.geometry)]
        predicted = predict_rows(session)
        return responses.MapColors(
            classes=session.classes,
            labels=packed(session.state.labeling.classes[rows], "<i4"),
            predictions=packed(predicted.classes[rows], "<i4"),
            percents=packed(np.rint(100 * predicted.probabilities[rows]).clip(0, 100), "<u1"),
        )


def _compressed(model: BaseModel) -> bytes:
    return gzip.compress(model.model_dump_json().encode(), _LEVEL)
