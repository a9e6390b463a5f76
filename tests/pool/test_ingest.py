"""From a source into a pool on disk: what is new, changed, gone, back, or of no use."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from knnal.errors import EmbedderMismatchError, InputError, PoolBusyError
from knnal.pool import ingest as module
from knnal.pool.ingest import IngestReport, ingest
from knnal.pool.pool import Pool
from knnal.pool.storage import ItemState
from knnal.session.session import Session
from knnal.sources.base import Item, Skip
from knnal.types import EmbedderIdentity, Modality

from ..letters import LetterCounts, letters


class Texts:
    """Items of texts by id; an exception among them is raised when its turn comes."""

    modality = Modality.TEXT

    def __init__(self, location: Path, entries: Sequence[Any]) -> None:
        self.location, self.entries = location, entries

    def __iter__(self) -> Iterator[Item | Skip]:
        for entry in self.entries:
            if isinstance(entry, BaseException):
                raise entry
            if isinstance(entry, Skip):
                yield entry
                continue
            name, text, *label = entry
            stamp = hashlib.sha256(text.encode()).hexdigest()
            yield Item(name, stamp, text=text, label=label[0] if label else None)

    def count(self) -> int | None:
        return len(self.entries)


class Recorder:
    """Keeps the progress that it is told."""

    def __init__(self) -> None:
        self.steps: list[tuple[str, int, int | None]] = []

    def progress(self, step: str, done: int, total: int | None) -> None:
        self.steps.append((step, done, total))

    def say(self, message: str) -> None:
        raise AssertionError(message)


@pytest.fixture
def pool(make_pool: Any) -> Pool:
    return make_pool()


@pytest.fixture
def embedder() -> LetterCounts:
    return LetterCounts()


Run = Any


@pytest.fixture
def run(pool: Pool, embedder: LetterCounts, tmp_path: Path) -> Run:
    def run(*entries: Any, source: str = "texts") -> IngestReport:
        embedder.embedded.clear()
        return ingest(pool, Texts(tmp_path / source, entries), embedder, annotator="ann")

    return run


def assert_pool_holds(pool: Pool, texts: dict[str, str]) -> None:
    """Exactly these live items, with the vectors of their texts."""
    records = [r for r in pool.catalog.records() if r.state is ItemState.LIVE]
    assert {record.id: record.text for record in records} == texts
    for record in records:
        counts = np.array(letters(texts[record.id]), dtype=float)
        np.testing.assert_allclose(
            pool.embeddings[record.row], counts / np.linalg.norm(counts), atol=1e-6
        )


def counts(report: IngestReport) -> dict[str, int]:
    names = ("added", "changed", "unchanged", "vanished", "returned")
    return {name: getattr(report, name) for name in names if getattr(report, name)}


WORDS = [
    (f"t{i}", word)
    for i, word in enumerate(["ant", "bee", "cat", "dog", "eel", "fox", "gnu", "hen"])
]


def test_new_items_are_embedded_in_the_order_of_the_source(
    pool: Pool, run: Run, embedder: LetterCounts
) -> None:
    report = run(*WORDS)
    assert counts(report) == {"added": 8}
    assert [r.id for r in pool.catalog.records()] == [name for name, _ in WORDS]
    assert_pool_holds(pool, dict(WORDS))
    assert pool.manifest.embedder == embedder.identity
    assert report.seconds > 0


@pytest.mark.parametrize(("batch_size", "lanes"), [(1, 1), (1, 4), (7, 3), (500, 2)])
def test_order_does_not_depend_on_batches_and_lanes(
    pool: Pool, tmp_path: Path, batch_size: int, lanes: int
) -> None:
    entries = [(f"t{i}", chr(97 + i % 26) * (i // 26 + 1) + "z") for i in range(200)]
    ingest(pool, Texts(tmp_path, entries), LetterCounts(batch_size, lanes), annotator="ann")
    assert [r.id for r in pool.catalog.records()] == [name for name, _ in entries]
    assert_pool_holds(pool, dict(entries))


def test_a_second_run_embeds_nothing(run: Run, pool: Pool, embedder: LetterCounts) -> None:
    run(*WORDS)
    assert counts(run(*WORDS)) == {"unchanged": 8}
    assert embedder.embedded == []
    assert pool.catalog.row_count() == 8


def test_only_what_is_new_or_changed_is_embedded(
    run: Run, pool: Pool, embedder: LetterCounts
) -> None:
    run(*WORDS)
    report = run(*WORDS[:3], ("t3", "doe"), *WORDS[4:], ("t8", "ibis"))
    assert counts(report) == {"added": 1, "changed": 1, "unchanged": 7}
    assert sorted(embedder.embedded) == ["doe", "ibis"]
    assert_pool_holds(pool, {**dict(WORDS), "t3": "doe", "t8": "ibis"})


def test_items_vanish_and_return_with_their_labels(run: Run, pool: Pool) -> None:
    run(*WORDS)
    Session(pool, annotator="ann").tell("t5", "wild")
    assert counts(run(*WORDS[:5])) == {"unchanged": 5, "vanished": 3}
    assert_pool_holds(pool, dict(WORDS[:5]))
    session = Session(pool)
    assert session.ledger.labels() == {"t5": "wild"}
    assert session.predict(["t0"])[0].label == "wild"
    assert counts(run(*WORDS[:7])) == {"unchanged": 7, "returned": 2}
    assert_pool_holds(pool, dict(WORDS[:7]))


def test_an_item_that_returns_changed_is_embedded_anew(run: Run, pool: Pool) -> None:
    run(*WORDS)
    run(*WORDS[:7])
    assert counts(run(*WORDS[:7], ("t7", "heron"))) == {"unchanged": 7, "changed": 1}
    assert_pool_holds(pool, {**dict(WORDS), "t7": "heron"})


def test_a_changed_item_keeps_its_label(run: Run, pool: Pool) -> None:
    run(*WORDS)
    Session(pool, annotator="ann").tell("t2", "pet")
    run(*WORDS[:2], ("t2", "kitten"), *WORDS[3:])
    session = Session(pool)
    assert session.ledger.labels() == {"t2": "pet"}
    assert session.state.labeling.neighbors.labeled == {8}
    assert len(session.candidates) == 7


def test_labels_older_than_their_content_are_told(run: Run, pool: Pool) -> None:
    run(*WORDS)
    session = Session(pool, annotator="ann")
    session.tell("t1", "insect")
    session.tell("t2", "pet")
    session.skip("t3")
    session.tell("t4", "fish")
    session.undo()
    report = run(*((name, f"{word} {word}") for name, word in WORDS))
    assert report.changed == 8
    assert report.outdated == ["t1", "t2"]
    session = Session(pool, annotator="ann")
    assert session.ledger.outdated() == ["t1", "t2"]
    session.redo()
    assert session.ledger.outdated() == ["t1", "t2", "t4"]
    session.keep("t1", suspicion=0.5)
    session.relabel("t2", "pet")
    assert session.ledger.outdated() == ["t4"]
    assert Session(pool).ledger.outdated() == ["t4"], "it is in the log"
    session.undo()
    assert session.ledger.outdated() == ["t2", "t4"]
    assert session.undo().kind == "keep"
    assert session.ledger.outdated() == ["t1", "t2", "t4"]
    report = run(*WORDS)
    assert Session(pool).ledger.outdated() == [], "what was labeled is back"


def test_a_label_that_comes_with_new_content_is_not_older(run: Run, pool: Pool) -> None:
    run(("a", "ant", "insect"), ("b", "bee", "insect"), ("c", "cat", "pet"))
    assert run(("a", "aphid", "insect"), ("b", "bear", "beast"), ("c", "cow")).outdated == [
        "b",
        "c",
    ]
    ledger = Session(pool).ledger
    assert ledger.outdated() == ["b", "c"]
    assert ledger.labels() == {"a": "insect", "b": "insect", "c": "pet"}


def test_an_empty_source_takes_nothing_away(run: Run, pool: Pool) -> None:
    run(*WORDS)
    report = run()
    assert report.found_nothing
    assert counts(report) == {}
    assert_pool_holds(pool, dict(WORDS))


def test_skips_are_counted_by_reason_with_some_examples(run: Run, pool: Pool) -> None:
    report = run(
        Skip("row 1", "empty text"), ("a", "ant"), ("b", "bad"), ("c", "123"), ("d", "dog"),
        *((f"e{i}", "bad") for i in range(9)),
    )  # fmt: skip
    assert report.skips == {"empty text": 1, "a bad text": 10, "vector without a direction": 1}
    assert report.examples["a bad text"] == ["b", "e0", "e1", "e2", "e3"]
    assert report.seen == 14
    assert_pool_holds(pool, {"a": "ant", "d": "dog"})


def test_an_id_counts_once(run: Run, pool: Pool) -> None:
    report = run(("a", "ant"), ("a", "bee"), ("b", "cat"), ("a", "ant"))
    assert counts(report) == {"added": 2}
    assert report.skips == {"duplicate id": 2}
    assert_pool_holds(pool, {"a": "ant", "b": "cat"})


def test_ids_of_another_source_are_left_alone(run: Run, pool: Pool, tmp_path: Path) -> None:
    (tmp_path / "texts").touch()
    run(*WORDS[:3])
    report = run(("t1", "other"), ("u", "unicorn"), source="more texts")
    assert counts(report) == {"added": 1}
    reason = f"other content than the item of that id from {tmp_path / 'texts'}: "
    assert report.skips == {f"{reason}use other ids or another pool": 1}
    assert_pool_holds(pool, {**dict(WORDS[:3]), "u": "unicorn"})
    assert counts(run(*WORDS[:2])) == {"unchanged": 2, "vanished": 1}
    assert_pool_holds(pool, {**dict(WORDS[:2]), "u": "unicorn"})


def test_labels_come_with_the_items_and_never_replace_others(run: Run, pool: Pool) -> None:
    report = run(("a", "ant", "insect"), ("b", "bee", "insect"), ("c", "cat"))
    assert (report.labels, report.labels_kept) == (2, 0)
    session = Session(pool, annotator="ann")
    session.relabel("a", "bug")
    session.tell("c", "pet")
    report = run(("a", "ant", "insect"), ("b", "bee", "insect"), ("c", "cat", "beast"))
    assert (report.labels, report.labels_kept) == (0, 2)
    session = Session(pool, annotator="ann")
    assert session.ledger.labels() == {"a": "bug", "b": "insect", "c": "pet"}
    assert session.ledger.decision("b").origin == "imported"


def test_unchanged_items_may_bring_labels_later(run: Run, pool: Pool) -> None:
    run(("a", "ant"), ("b", "bee"))
    report = run(("a", "ant", "insect"), ("b", "bee"))
    assert (report.unchanged, report.labels) == (2, 1)
    assert Session(pool).ledger.labels() == {"a": "insect"}


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("the disk is on fire")])
@pytest.mark.parametrize("chunk", [1, 4, 1000])
def test_an_interrupted_run_keeps_what_was_done_and_the_next_completes(
    run: Run,
    pool: Pool,
    embedder: LetterCounts,
    make_pool: Any,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    chunk: int,
) -> None:
    monkeypatch.setattr(module, "_CHUNK_ITEMS", chunk)
    entries = [(f"t{i}", "abcdefghijklmnopqrstuvwxyz"[i % 26] * 2 + "y", "x") for i in range(60)]
    with pytest.raises(type(error)):
        run(*entries[:45], error, *entries[45:])
    again = make_pool()
    kept = again.catalog.row_count()
    assert 0 < kept <= 45
    assert [r.id for r in again.catalog.records()] == [name for name, *_ in entries[:kept]]
    assert len(Session(again).ledger.labels()) == kept
    report = run(*entries)
    assert counts(report) == {"added": 60 - kept, "unchanged": kept}
    assert len(embedder.embedded) == 60 - kept
    assert [r.id for r in pool.catalog.records()] == [name for name, *_ in entries]
    assert_pool_holds(pool, {name: text for name, text, _ in entries})
    assert len(Session(pool).ledger.labels()) == 60


def test_an_interrupt_right_after_a_commit_stores_nothing_twice(
    run: Run, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = pool.transaction

    @contextlib.contextmanager
    def interrupted() -> Iterator[None]:
        with commit():
            yield
        if pool.catalog.row_count():  # not at once, when the pool takes its embedder
            raise KeyboardInterrupt

    monkeypatch.setattr(module, "_CHUNK_ITEMS", 4)
    monkeypatch.setattr(pool, "transaction", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(*WORDS)
    monkeypatch.undo()
    assert pool.catalog.row_count() == 4
    assert counts(run(*WORDS)) == {"added": len(WORDS) - 4, "unchanged": 4}


def test_an_interrupted_run_makes_nothing_vanish(run: Run, pool: Pool) -> None:
    run(*WORDS)
    with pytest.raises(KeyboardInterrupt):
        run(WORDS[0], KeyboardInterrupt())
    assert_pool_holds(pool, dict(WORDS))


def test_progress_rises_to_the_number_of_items(
    pool: Pool, embedder: LetterCounts, tmp_path: Path
) -> None:
    narrator = Recorder()
    ingest(pool, Texts(tmp_path, WORDS), embedder, annotator="ann", narrator=narrator)
    done = [step for stage, step, total in narrator.steps if (stage, total) == ("Embedding", 8)]
    assert done == sorted(done)
    assert done[-1] == 8


def test_files_whose_stamp_alone_changed_are_not_embedded_again(
    pool: Pool, embedder: LetterCounts, tmp_path: Path
) -> None:
    file = tmp_path / "files" / "a.txt"
    file.parent.mkdir()
    file.write_text("ant")

    class Files(Texts):
        def __iter__(self) -> Iterator[Item | Skip]:
            yield from (Item(name, stamp, path=file) for name, stamp in self.entries)

    source = Files(file.parent, [("a.txt", "stamp 1")])
    assert counts(ingest(pool, source, embedder, annotator="ann")) == {"added": 1}
    source.entries = [("a.txt", "stamp 2")]
    assert counts(ingest(pool, source, embedder, annotator="ann")) == {"unchanged": 1}
    record = pool.catalog.get("a.txt")
    assert (record.row, record.stamp, record.path) == (0, "stamp 2", file)
    file.write_text("bee")
    source.entries = [("a.txt", "stamp 3")]
    assert counts(ingest(pool, source, embedder, annotator="ann")) == {"changed": 1}
    file.unlink()
    source.entries = [("a.txt", "stamp 4")]
    report = ingest(pool, source, embedder, annotator="ann")
    assert list(report.skips) == ["cannot be read (No such file or directory)"]


def test_the_wrong_kind_of_items_is_refused(
    pool: Pool, embedder: LetterCounts, tmp_path: Path
) -> None:
    source = Texts(tmp_path, WORDS)
    source.modality = Modality.IMAGE
    with pytest.raises(InputError, match=r"This embedder reads texts.*holds images"):
        ingest(pool, source, embedder, annotator="ann")


def test_another_embedder_is_refused_before_anything_is_stored(run: Run, pool: Pool) -> None:
    run(*WORDS)

    class Other(LetterCounts):
        identity = EmbedderIdentity("letters", "1" * 64, 26, "lower case")

    with pytest.raises(EmbedderMismatchError):
        ingest(pool, Texts(Path("x"), [("new", "text")]), Other(), annotator="ann")
    assert_pool_holds(pool, dict(WORDS))


def test_two_runs_at_once_are_refused(run: Run, make_pool: Any, pool: Pool) -> None:
    run(*WORDS)
    with make_pool().embedding_alone(), pytest.raises(PoolBusyError):
        run(*WORDS, ("t9", "jay"))
    assert counts(run(*WORDS, ("t9", "jay"))) == {"added": 1, "unchanged": 8}
