"""The documented format: what docs/format.md says is enough to read a pool without knnal."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from xxhash import xxh3_64_intdigest, xxh3_128_hexdigest

from knnal.pool.graph_file import stored_graph
from knnal.pool.index_files import stored_layout
from knnal.pool.labels.importing import LabelImport
from knnal.pool.migrations import SCHEMA_VERSION
from knnal.session.session import Session
from knnal.session.settings import PoolSettings

_DOCS = Path(__file__).parents[2] / "docs"
FORMAT = (_DOCS / "reference" / "format.md").read_text(encoding="utf-8")


def test_the_documented_query_finds_the_labels_in_force(make_pool: Any, tmp_path: Path) -> None:
    pool = make_pool(np.random.default_rng(0).normal(size=(9, 4)))
    session = Session(pool, annotator="ann")
    for item in range(6):
        session.tell(f"item-{item}", "ab"[item % 2])
    session.skip("item-7")
    session.undo()
    session.undo()
    session.relabel("item-1", "c")
    session.relabel("item-2", "c")
    session.undo()
    session.keep("item-0", suspicion=0.7)
    session.keep("item-1", suspicion=0.6)
    session.undo()
    session.withdraw("item-3", suspicion=0.9)
    session.rename_class("a", "d")
    session.rename_class("d", "e")
    session.tell("item-6", "a")
    session.rename_class("a", "b")
    session.undo()
    session.redo()
    session.note("item-2", "blurred")
    session.undo()
    session.tell("item-7", "d")
    session.undo()
    session.unlabel("item-2")
    session.unlabel("item-0", "item-4")
    session.undo()
    bob = Session(pool, annotator="bob")
    for labels in ({"item-7": "a", "item-8": "f", "item-1": "g"}, {"item-5": "h", "item-0": "h"}):
        with pool.transaction():
            LabelImport(pool, "bob", "x.csv").add(labels.items(), overwrite=True)
    bob.undo()
    session.refresh()
    session.relabel("item-8", "k")
    bob.undo()
    bob.redo()
    session.remove_class("c")
    assert session.ledger.labels() == {
        "item-0": "e", "item-1": "g", "item-4": "e", "item-6": "b", "item-7": "a",
        "item-8": "k",
    }  # fmt: skip
    (query,) = re.findall(r"```sql\n(.*?)```", FORMAT, flags=re.DOTALL)
    with closing(sqlite3.connect(tmp_path / "pool" / "labels.sqlite")) as db:
        assert dict(db.execute(query)) == session.ledger.labels()


def test_every_table_and_column_is_documented(make_pool: Any, tmp_path: Path) -> None:
    pool = make_pool(np.eye(3))
    stored_graph(pool, pool.live)
    with closing(sqlite3.connect(tmp_path / "pool" / "labels.sqlite")) as db:
        tables = db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        names = {name for (name,) in tables if not name.startswith("sqlite_")}
        for table in list(names):
            names |= {row[1] for row in db.execute(f"PRAGMA table_info({table})")}
    manifest = json.loads((tmp_path / "pool" / "manifest.json").read_bytes())
    names |= {*manifest, *manifest["embedder"], *manifest["graph"]}
    stored_layout(pool, pool.live)
    for file in ("graph.npz", "reduced.npz", "layout.npz"):
        with np.load(tmp_path / "pool" / file) as arrays:
            names |= set(arrays)
    assert sorted(name for name in names if f"`{name}`" not in FORMAT) == []


def test_the_version_is_the_documented_one() -> None:
    assert FORMAT.startswith(f"# Pool format, schema version {SCHEMA_VERSION}\n")


def test_the_checksums_are_the_documented_ones(make_pool: Any, tmp_path: Path) -> None:
    pool = make_pool(np.random.default_rng(0).normal(size=(9, 4)))
    session = Session(pool, annotator="ann")
    session.tell("item-1", "naïve ☃")
    session.ask()
    session.undo()
    PoolSettings(pool).set(target=0.9, annotator="ann")
    stored_graph(pool, pool.live)
    pool.close()
    (lines,) = re.findall(r"\| table \| columns \|\n\|.*\n((?:\|.*\n)+)", FORMAT)
    documented = {name: columns for name, *columns in map(words, lines.splitlines())}
    assert sorted(documented) == ["events", "items", "offers", "settings", "sources"]
    with closing(sqlite3.connect(tmp_path / "pool" / "labels.sqlite")) as db:
        for table, columns in documented.items():
            rows = db.execute(f"SELECT {', '.join(columns)}, checksum FROM {table}").fetchall()
            assert rows
            for *values, checksum in rows:
                parts = ["\1" if value is None else str(value) for value in values]
                data = b"".join(part.encode() + b"\0" for part in parts)
                assert checksum == xxh3_64_intdigest(data) - 2**63
        sums = b"".join(blob for (blob,) in db.execute("SELECT sums FROM vector_sums"))
        ((identity, copy),) = db.execute("SELECT id, manifest FROM pool")
    X = np.load(tmp_path / "pool" / "embeddings.npy")
    assert np.frombuffer(sums, "<u8").tolist() == [xxh3_64_intdigest(row.tobytes()) for row in X]
    manifest = json.loads((tmp_path / "pool" / "manifest.json").read_bytes())
    check = manifest.pop("check")
    assert check == xxh3_128_hexdigest(json.dumps(manifest, sort_keys=True).encode())
    assert manifest["pool"] == identity
    assert json.loads(copy) == {name: manifest[name] for name in ("modality", "embedder")}
    with np.load(tmp_path / "pool" / "graph.npz") as graph:
        assert str(graph["made_of"]) == f"9 rows {xxh3_128_hexdigest(sums)}"


def words(line: str) -> list[str]:
    return re.findall(r"\w+", line)
