"""Simulations: against single runs, in several processes, interrupted, and refused."""

from __future__ import annotations

import dataclasses
import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.sparse.csgraph import connected_components

from knnal.classifiers.vote import VoteOptions
from knnal.errors import InputError, KnnalError, UnknownNameError
from knnal.index.linalg import unit_rows
from knnal.index.parallel import thread_count, use_threads
from knnal.pool.pool import Pool
from knnal.session.schedule import Schedule, ScheduleKind
from knnal.session.session import Session
from knnal.simulation.known import KnownItems
from knnal.simulation.learning_curve import Experiment
from knnal.simulation.measures import accuracy
from knnal.simulation.processes import run_tasks
from knnal.simulation.settings import Contender, Settings
from knnal.simulation.simulation import STEP, Simulated, simulate
from knnal.simulation.splits import SplitPlan
from knnal.simulation.summary import summarize
from knnal.simulation.tables import cells, head


def same(a: Simulated, b: Simulated) -> None:
    assert list(a.outcomes) == list(b.outcomes)
    for contender, outcomes in a.outcomes.items():
        for one, other in zip(outcomes, b.outcomes[contender], strict=True):
            for field in ("asked", "hits", "predicted"):
                np.testing.assert_array_equal(getattr(one, field), getattr(other, field))


class Counting:
    """A narrator that remembers how far it was, and stops the work where it is told to."""

    def __init__(self, stop_at: int | None = None) -> None:
        self.told: list[int] = []
        self._stop_at = stop_at

    def progress(self, step: str, done: int, total: int | None) -> None:
        if step != STEP:
            return
        self.told.append(done)
        if self._stop_at is not None and done >= self._stop_at:
            raise KeyboardInterrupt

    def say(self, message: str) -> None:
        raise AssertionError(message)


def test_every_contender_runs_and_the_baseline_too(simulated: Simulated) -> None:
    assert list(simulated.outcomes) == [
        Contender(strategy, classifier)
        for classifier in ("combined", "knn")
        for strategy in ("cdf-product", "smallest-margin", "random")
    ]
    assert len(simulated.splits) == 6
    assert {outcome.asked.shape for o in simulated.outcomes.values() for outcome in o} == {(12,)}


def test_a_run_is_that_of_a_pool_without_the_held_out_items(simulated: Simulated) -> None:
    known = simulated.known
    X = unit_rows(known.vectors[known.rows])
    y = [known.class_names[c] for c in known.classes]
    for place in (0, 4):
        split = simulated.splits[place]
        pool = np.delete(np.arange(len(known)), split.held_out)
        single = Experiment(
            X[pool], [y[i] for i in pool], X[split.held_out], [y[i] for i in split.held_out]
        )
        for contender, outcomes in simulated.outcomes.items():
            curve = single.run(
                contender.strategy, 12, seed=split.seed, classifier=contender.classifier
            )
            assert pool[list(curve.asked)].tolist() == outcomes[place].asked.tolist()
            np.testing.assert_array_equal(
                accuracy(outcomes[place].hits, simulated.supports[place]), curve.accuracy
            )


def test_several_processes_give_what_one_gives(
    simulated: Simulated, known: KnownItems, settings: Settings, out: Path
) -> None:
    threads = thread_count()
    use_threads(2)
    narrator = Counting()
    try:
        same(simulate(known, settings, out, narrator), simulated)
    finally:
        use_threads(threads)
    assert narrator.told == sorted(narrator.told)
    assert (narrator.told[0], narrator.told[-1]) == (0, 36 * 12)
    assert not (out / "work").exists()


@pytest.mark.usefixtures("one_thread")
def test_an_interrupted_simulation_goes_on(
    simulated: Simulated, known: KnownItems, settings: Settings, out: Path
) -> None:
    with pytest.raises(KeyboardInterrupt):
        simulate(known, settings, out, Counting(stop_at=100))
    finished = sorted((out / "runs").iterdir())
    assert 0 < len(finished) < 36
    finished[0].write_bytes(finished[0].read_bytes()[:50])  # a damaged one runs again
    (out / "runs" / ".left.npz.1.tmp").touch()
    narrator = Counting()
    same(simulate(known, settings, out, narrator), simulated)
    assert narrator.told[0] == (len(finished) - 1) * 12
    assert len(list((out / "runs").iterdir())) == 36
    silent = Counting()
    same(simulate(known, settings, out, silent), simulated)
    assert silent.told == []


