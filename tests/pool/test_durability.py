"""Nothing that was acknowledged is lost, whenever a process is killed."""

from __future__ import annotations

import multiprocessing
import os
import random
import sqlite3
import threading
import time
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from knnal.embedders.views import Recipe
from knnal.pool.pool import Pool
from knnal.pool.storage import ItemState
from knnal.session.session import Session
from knnal.types import Modality

pytestmark = pytest.mark.slow

ROWS, DIMENSION = 3000, 12
KILLS = 20
VIEWED, VIEW_KILLS = 600, 6

IMPORTED = [
    "knnal.embedders.precomputed", "knnal.pool.ingest", "knnal.session.session", "knnal.pool.pool",
    "knnal.pool.view_making",
]  # fmt: skip

PREPARE = f"""
import numpy as np
from pathlib import Path
from knnal.pool import ingest as module
from knnal.session.decisions import Decisions
from knnal.errors import LabelConflictError
from knnal.sources.base import Item
from knnal.embedders.precomputed import Precomputed
from knnal.session.session import Session
from knnal.pool.pool import Pool
from knnal.types import Modality

def vector(i):
    return np.random.default_rng(i).normal(size={DIMENSION})

class Source:
    modality = Modality.VECTOR
    location = Path("vectors")
    def __iter__(self):
        return (Item(f"v{{i}}", f"stamp {{i}}", vector=vector(i)) for i in range({ROWS}))
    def count(self):
        return {ROWS}

class Narrator:
    def progress(self, step, done, total): pass
    def say(self, message): pass

reply = pipe.send
reply("ready")
folder, *words = pipe.recv()
"""

EMBED = (
    PREPARE
    + """
embedder = Precomputed()
embedder.batch_size = 10
module._CHUNK_ITEMS = 40
stored = module.Ingest._store
def store_and_reply(self):
    chunk = self._chunk
    stored(self)
    if chunk:
        reply(f"stored {chunk[0].item.id} {chunk[-1].item.id}")
module.Ingest._store = store_and_reply
module.ingest(Pool.create(folder), Source(), embedder, annotator="ann", narrator=Narrator())
reply("done")
"""
)

TELL = (
    PREPARE
    + """
session = Session(Pool.open(folder), annotator=words[0], strategy="random")
for row in session.candidates:
    item = f"v{row}"
    try:
        session.tell(item, f"class {row % 7}")
    except LabelConflictError:
        reply(f"refused {item}")
    else:
        reply(f"told {item}")
reply("done")
"""
)

VIEW = """
import numpy as np
from pathlib import Path
from knnal.pool import view_making as viewing
from knnal.embedders.views import Recipe
from knnal.pool.pool import Pool
from knnal.pool.views import ViewFiles
from knnal.types import Modality

class Letters:
    batch_size, lanes = 6, 2
    def load(self, narrator): pass
    def prepare(self, content): return content
    def embed(self, batch):
        counts = [[1 + text.count(chr(97 + i)) for i in range(26)] for text in batch]
        return np.array(counts, dtype=np.float32)

class Narrator:
    def progress(self, step, done, total): pass
    def say(self, message): pass

reply = pipe.send
reply("ready")
(folder,) = pipe.recv()
viewing._CHUNK_ROWS = 5
append = ViewFiles.append
def append_and_reply(self, vectors, made):
    append(self, vectors, made)
    reply(f"stored {self.count()}")
ViewFiles.append = append_and_reply
viewing.make_views(Pool.open(folder), Letters(), Recipe.of(Modality.TEXT, 3), Narrator())
reply("done")
"""


def starting() -> Any:
    """How processes start: where the system can fork, from one that has done their imports."""
    if os.name == "nt":
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(IMPORTED)
    return context


