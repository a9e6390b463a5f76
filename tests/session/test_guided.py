"""Guided labeling in a session and in a simulation."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from knnal.acquisition.strategies.published.guided import RESPONSE_ENTROPY
from knnal.errors import InputError
from knnal.index.parallel import thread_count, use_threads
from knnal.pool.pool import Pool
from knnal.session.question_selection import question_rng
from knnal.session.schedule import Schedule, ScheduleKind
from knnal.session.session import Session
from knnal.simulation.known import KnownItems
from knnal.simulation.settings import Settings
from knnal.simulation.simulation import simulate
from knnal.simulation.splits import SplitPlan

N, VIEWS = 60, 4


def clusters() -> tuple[Any, Any, list[str]]:
    """Vectors ``(n, d)`` in three clusters, their views ``(n, m, d)``, and their classes."""
    rng = np.random.default_rng(4)
    classes = rng.integers(0, 3, N)
    X = 3 * np.eye(3, 6)[classes] + rng.normal(size=(N, 6))
    views = X[:, None] + 0.7 * rng.normal(size=(N, VIEWS, 6))
    return X, views, [f"class {c}" for c in classes]


def viewed_pool() -> Pool:
    X, views, _ = clusters()
    return Pool.in_memory(X, views=views)


def test_it_asks_where_the_mean_entropy_is_highest() -> None:
    _, _, y = clusters()
    with closing(viewed_pool()) as pool:
        session = Session(pool, strategy="guided")
        for row in range(0, 30, 3):
            session.tell(str(row), y[row])
        entropy = RESPONSE_ENTROPY.of(session.state)
        candidates = session.candidates
        expected = candidates[np.lexsort((candidates, -entropy[candidates]))][:8]
        questions = session.rank(8)
        assert [int(q.item) for q in questions] == expected.tolist()
        assert questions[0].score is not None
        assert questions[0].score.factors["u"] == pytest.approx(entropy[expected[0]])
        assert session.ask().item == questions[0].item


def test_it_draws_until_two_classes_have_a_label() -> None:
    asked = set()
    for seed in range(12):
        with closing(viewed_pool()) as pool:
            session = Session(pool, strategy="guided", seed=seed)
            first = session.ask()
            draws = question_rng(seed, 0).random(N)
            assert first.item == str(draws.argmax())
            session.tell(first.item, "a")
            second = session.ask()
            assert second.item != first.item
            asked.add(second.item)
    assert len(asked) > 6


def test_undo_relabel_and_replay_are_exact() -> None:
    _, _, y = clusters()
    with closing(viewed_pool()) as pool:
        session = Session(pool, strategy="guided", annotator="ann")
        session.ask()  # what is asked from now on comes from updates
        for row in range(12):
            session.tell(str(row), y[row])
        session.ask()
        session.relabel("3", "another class")
        session.undo()
        session.undo()
        session.relabel("5", y[6])
        session.skip("40")
        replayed = Session(pool, strategy="guided", annotator="ann")
        np.testing.assert_array_equal(
            RESPONSE_ENTROPY.of(session.state), RESPONSE_ENTROPY.of(replayed.state)
        )
        assert session.ask_many(10) == replayed.ask_many(10)


def test_anticipated_questions_are_the_same() -> None:
    _, _, y = clusters()
    asked: list[list[str]] = []
    for anticipate in (False, True):
        with closing(viewed_pool()) as pool:
            session = Session(pool, strategy="guided")
            session.tell("0", y[0])
            session.tell("1", "class 9")
            items = []
            for _ in range(8):
                question = session.ask()
                items.append(question.item)
                if anticipate:
                    session.anticipate(question)
                    session.finish_anticipating()
                session.tell(question.item, y[int(question.item)])
            asked.append(items)
    assert asked[0] == asked[1]


def test_a_pool_without_views_says_what_to_do() -> None:
    X, _, _ = clusters()
    with (
        closing(Pool.in_memory(X)) as pool,
        pytest.raises(InputError, match=r"'guided' needs views.*views"),
    ):
        Session(pool, strategy="guided")


@pytest.mark.parametrize("shape", [(N, VIEWS, 5), (N - 1, VIEWS, 6), (N, 6)])
def test_views_that_do_not_fit(shape: tuple[int, ...]) -> None:
    X, _, _ = clusters()
    with pytest.raises(InputError, match=rf"Views must have shape \({N}, m, 6\)"):
        Pool.in_memory(X, views=np.ones(shape))


def test_a_round_of_a_schedule() -> None:
    _, _, y = clusters()
    with closing(viewed_pool()) as pool:
        session = Session(pool, strategy="guided")
        schedule = Schedule(ScheduleKind.DOUBLING, 5)
        sizes = []
        for _ in range(4):
            questions = session.ask_many(schedule)
            sizes.append(len(questions))
            for question in questions:
                session.tell(question.item, y[int(question.item)])
        assert sizes == [5, 5, 10, 20]


def known_items(views: bool = True) -> KnownItems:
    X, V, y = clusters()
    pool = Pool.in_memory(X, views=V if views else None)
    return KnownItems.of(pool, {str(i): label for i, label in enumerate(y)})


def session_rounds(known: KnownItems, held_out: Any, schedule: Schedule, labels: int) -> list[int]:
    """What a session over the items that are not held out is asked, a round at a time."""
    pool_rows = np.delete(np.arange(len(known)), held_out)
    assert known.views is not None
    V = known.views.vectors[known.rows[pool_rows]]
    asked: list[int] = []
    with closing(Pool.in_memory(V[:, 0], views=V[:, 1:])) as pool:
        session = Session(pool, strategy="guided", classifier="knn", seed=3)
        while len(asked) < labels:
            for question in session.ask_many(schedule):
                row = int(pool_rows[int(question.item)])
                asked.append(row)
                session.tell(question.item, known.class_names[known.classes[row]])
    return asked[:labels]


@pytest.mark.parametrize("threads", [1, 2])
def test_a_simulation_asks_what_a_session_asks(tmp_path: Path, threads: int) -> None:
    known = known_items()
    schedule = Schedule(ScheduleKind.DOUBLING, 4)
    settings = Settings(
        strategies=("guided",),
        classifiers=("knn",),
        labels=18,
        splits=SplitPlan(seeds=1, first_seed=3),
        schedule=schedule,
    )
    before = thread_count()
    use_threads(threads)
    try:
        simulated = simulate(known, settings, tmp_path / "out")
    finally:
        use_threads(before)
    (split,) = simulated.splits
    ((outcome,), _) = simulated.outcomes.values()
    expected = session_rounds(known, split.held_out, schedule, 18)
    assert outcome.asked.tolist() == expected
    assert outcome.hits.shape == (18, 3)


def test_a_simulation_without_views_is_refused(tmp_path: Path) -> None:
    settings = Settings(strategies=("guided",), labels=4, splits=SplitPlan(seeds=1))
    with pytest.raises(InputError, match="'guided' needs views"):
        simulate(known_items(views=False), settings, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_another_schedule_needs_another_folder(tmp_path: Path) -> None:
    known = known_items()
    before = thread_count()
    use_threads(1)
    try:
        simulate(known, Settings(labels=3, splits=SplitPlan(seeds=1)), tmp_path / "out")
        constant = Settings(
            labels=3, splits=SplitPlan(seeds=1), schedule=Schedule(ScheduleKind.CONSTANT, 3)
        )
        with pytest.raises(InputError, match="differs in schedule"):
            simulate(known, constant, tmp_path / "out")
    finally:
        use_threads(before)
