"""Pools as knnal wrote them before they had an id and checksums, in schema 3."""

from __future__ import annotations

import dataclasses
import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from knnal.pool.connection import Connection
from knnal.pool.migrations import MIGRATIONS, Migration
from knnal.types import EmbedderIdentity, LogNarrator

VERSION = 3
Event = tuple[str, str | None, str | None, int | None, str | None]
"""Kind, item, label, target and text."""


def older_database(file: Path, items: int, events: Sequence[Event] = ()) -> None:
    """``labels.sqlite`` of so many items, "item-0", "item-1", ..., and a log."""
    with closing(Connection(file)) as db:
        db.run("PRAGMA journal_mode = WAL")
        with db.transaction():
            for step in MIGRATIONS[:VERSION]:
                step(Migration(db, LogNarrator()))
            db.run(f"PRAGMA user_version = {VERSION}")
            db.run("INSERT INTO sources VALUES (1, 'source')")
            db.run_for_each(
                "INSERT INTO items VALUES (?, ?, 1, 'live', ?, ?, NULL, NULL)",
                [(i, f"item-{i}", f"stamp {i}", f"digest {i}") for i in range(items)],
            )
            db.run_for_each(
                "INSERT INTO events VALUES (?, ?, ?, ?, ?, 'named', 'ann', 'then', NULL, NULL, ?)",
                [(seq, *event) for seq, event in enumerate(events, start=1)],
            )
            db.run("INSERT INTO offers VALUES ('item-1', 'asked', 'product', '{\"value\": 0.5}')")


def older_pool(
    folder: Path, X: Any, events: Sequence[Event] = (), views: Any = None, made: Any = None
) -> None:
    """A pool of unit rows ``X`` ``(n, d)``, a log, and ``views`` ``(n, m, d)``."""
    folder.mkdir(parents=True)
    older_database(folder / "labels.sqlite", len(X), events)
    np.save(folder / "embeddings.npy", X.astype("<f4"))
    embedder = EmbedderIdentity("ready-vectors", "0" * 64, X.shape[1], "as given")
    manifest = {
        "schema_version": VERSION, "modality": "vector", "graph": None,
        "embedder": dataclasses.asdict(embedder),
    }  # fmt: skip
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2))
    if views is not None:
        facts = {"views": views.shape[1], "augmentations": ["drop"]}
        (folder / "views.json").write_text(json.dumps(facts))
        np.save(folder / "views.npy", np.concatenate([X[:, None], views], axis=1).astype("<f4"))
        np.save(folder / "views-made.npy", made)


def content(file: Path) -> list[str]:
    """A database as SQL, and its version."""
    with closing(sqlite3.connect(file)) as db:
        return [*db.iterdump(), str(db.execute("PRAGMA user_version").fetchone())]
