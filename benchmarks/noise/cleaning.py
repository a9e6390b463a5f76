"""Noisy labels, what each way of cleaning leaves of them, and how well the rest predicts."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.noise.sizes import HELD_OUT, RATES, Size, batches, inject
from benchmarks.sets.catalog import EmbeddedSet, kept, kept_file
from benchmarks.source import settings_of
from benchmarks.store import Store
from knnal import defaults
from knnal.acquisition.state import PoolState
from knnal.classifiers.vote import VoteOptions
from knnal.index.pool_index import PoolIndex, QueryVectors
from knnal.pool.labels.importing import LabelImport
from knnal.pool.pool import Pool
from knnal.quality.review import Mode, Review
from knnal.session.session import Session
from knnal.types import IntArray

NO_CLEANING, CLEAN = "no cleaning", "clean labels"
AT_THE_END = "voting, once at the end"
REVIEWS = {
    "suspicion, few questions": Mode.SUSPICION,
    "voting": Mode.VOTING,
    AT_THE_END: Mode.VOTING,
    "active, few questions": Mode.ACTIVE,
    "slim": Mode.SLIM,
}
VOTES = {
    "bootstrapped votes, soft": VoteOptions(bootstrap="soft"),
    "bootstrapped votes, hard": VoteOptions(bootstrap="hard"),
}
CONTENDERS = (NO_CLEANING, *VOTES, *REVIEWS, CLEAN)
JUDGES = (defaults.CLASSIFIER, "knn")
RANKING = "ranking"

_VERSION = 1
_REVIEWER = "reviewer"


@dataclass(frozen=True)
class Noisy:
    """A pool, its first rows labeled ``given`` ``(n,)`` where ``truth`` ``(n,)`` is right, and
    held-out items.
    """

    geometry: PoolIndex
    truth: IntArray
    given: IntArray
    names: list[str]
    outsiders: QueryVectors
    held_out: IntArray
    size: Size


@dataclass(frozen=True, slots=True)
class Task:
    """All rates on the split of a seed."""

    data_set: str
    seed: int
    size: Size
    folder: Path

    @property
    def store(self) -> Store:
        return Store(self.folder / "noise")

    @property
    def settings(self) -> dict[str, Any]:
        return settings_of(self.size, _VERSION)

    def key(self, rate: float) -> tuple[str, ...]:
        return self.data_set, str(self.seed), f"{rate:.0%}"

    def missing(self) -> list[float]:
        """The rates whose result is not stored yet."""
        return [r for r in RATES if self.store.read(self.key(r), self.settings) is None]


def do(task: Task) -> str:
    started = time.process_time()
    clean = _problem(task)
    for rate in task.missing():
        rng = np.random.default_rng((task.seed, round(1000 * rate)))
        given = inject(clean.truth, len(clean.names), rate, task.size.batch, rng)
        noisy = replace(clean, given=given)
        result = {name: measure(noisy, name) for name in CONTENDERS}
        task.store.write(task.key(rate), task.settings, {**result, RANKING: ranking(noisy)})
    return f"{task.data_set}, seed {task.seed}: {time.process_time() - started:.1f} s"


def measure(noisy: Noisy, contender: str) -> dict[str, Any]:
    """Held-out accuracy by judge, ``questions`` asked, ``labels`` left, ``wrong`` ones of them."""
    rows, labels, questions = np.arange(len(noisy.given)), noisy.given, 0
    if contender == CLEAN:
        labels = noisy.truth
    elif contender in REVIEWS:
        batch = len(noisy.given) if contender == AT_THE_END else noisy.size.batch
        rows, labels, questions = cleaned(noisy, REVIEWS[contender], batch)
    vote = VOTES.get(contender, VoteOptions())
    accuracy = {judge: _accuracy(noisy, rows, labels, judge, vote) for judge in JUDGES}
    return {
        "accuracy": accuracy,
        "questions": questions,
        "labels": len(rows),
        "wrong": int(np.count_nonzero(labels != noisy.truth[rows])),
    }


def cleaned(noisy: Noisy, mode: Mode, batch: int) -> tuple[IntArray, IntArray, int]:
    """The rows and labels that reviews after each batch leave, and the questions they took.

    Slim asks about every label that is not predicted, the others as often as the size says; voting
    asks nobody. What the votes settle is done.
    """
    truth = {str(row): noisy.names[c] for row, c in enumerate(noisy.truth)}
    limit = None if mode is Mode.SLIM else noisy.size.questions
    questions = 0
    with closing(Pool.in_memory(noisy.geometry.X)) as pool:
        session = _session(noisy, pool)
        for places in batches(len(noisy.given), batch):
            _tell(noisy, pool, places)
            review = Review(session, mode)
            if mode is not Mode.VOTING:
                decided = review.consult(truth, limit)
                questions += decided.kept + decided.changed
            if mode in (Mode.VOTING, Mode.ACTIVE):
                review.apply_votes()
        numbers = {name: number for number, name in enumerate(noisy.names)}
        labels = {int(item): numbers[label] for item, label in session.ledger.labels().items()}
    rows = np.array(sorted(labels), dtype=np.int64)
    return rows, np.array([labels[row] for row in rows.tolist()], dtype=np.int64), questions


def ranking(noisy: Noisy) -> dict[str, int]:
    """Of the labels all at once: how many are ``wrong``, how many of as many that are the most
    suspicious are (``found``); and the same of the ``confident`` ones (``confident_found``).
    """
    wrong = {str(row) for row in np.flatnonzero(noisy.given != noisy.truth).tolist()}
    with closing(Pool.in_memory(noisy.geometry.X)) as pool:
        _tell(noisy, pool, slice(0, len(noisy.given)))
        suspects = Review(_session(noisy, pool)).suspects()
    confident = {suspect.item for suspect in suspects if suspect.confident}
    return {
        "wrong": len(wrong),
        "found": len(wrong & {suspect.item for suspect in suspects[: len(wrong)]}),
        "confident": len(confident),
        "confident_found": len(wrong & confident),
    }


def _session(noisy: Noisy, pool: Pool) -> Session:
    return Session(pool, annotator=_REVIEWER, geometry=noisy.geometry)


def _tell(noisy: Noisy, pool: Pool, places: slice) -> None:
    rows = range(places.start, places.stop)
    with pool.transaction():
        LabelImport(pool, "noise", "noise").add(
            (str(row), noisy.names[noisy.given[row]]) for row in rows
        )


def _accuracy(
    noisy: Noisy, rows: IntArray, labels: IntArray, judge: str, vote: VoteOptions
) -> float:
    state = PoolState(noisy.geometry, classifier=judge, vote=vote)
    state.rebuild(rows, labels, len(noisy.names))
    best = state.classifier.predict(noisy.outsiders).argmax(axis=1)
    return float(np.mean(best == noisy.held_out))


def _problem(task: Task) -> Noisy:
    """The split of a seed, its labels as they should be."""
    found = _set(task.data_set, task.folder, task.size.items)
    size = task.size
    split = found.split(HELD_OUT, task.seed, size.pool, size.held_out)
    geometry = PoolIndex.of(found.X[split.pool])
    truth = found.classes[split.pool][: size.labels].astype(np.int64)
    outsiders = QueryVectors(geometry, found.X[split.held_out])
    held_out = found.classes[split.held_out]
    return Noisy(geometry, truth, truth, found.names, outsiders, held_out, size)


@lru_cache(maxsize=1)
def _set(name: str, folder: Path, items: int | None) -> EmbeddedSet:
    return kept(name, kept_file(name, folder, items))