class Child:
    """A process that waits for its work after its imports, and says what is durable."""

    def __init__(self, script: str) -> None:
        context = starting()
        self._pipe, its = context.Pipe()
        self.process = context.Process(target=exec, args=(script, {"pipe": its}), daemon=True)
        self.process.start()
        its.close()
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        try:
            while True:
                self.lines.append(self._pipe.recv())
        except (EOFError, OSError):  # what the kill cut short acknowledges nothing
            pass

    def begin(self, *words: object) -> None:
        while "ready" not in self.lines:
            assert self.process.is_alive(), "the child died while starting"
            time.sleep(0.001)
        self._pipe.send(words)

    def finish(self, kill: bool) -> list[str]:
        """Kill it, or let it end; all that it has said."""
        if kill:
            self.process.kill()
        self.process.join()
        self._reader.join()
        self._pipe.close()
        return self.lines


def vector(i: int) -> Any:
    v = np.random.default_rng(i).normal(size=DIMENSION)
    return v / np.linalg.norm(v)


@pytest.fixture(scope="module")
def expected() -> Any:
    return np.array([vector(i) for i in range(ROWS)])


def kill_at_random(child: Child, moment: random.Random) -> list[str]:
    """Kill it while it opens the pool, or some way into its acknowledgements and their middle."""
    if moment.random() < 0.4:
        time.sleep(moment.uniform(0, 0.1))
    else:
        said = 1 + moment.randint(1, 12)  # "ready" comes first
        while len(child.lines) < said and child.process.is_alive():
            time.sleep(0.001)
        time.sleep(moment.uniform(0, 0.01))
    return child.finish(kill=True)


def check_integrity(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "labels.sqlite")) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def cataloged(folder: Path, expected: Any) -> int:
    """How many items the pool holds, all of them in order, and with the vectors of the source."""
    with closing(Pool.open(folder)) as pool:
        records = list(pool.catalog.records())
        assert [record.id for record in records] == [f"v{i}" for i in range(len(records))]
        assert [record.row for record in records] == list(range(len(records)))
        assert all(record.state is ItemState.LIVE for record in records)
        if records:
            stored = np.array(pool.embeddings)
            np.testing.assert_allclose(stored, expected[: len(records)], atol=1e-6)
    return len(records)


def test_kills_while_embedding(tmp_path: Path, expected: Any) -> None:
    moment = random.Random(1)
    acknowledged = kills = round_ = 0
    while kills < KILLS:
        folder = tmp_path / f"pool-{round_}"
        child = Child(EMBED)
        child.begin(folder)
        lines = kill_at_random(child, moment)
        stored = [line for line in lines if line.startswith("stored")]
        acknowledged += len(stored)
        kills += child.process.exitcode != 0
        if (folder / "manifest.json").exists():
            held = cataloged(folder, expected)
            check_integrity(folder)
            for line in stored:
                assert held > int(line.split()[2].removeprefix("v"))
            assert "done" not in lines or held == ROWS
            round_ += held == ROWS  # the next one begins anew
        else:
            assert not stored
    assert acknowledged > KILLS, "the kills came too early to show anything"


def sentence(i: int) -> str:
    return " ".join(f"{chr(97 + (i * step) % 26) * 3}" for step in range(1, 12))


def test_kills_while_making_views(make_pool: Any, tmp_path: Path) -> None:
    texts = [sentence(i) for i in range(VIEWED)]
    X = [[1 + text.count(chr(97 + i)) for i in range(26)] for text in texts]
    pool = make_pool(X, texts=texts)
    with pool.transaction():
        pool._db.run_for_each(
            "UPDATE items SET digest = ? WHERE row = ?",
            [(sha256(text.encode()).hexdigest(), row) for row, text in enumerate(texts)],
        )
    folder, moment = tmp_path / "pool", random.Random(3)
    recipe = Recipe.of(Modality.TEXT, 3)
    acknowledged = 0
    for kill in range(VIEW_KILLS + 1):
        child = Child(VIEW)
        child.begin(folder)
        lines = kill_at_random(child, moment) if kill < VIEW_KILLS else child.finish(kill=False)
        stored = [int(line.split()[1]) for line in lines if line.startswith("stored")]
        acknowledged += len(stored)
        views = pool.views()
        assert views is not None or not stored
        if views is None:
            continue
        assert len(views.made) >= max(stored, default=0)
        assert views.made.all()
        for row, text in enumerate(texts[: len(views.made)]):
            expected = [
                [1 + str(view).count(chr(97 + i)) for i in range(26)]
                for view in (text, *recipe.views(text, sha256(text.encode()).hexdigest()))
            ]
            expected /= np.linalg.norm(expected, axis=1, keepdims=True)
            np.testing.assert_allclose(views.vectors[row], expected, atol=1e-6)
    assert lines[-1] == "done"
    assert len(pool.views().made) == VIEWED
    assert acknowledged > VIEW_KILLS, "the kills came too early to show anything"


