"""Which pool a command works on, and pools that cannot be opened."""

from __future__ import annotations

import dataclasses
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from knnal.pool.manifest import Manifest
from knnal.pool.migrations import SCHEMA_VERSION

from ..damage.files import array_with, flip, flip_in


def move_pool(knnal: Any, name: str) -> None:
    (knnal.folder / ".knnal").rename(knnal.folder / name)


def test_the_pool_by_option_by_environment_and_by_default(vectors: Any) -> None:
    vectors("tell", 0, "left")
    shutil.copytree(vectors.folder / ".knnal", vectors.folder / "copy")
    vectors("tell", 1, "left", "--pool", "copy")
    labeled = [
        vectors("status", "--json").data["labeled"],
        vectors("status", "--json", KNNAL_POOL="copy").data["labeled"],
        vectors("status", "--json", "--pool", ".knnal", KNNAL_POOL="copy").data["labeled"],
    ]
    assert labeled == [1, 2, 1]


def test_embed_into_the_pool_of_the_environment(knnal: Any) -> None:
    np.save(knnal.folder / "v.npy", np.eye(3, dtype=np.float32))
    done = knnal("embed", "v.npy", KNNAL_POOL="mine")
    assert (knnal.folder / "mine" / "manifest.json").exists()
    assert not (knnal.folder / ".knnal").exists()
    assert done.out.endswith("Next: knnal label --pool mine\n")


def test_no_pool(knnal: Any) -> None:
    saying = ["no pool in .knnal", "knnal embed SOURCE", "--pool DIR", "KNNAL_POOL"]
    for command in (["status"], ["tell", "a", "b"]):
        knnal.fails(*command, saying=saying)
    assert knnal.process("status", code=1).err == knnal("status", code=1).err
    assert list(knnal.folder.iterdir()) == []


def test_a_pool_without_items(knnal: Any) -> None:
    (knnal.folder / "empty").mkdir()
    knnal("embed", "empty", code=4)
    assert knnal("status", "--json").data["items"] == 0
    knnal.fails("next", saying=["no items to label", "knnal embed SOURCE"])


def test_a_slip_in_the_source_leaves_no_pool_behind(knnal: Any) -> None:
    knnal.fails("embed", "slip.csv", saying=["slip.csv"])
    assert list(knnal.folder.iterdir()) == []


def write_manifest(pool: Path, content: str) -> None:
    (pool / "manifest.json").write_text(content, encoding="utf-8")


def raise_schema(pool: Path) -> None:
    manifest = Manifest.read(pool / "manifest.json")
    dataclasses.replace(manifest, schema_version=99).write(pool / "manifest.json")


def raise_database_version(pool: Path) -> None:
    with closing(sqlite3.connect(pool / "labels.sqlite")) as db:
        db.execute("PRAGMA user_version = 99")


def replace_database(pool: Path) -> None:
    for file in pool.glob("labels.sqlite*"):
        file.unlink()
    (pool / "labels.sqlite").write_bytes(b"no database" * 100)


def cut_embeddings(pool: Path) -> None:
    content = (pool / "embeddings.npy").read_bytes()
    (pool / "embeddings.npy").write_bytes(content[:300])


DAMAGE: dict[str, tuple[Callable[[Path], Any], list[str]]] = {
    "manifest cut off": (
        lambda pool: write_manifest(pool, '{"schema'),
        ["manifest.json is damaged: it cannot be read", "Repair", "restore it from a backup"],
    ),
    "manifest of another shape": (
        lambda pool: write_manifest(pool, "[]"),
        ["manifest.json is damaged: it holds no JSON object"],
    ),
    "manifest edited": (
        lambda pool: flip_in(pool / "manifest.json", b'"modality": "vector'),
        ["manifest.json is damaged: its checksum does not match"],
    ),
    "newer manifest": (
        raise_schema,
        ["schema version 99", f"knows up to {SCHEMA_VERSION}", "Upgrade knnal"],
    ),
    "newer database": (raise_database_version, ["schema version 99", "Upgrade knnal"]),
    "no database": (replace_database, ["labels.sqlite is damaged", "not a database", "Restore"]),
    "embeddings cut off": (cut_embeddings, ["embeddings.npy is damaged: it"]),
    "a bit of the embeddings": (
        lambda pool: flip(pool / "embeddings.npy", -1),
        ["embeddings.npy is damaged", "1 row (39)", "Repair the pool"],
    ),
    "embeddings' header": (
        lambda pool: (pool / "embeddings.npy").write_bytes(array_with("{'descr': '<f4',")),
        ["embeddings.npy is damaged: it", "Repair the pool"],
    ),
    "embeddings gone": (
        lambda pool: (pool / "embeddings.npy").unlink(),
        ["embeddings.npy is damaged: it is missing", "Repair the pool"],
    ),
    "database gone": (
        lambda pool: [file.unlink() for file in pool.glob("labels.sqlite*")],
        ["labels.sqlite is damaged: it is missing", "Restore it from a backup"],
    ),
    "database empty": (
        lambda pool: (pool / "labels.sqlite").write_bytes(b""),
        ["labels.sqlite", "empty", "Restore it from a backup"],
    ),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_pools_are_refused(vectors: Any, damage: str) -> None:
    break_it, saying = DAMAGE[damage]
    pool = vectors.folder / ".knnal"
    break_it(pool)
    before = {file.name: file.read_bytes() for file in pool.iterdir() if file.suffix != ".sqlite"}
    vectors.fails("status", saying=saying)
    for name, content in before.items():
        if not name.startswith("labels.sqlite"):
            assert (pool / name).read_bytes() == content


def test_the_graph_is_made_anew_where_it_is_damaged(vectors: Any) -> None:
    expected = vectors("rank", "--json").data
    for content, said in ((b"junk", "graph.npz is not used: it is damaged"), (None, "")):
        graph = vectors.folder / ".knnal" / "graph.npz"
        graph.unlink()
        if content is not None:
            graph.write_bytes(content)
        done = vectors("rank", "--json")
        assert done.data == expected
        assert said in done.err
        again = vectors("rank", "--json")
        assert again.data == expected
        assert "graph.npz" not in again.err


def test_pool_and_source_can_be_moved_together(vectors: Any) -> None:
    vectors("tell", 0, "left")
    moved = vectors.folder.with_name("elsewhere")
    vectors.folder.rename(moved)
    vectors.folder = moved
    report = vectors("embed", "vectors.npy", "--json").data
    assert (report["unchanged"], report["added"], report["vanished"]) == (40, 0, 0)
    assert vectors("status", "--json").data["labeled"] == 1
