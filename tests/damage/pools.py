"""Pools to be damaged, made by the commands of ``knnal``, with what each could be mistaken for."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from unittest.mock import patch

import numpy as np

from .commands import Commands

POOL = ".knnal"
_KILLED_TELLS = 3


@dataclass(frozen=True, slots=True)
class World:
    """A folder with a pool and its source, and the same commands to run in it every time.

    ``earlier`` is the folder as it was before items and labels were added, ``other`` one with
    another pool of as many items of the same names. ``told`` is the item that the commands label.
    ``before_crash`` are folders with the labels that may be left where the database's write-ahead
    log is damaged.
    """

    folder: Path
    earlier: Path
    other: Path
    told: str
    commands: dict[str, tuple[str, ...]]
    files: tuple[str, ...]
    before_crash: tuple[Path, ...] = ()


def make_worlds(root: Path, knnal: Commands) -> dict[str, World]:
    """All worlds, by name, in folders below ``root``."""
    vectors = _vectors(root, knnal)
    return {
        "vectors": vectors,
        "texts": _texts(root, knnal),
        "killed": _killed(root, knnal, vectors),
        "interrupted": _interrupted(root, vectors),
    }


def _vectors(root: Path, knnal: Commands) -> World:
    def source(folder: Path, seed: int, rows: int) -> None:
        rng = np.random.default_rng(seed)
        centers, classes = 2 * rng.normal(size=(3, 12)), rng.integers(0, 3, 100)
        np.save(folder / "v.npy", (centers[classes] + rng.normal(size=(100, 12)))[:rows])

    def history(folder: Path, seed: int) -> tuple[Path, str]:
        """A pool of two days; returned are the folder as it was after the first, and an item that
        was asked about then.
        """
        folder.mkdir()
        source(folder, seed, 70)
        _do(knnal, folder, "embed", "v.npy")
        _tell(knnal, folder, {str(i): f"class {(i + seed) % 3}" for i in range(25)})
        asked = _do(knnal, folder, "next", "--json")
        earlier = folder.with_name(f"{folder.name} earlier")
        shutil.copytree(folder, earlier)
        source(earlier, seed, 94)  # what its commands embed

        source(folder, seed, 90)
        _do(knnal, folder, "embed", "v.npy")
        _tell(knnal, folder, {str(i): f"class {i % 2}" for i in range(70, 85)})
        _do(knnal, folder, "skip", "26")
        _do(knnal, folder, "note", "3", "a note")
        _do(knnal, folder, "rename", "class 2", "third class")
        _do(knnal, folder, "undo")
        _do(knnal, folder, "redo")
        _do(knnal, folder, "next", "--json")
        _do(knnal, folder, "inspect", "--output", "look", "--json")
        (folder / POOL / "keys.json").write_text(json.dumps({"class 0": "x"}), encoding="utf-8")
        source(folder, seed, 94)
        return earlier, json.loads(asked)["id"]

    folder, other = root / "vectors", root / "other vectors"
    earlier, told = history(folder, 1)
    history(other, 2)
    return World(folder, earlier, other, told, _commands("v.npy", told), _files(folder))


def _texts(root: Path, knnal: Commands) -> World:
    def source(folder: Path, seed: int, rows: int) -> None:
        rng = np.random.default_rng(seed)
        words = ["".join(rng.choice(list("abcdefghij"), 4)) for _ in range(40)]
        lines = [f"r{i},{' '.join(rng.choice(words, 6))}\n" for i in range(60)]
        (folder / "texts.csv").write_text("id,text\n" + "".join(lines[:rows]), encoding="utf-8")

    def history(folder: Path, seed: int) -> tuple[Path, str]:
        folder.mkdir()
        embed = ("embed", "texts.csv", "--id-column", "id", "--embedder", "letters", "--views", "2")
        source(folder, seed, 40)
        _do(knnal, folder, *embed)
        _tell(knnal, folder, {f"r{i}": f"class {(i + seed) % 2}" for i in range(10)})
        asked = _do(knnal, folder, "next", "--json", *_GUIDED)
        earlier = folder.with_name(f"{folder.name} earlier")
        shutil.copytree(folder, earlier)
        source(earlier, seed, 54)

        source(folder, seed, 50)
        _do(knnal, folder, *embed)
        _tell(knnal, folder, {f"r{i}": f"class {i % 2}" for i in range(40, 48)})
        _do(knnal, folder, "next", "--json", *_GUIDED)
        source(folder, seed, 54)
        return earlier, json.loads(asked)["id"]

    folder, other = root / "texts", root / "other texts"
    earlier, told = history(folder, 1)
    history(other, 2)
    commands = _commands("texts.csv", told, embed=("--id-column", "id"), ask=_GUIDED)
    return World(folder, earlier, other, told, commands, _files(folder, "views*"))


_GUIDED = ("--strategy", "guided", "--audit", "0")


def _killed(root: Path, knnal: Commands, vectors: World) -> World:
    """The pool of vectors as a killed process leaves it: the last labels are in SQLite's log."""
    at_work = root / "at work"
    shutil.copytree(vectors.folder, at_work)
    stages = []
    # As long as somebody else has the database open, nobody moves the log into it.
    with closing(sqlite3.connect(at_work / POOL / "labels.sqlite")) as db:
        for number in range(_KILLED_TELLS + 1):
            db.execute("SELECT COUNT(*) FROM events").fetchone()
            stages.append(root / f"killed {number}")
            # Copied by another process: closing a file gives up this one's locks on it.
            subprocess.run(["cp", "-r", at_work, stages[-1]], check=True)
            if number < _KILLED_TELLS:
                _do(knnal, at_work, "tell", str(40 + number), f"class {number % 2}")
    files = _files(stages[-1], "*-wal", "*-shm")
    return replace(
        vectors, folder=stages[-1], other=stages[1], files=files, before_crash=tuple(stages[:-1])
    )