def test_kills_while_labeling(make_pool: Any, tmp_path: Path, expected: Any) -> None:
    make_pool(expected, ids=[f"v{i}" for i in range(ROWS)]).close()
    folder = tmp_path / "pool"
    moment = random.Random(2)
    told: set[str] = set()
    for _ in range(KILLS):
        child = Child(TELL)
        child.begin(folder, "ann")
        lines = kill_at_random(child, moment)
        assert child.process.exitcode != 0, "it ran out of items before it was killed"
        told |= {line.split()[1] for line in lines if line.startswith("told")}
        with closing(Pool.open(folder)) as pool:
            labels = {
                event.item: event.label for event in pool.log.events() if event.kind == "label"
            }
        assert told <= labels.keys()
        # At most the one label of each child that was stored but not yet acknowledged.
        assert len(labels) - len(told) <= KILLS
    check_integrity(folder)
    with closing(Pool.open(folder)) as pool:
        session = Session(pool, annotator="ann")
        assert session.ledger.labels() == {
            item: f"class {int(item.removeprefix('v')) % 7}" for item in labels
        }
        undone = session.undo()
        assert undone.item in labels
    assert len(told) > KILLS, "the kills came too early to show anything"


def test_two_processes_label_one_pool_at_once(make_pool: Any, tmp_path: Path) -> None:
    ids = [f"v{i}" for i in range(150)]
    make_pool(np.array([vector(i) for i in range(150)]), ids=ids).close()
    names = ("ann", "bob")
    pair = [Child(TELL) for _ in names]
    for child, name in zip(pair, names, strict=True):
        child.begin(tmp_path / "pool", name)
    said = {n: child.finish(kill=False) for n, child in zip(names, pair, strict=True)}
    told = {n: {x.split()[1] for x in said[n] if x.startswith("told")} for n in names}
    refused = {n: {x.split()[1] for x in said[n] if x.startswith("refused")} for n in names}
    assert all("done" in lines for lines in said.values())
    assert told["ann"].isdisjoint(told["bob"])
    assert told["ann"] | told["bob"] == set(ids)
    assert refused["ann"] <= told["bob"]
    assert refused["bob"] <= told["ann"]
    with closing(Pool.open(tmp_path / "pool")) as pool:
        session = Session(pool)
        assert session.ledger.labels() == {item: f"class {int(item[1:]) % 7}" for item in ids}
        by = {event.item: event.annotator for event in session.ledger.decisions()}
        assert by == {item: name for name in names for item in told[name]}
    check_integrity(tmp_path / "pool")


OPEN = (
    PREPARE
    + """
try:
    Decisions(Pool.create(folder), words[0]).add_class(words[0])
except BaseException as error:
    reply(f"{type(error).__name__}: {error}")
else:
    reply("fine")
"""
)


def test_processes_that_make_one_pool_at_the_same_moment(tmp_path: Path) -> None:
    crowd = [Child(OPEN) for _ in range(4)]
    for number, child in enumerate(crowd):
        child.begin(tmp_path / "pool", f"class-{number}")
    assert [child.finish(kill=False)[-1] for child in crowd] == ["fine"] * 4
    with closing(Pool.open(tmp_path / "pool")) as pool:
        assert {event.label for event in pool.log.events()} == {f"class-{i}" for i in range(4)}