@pytest.mark.usefixtures("one_thread")
def test_contenders_and_seeds_may_be_added(known: KnownItems, out: Path) -> None:
    few = Settings(labels=5, splits=SplitPlan(seeds=1))
    more = Settings(labels=5, splits=SplitPlan(seeds=2), strategies=("cdf-product", "entropy"))
    first = simulate(known, few, out)
    narrator = Counting()
    both = simulate(known, more, out, narrator)
    assert narrator.told[0] == 2 * 5
    for contender, (outcome,) in first.outcomes.items():
        np.testing.assert_array_equal(both.outcomes[contender][0].asked, outcome.asked)


@pytest.mark.usefixtures("one_thread")
def test_another_simulations_folder_is_refused(known: KnownItems, items: Any, out: Path) -> None:
    few = Settings(labels=2, splits=SplitPlan(seeds=1))
    simulate(known, few, out)
    for change, name in (
        ({"labels": 3}, "labels"),
        ({"vote": VoteOptions(k=3, uniform=True)}, "k, uniform"),
        ({"splits": SplitPlan(folds=2, seeds=1)}, "folds, held-out share"),
    ):
        with pytest.raises(InputError, match=f"contains another simulation: it differs in {name}"):
            simulate(known, dataclasses.replace(few, **change), out)
    X, labels, _ = items
    other = KnownItems.of(Pool.in_memory(X + 0.01, list(labels)), labels)
    with pytest.raises(InputError, match="differs in data"):
        simulate(other, few, out)
    (out / "simulation.json").write_bytes(b"{")
    with pytest.raises(InputError, match="cannot be read"):
        simulate(known, few, out)


@pytest.mark.usefixtures("one_thread")
def test_folders_that_cannot_be_had(known: KnownItems, tmp_path: Path) -> None:
    few = Settings(labels=2, splits=SplitPlan(seeds=1))
    (tmp_path / "notes.txt").touch()
    with pytest.raises(InputError, match="contains other files"):
        simulate(known, few, tmp_path)
    with pytest.raises(InputError, match="Cannot write to"):
        simulate(known, few, tmp_path / "notes.txt" / "below")
    assert [file.name for file in tmp_path.iterdir()] == ["notes.txt"]


def test_what_cannot_be_simulated(known: KnownItems, out: Path) -> None:
    with pytest.raises(InputError, match=r"`labels` must be at most 67, .* got 70"):
        simulate(known, Settings(labels=70), out)
    assert not out.exists()
    for options, phrase in (
        ({"labels": 0}, "at least 1, got 0"),
        ({"strategies": ()}, "At least one strategy"),
        ({"targets": (0.5, 90.0)}, "at most 1, got"),
    ):
        with pytest.raises(InputError, match=phrase):
            Settings(**options)  # type: ignore[arg-type]
    with pytest.raises(UnknownNameError, match="no classifier named 'svm'"):
        Settings(classifiers=("svm",))


@pytest.mark.usefixtures("one_thread")
def test_a_class_that_only_the_held_out_items_have_is_told(items: Any, out: Path) -> None:
    class Told(Counting):
        said: str = ""

        def say(self, message: str) -> None:
            self.said += message

    X, labels, _ = items
    named = {item: "rare" if item == "item 3" else label for item, label in labels.items()}
    rare = KnownItems.of(Pool.in_memory(X, list(labels)), named)
    told = Told()
    simulate(rare, Settings(labels=2, splits=SplitPlan(folds=5, seeds=2)), out, told)
    assert told.said.startswith("In 2 of 10 splits")