def _interrupted(root: Path, vectors: World) -> World:
    """The pools of vectors as they are when a build of the graph is interrupted."""
    originals = {"folder": vectors.folder, "earlier": vectors.earlier, "other": vectors.other}
    folders = {name: root / f"interrupted {name}" for name in originals}
    for name, original in originals.items():
        shutil.copytree(original, folders[name])
        _interrupt_build(folders[name] / POOL)
    return replace(vectors, files=_files(folders["folder"], "*.partial"), **folders)


def _interrupt_build(pool_folder: Path) -> None:
    """Leave what is done of the graph, and not the graph."""
    from knnal.index import graph as graph_module
    from knnal.index.graph_journal import Journal
    from knnal.pool.graph_file import stored_graph
    from knnal.pool.pool import Pool

    graph = pool_folder / "graph.npz"
    graph.unlink()
    pool = Pool.open(pool_folder)
    with patch.object(Journal, "remove"), patch.object(graph_module, "_BLOCK", 16):
        stored_graph(pool, pool.live)
    pool.close()
    graph.unlink()
    assert (pool_folder / "graph.partial").stat().st_size


def _commands(
    source: str, told: str, *, embed: tuple[str, ...] = (), ask: tuple[str, ...] = ()
) -> dict[str, tuple[str, ...]]:
    return {
        "status": ("status", "--json"),
        "next": ("next", "--json", *ask),
        "predict": ("predict", "--pool-all", "--json", "--neighbors"),
        "tell": ("tell", told, "class 1"),
        "export": ("export", "out.csv"),
        "embed": ("embed", source, *embed, "--json"),
        "inspect": ("inspect", "--output", "look", "--json"),
    }


def _files(folder: Path, *patterns: str) -> tuple[str, ...]:
    """The files of a folder's pool that one of the patterns fits, all by default."""
    found = {file.name for one in patterns or ("*",) for file in (folder / POOL).glob(one)}
    assert found, f"nothing to damage in {folder}"
    return tuple(sorted(found))


def _tell(knnal: Commands, folder: Path, labels: dict[str, str]) -> None:
    lines = [json.dumps({"id": item, "label": label}) for item, label in labels.items()]
    _do(knnal, folder, "tell", stdin="\n".join(lines))


def _do(knnal: Commands, folder: Path, *arguments: str, stdin: str = "") -> str:
    done = knnal.run(folder, arguments, stdin=stdin, here=True)
    assert done.code == 0, f"{arguments}: {done.err}"
    return done.out
