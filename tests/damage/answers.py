"""What a command answered and what a pool holds, in forms that can be compared."""

from __future__ import annotations

import csv
import json
import math
import re
import shutil
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

from .pools import POOL, World

DATABASE = "labels.sqlite"
_TABLES = ("sources", "items", "events")
_EVENTS = """SELECT kind, item, label, target, origin, annotator, strategy, text, scores
             FROM events WHERE kind != 'prediction' ORDER BY seq"""
"""The decisions: any command may work out what was predicted before a label, and log that."""


def answer(world: World, command: str, out: str, folder: Path) -> Any:
    """What the command of that name printed, wrote into a file, or added to the log.

    Raises ValueError, KeyError or OSError where that is no answer.
    """
    if command == "tell":
        return [out, events(folder / POOL)]
    if command == "export":
        with (folder / "out.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        for row in rows:
            if row["id"] == world.told:
                del row["at"]  # the time of the test
        return [out, rows]
    data = json.loads(out)
    if command == "embed":
        # How much there was to do: views that are lost are made again.
        del data["seconds"], data["viewed"]
    if command == "status" and data["views"] is not None:
        data["views"] = re.sub(r", \d+ items? without$", "", data["views"])  # that is no silence
    if command == "inspect":
        return [data, (folder / "look" / "map.html").read_text(encoding="utf-8")]
    return data


def difference(found: Any, right: Any, place: str = "") -> str:
    """Where two answers differ first, and how; empty if they say the same. Numbers may differ by
    how sums are rounded.
    """
    if type(found) is type(right) and isinstance(found, dict | list) and len(found) == len(right):
        keys = list(found) if isinstance(found, dict) else range(len(found))
        if isinstance(right, dict) and found.keys() != right.keys():
            return f"{place} has {sorted(found)}, not {sorted(right)}"
        each = (difference(found[key], right[key], f"{place}[{key!r}]") for key in keys)
        return next(filter(None, each), "")
    return "" if _equal(found, right) else f"{place or 'all'} is {found!r}, not {right!r}"[:300]


def _equal(found: Any, right: Any) -> bool:
    try:
        return math.isclose(float(found), float(right), rel_tol=1e-4, abs_tol=1e-5)
    except (TypeError, ValueError):
        return bool(found == right)


def events(pool: Path) -> list[list[Any]]:
    """The log, read without knnal and without leaving a trace; times apart."""
    (rows,) = _rows(pool, _EVENTS)
    return [[*row[:-1], json.loads(row[-1] or "{}")] for row in rows]


def contents(pool: Path) -> dict[str, Any]:
    """What each file of a pool holds, but for locks; of the database its rows, where they can be
    read, since SQLite may move what they are from one of its files to the other.
    """
    found: dict[str, Any] = {
        file.name: file.read_bytes()
        for file in pool.iterdir()
        if file.suffix != ".lock" and not file.name.startswith(DATABASE)
    }
    if (pool / DATABASE).exists():
        try:
            found[DATABASE] = _rows(pool, *(f"SELECT * FROM {table}" for table in _TABLES))
        except sqlite3.Error:
            found[DATABASE] = (pool / DATABASE).read_bytes()
    return found


def _rows(pool: Path, *queries: str) -> list[list[Any]]:
    with tempfile.TemporaryDirectory() as copy:
        for ending in ("", "-wal"):
            if (file := pool / f"{DATABASE}{ending}").exists():
                shutil.copy(file, copy)
        with closing(sqlite3.connect(Path(copy) / DATABASE)) as db:
            return [db.execute(query).fetchall() for query in queries]