@pytest.mark.usefixtures("one_thread")
def test_a_small_pool_is_labeled_whole_unless_said_otherwise(known: KnownItems, out: Path) -> None:
    simulated = simulate(known, Settings(splits=SplitPlan(seeds=1)), out)
    pool = set(range(90)) - set(simulated.splits[0].held_out.tolist())
    assert simulated.labels == len(pool)
    for (outcome,) in simulated.outcomes.values():
        assert set(outcome.asked.tolist()) == pool


# The items


def test_known_items_are_a_pools_labeled_ones_in_one_order(items: Any) -> None:
    X, labels, groups = items
    pool = Pool.in_memory(X, list(labels))
    some = dict(list(labels.items())[:40])
    named = {**some, "somebody": "else"}
    known = KnownItems.of(pool, named, dict(list(groups.items())[10:]))
    assert (len(known), known.excluded, known.unknown_ids) == (30, 60, 0)
    assert KnownItems.of(pool, named).unknown_ids == 1
    assert set(known.ids) == set(list(labels)[10:40])
    assert list(known.ids) != sorted(known.ids)
    for item, row, c, g in zip(known.ids, known.rows, known.classes, known.groups, strict=True):
        np.testing.assert_array_equal(known.vectors[row], unit_rows(X)[int(item.split()[1])])
        assert known.class_names[c] == labels[item]
        assert sorted({groups[i] for i in known.ids})[g] == groups[item]
    reordered = KnownItems.of(
        Pool.in_memory(X[::-1], list(labels)[::-1]), named, dict(list(groups.items())[10:])
    )
    assert reordered.ids == known.ids
    assert reordered.digest == known.digest
    assert KnownItems.of(pool, named).digest != known.digest


def test_too_few_classes(items: Any) -> None:
    X, labels, _ = items
    pool = Pool.in_memory(X, list(labels))
    with pytest.raises(
        InputError, match="at least two classes, got 1: 3 labels, 2 of them for items"
    ):
        KnownItems.of(pool, {"item 0": "same", "item 1": "same", "nobody": "other"})


# Processes


BREAKING = """
import os


class Breaking:
    def __call__(self, task, report):
        if task == "fail":
            raise RuntimeError("the task is broken")
        if task == "die":
            os._exit(9)
        report(3)
"""


def test_processes_report_fail_and_die_in_the_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A module of its own: "tests" may be the name of an installed package, too.
    (tmp_path / "breaking_worker.py").write_text(BREAKING, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    breaking = importlib.import_module("breaking_worker").Breaking()

    def run(*tasks: str) -> tuple[list[int], list[str]]:
        """The reports, and the finished tasks; two at once, the last task after the others."""
        waiting, steps, done = list(tasks), list[int](), list[str]()

        def next_task() -> str | None:
            last = len(waiting) == 1 and len(done) < len(tasks) - 1
            return None if last or not waiting else waiting.pop(0)

        run_tasks(2, breaking, next_task, done.append, steps.append)
        return steps, done

    assert run("work", "work", "work") == ([3, 3, 3], ["work"] * 3)
    with pytest.raises(KnnalError, match=r"(?s)fail failed.*the task is broken"):
        run("work", "fail")
    with pytest.raises(KnnalError, match="was killed"):
        run("work", "die")


@pytest.mark.usefixtures("one_thread")
def test_a_search_is_that_of_a_session_with_the_example(
    known: KnownItems, class_names: tuple[str, ...], out: Path
) -> None:
    sought = class_names[1]
    few = Settings(labels=30, splits=SplitPlan(seeds=2), seek=sought)
    found = simulate(known, few, out)
    assert [c.strategy for c in found.outcomes] == ["cdf-product", f"seek({sought})", "random"]
    searches = found.outcomes[Contender(f"seek({sought})", "combined")]
    wanted = known.class_names.index(sought)
    X = unit_rows(known.vectors[known.rows])
    for place, split in enumerate(found.splits):
        firsts = {outcomes[place].asked[0] for outcomes in found.outcomes.values()}
        assert len(firsts) == 1
        assert known.classes[list(firsts)] == wanted
        pool = np.delete(np.arange(len(known)), split.held_out)
        rows = [str(i) for i in range(len(pool))]
        session = Session(
            Pool.in_memory(X[pool], rows), seek=sought, seed=split.seed, audit=0.0, annotator="a"
        )
        for row in searches[place].asked.tolist():
            at = int(np.flatnonzero(pool == row)[0])
            if session.ledger.step:
                question = session.ask()
                assert question is not None
                assert question.item == rows[at]
            session.tell(rows[at], known.class_names[known.classes[row]])
        assert session.search is not None
        assert session.search.asked > 20
    summary = summarize(found)
    (_, search, random) = summary["contenders"]
    others = [
        np.count_nonzero(np.delete(known.classes, s.held_out) == wanted) for s in found.splits
    ]
    hits = [np.count_nonzero(known.classes[o.asked] == wanted) - 1 for o in searches]
    expected = np.mean([h / (n - 1) for h, n in zip(hits, others, strict=True)])
    assert search["found"]["final"]["mean"] == pytest.approx(expected, abs=1e-6)
    assert search["found"]["final"]["mean"] > random["found"]["final"]["mean"]
    assert [target["target"] for target in search["found"]["targets"]] == [0.5, 0.9]
    assert search["curves"]["found"]["mean"][0] == 0.0
    assert head(summary)[-1] == f"'{sought}' found at 30"
    assert len(cells(summary)[0]) == len(head(summary))
    with pytest.raises(InputError, match="differs in search"):
        simulate(known, dataclasses.replace(few, strategies=("entropy",)), out)


@pytest.mark.usefixtures("one_thread")
def test_a_search_that_cannot_be(known: KnownItems, items: Any, out: Path) -> None:
    few = Settings(labels=2, splits=SplitPlan(seeds=1), seek="nobody")
    with pytest.raises(InputError, match=r"`seek` must be one of the classes .*, got 'nobody'"):
        simulate(known, few, out)
    X, labels, _ = items
    lone = {**labels, "item 3": "alone"}
    alone = KnownItems.of(Pool.in_memory(X, list(lone)), lone)
    with pytest.raises(InputError, match="'alone' needs at least two of its items"):
        simulate(alone, dataclasses.replace(few, seek="alone"), out)


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("schedule", [Schedule(), Schedule(ScheduleKind.CONSTANT, 7)])
def test_near_duplicates_are_asked_about_once_and_then_the_rest(
    items: Any, out: Path, schedule: Schedule
) -> None:
    X, labels, _ = items
    rng = np.random.default_rng(5)
    copies = np.concatenate([X, X[:30] + 0.01 * rng.normal(size=(30, 6))])
    named = {**labels, **{f"copy {i}": labels[f"item {i}"] for i in range(30)}}
    known = KnownItems.of(Pool.in_memory(copies, list(named)), named)
    few = Settings(
        strategies=("cdf-product", "typiclust"), splits=SplitPlan(seeds=1), near=0.999,
        schedule=schedule,
    )  # fmt: skip
    found = simulate(known, few, out)
    (split,) = found.splits
    pool = np.delete(np.arange(len(known)), split.held_out)
    V = unit_rows(known.vectors[known.rows])[pool].astype(np.float64)
    _, groups = connected_components(V @ V.T >= 0.999)
    group_of = dict(zip(pool.tolist(), groups.tolist(), strict=True))
    distinct = len(set(groups.tolist()))
    assert len(pool) - distinct > 10
    for outcomes in found.outcomes.values():
        asked = [group_of[row] for row in outcomes[0].asked.tolist()]
        assert len(set(asked[:distinct])) == distinct
        assert len(asked) == len(pool)
    assert summarize(found)["settings"]["near_duplicates"] == 0.999
    with pytest.raises(InputError, match="differs in near-duplicates"):
        simulate(known, dataclasses.replace(few, near=None), out)
    with pytest.raises(InputError, match="near-duplicates must be above 0 and below 1"):
        Settings(near=1.0)
