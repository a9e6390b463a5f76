"""How far a label moves the predictions, against sessions that begin anew for every figure."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from knnal.acquisition.state import PoolState
from knnal.index.linalg import unit_rows
from knnal.index.pool_index import PoolIndex
from knnal.pool.pool import Pool
from knnal.quality.audit import audited_items
from knnal.quality.stopping import advise
from knnal.session.session import Session

RNG = np.random.default_rng(0)
Y = RNG.integers(0, 3, 60)
X = unit_rows(RNG.normal(size=(3, 5))[Y] + RNG.normal(size=(60, 5)))
GEOMETRY = PoolIndex.of(X)


def new_session(pool: Pool, **options: Any) -> Session:
    return Session(pool, geometry=GEOMETRY, annotator="ann", **options)


def predictions(labels: dict[str, str], classes: list[str]) -> Any:
    state = PoolState(GEOMETRY)
    rows = np.array([int(item) for item in labels], dtype=np.int64)
    numbers = np.array([classes.index(label) for label in labels.values()], dtype=np.int64)
    state.rebuild(rows, numbers, len(classes))
    return state.classifier.probabilities(np.arange(60)).argmax(axis=1)


def expected_agreement(session: Session) -> float | None:
    """Of the predictions with and without the latest label in force, all items compared."""
    labels = session.ledger.labels()
    if len(labels) < 2:
        return None
    last = next(session.ledger.labeled_latest_first()).item
    before = {item: label for item, label in labels.items() if item != last}
    first, second = (predictions(which, session.classes) for which in (before, labels))
    if len({*first.tolist(), *second.tolist()}) == 1:
        return None
    return float(cohen_kappa_score(first, second))


ACTIONS = st.lists(
    st.sampled_from(
        [
            "tell",
            "tell",
            "tell",
            "tell",
            "skip",
            "undo",
            "relabel",
            "keep",
            "withdraw",
            "reopen",
            "wait",
        ]
    ),
    min_size=8,
    max_size=30,
)


@settings(max_examples=15)
@example(["tell", "tell", "undo", "tell", "tell", "tell", "tell", "tell"], 0)  # renumbers a class
@given(ACTIONS, st.integers(0, 2))
def test_it_depends_on_the_labels_in_force_and_nothing_else(actions: list[str], seed: int) -> None:
    with closing(Pool.in_memory(X)) as pool:
        session = new_session(pool, seed=seed, strategy="random")
        for action in actions:
            if action == "reopen":
                session.stop_anticipating()
                session = new_session(pool, seed=seed, strategy="random")
            elif action == "undo" and session.ledger.label_count:
                session.undo()
            elif action == "relabel" and session.ledger.label_count:
                item = next(iter(session.ledger.labels()))
                session.relabel(item, "another")
            elif action in ("keep", "withdraw") and session.ledger.label_count:
                item = next(iter(session.ledger.labels()))
                review = session.keep if action == "keep" else session.withdraw
                review(item, suspicion=0.5)
            elif action == "wait":
                session.anticipate(session.ask())
                session.finish_anticipating()
            elif action in ("tell", "skip"):
                question = session.ask()
                if action == "skip":
                    session.skip(question.item)
                    continue
                agreement = expected_agreement(session)
                event = session.tell(question.item, f"class {Y[int(question.item)]}")
                assert event.scores.get("agreement") == pytest.approx(agreement, abs=1e-12)
        session.stop_anticipating()


def test_undo_and_reopening_leave_the_advice_as_it_was() -> None:
    with closing(Pool.in_memory(X)) as pool:
        session = new_session(pool, audit=0.5)
        advice = [advice_of(session)]
        for _ in range(58):
            question = session.ask()
            session.tell(question.item, f"class {Y[int(question.item)]}")
            assert advice_of(new_session(pool)) == advice_of(session)
            advice.append(advice_of(session))
        assert advice[-1].agreement is not None
        assert advice[-1].gain is not None
        for expected in advice[-2:40:-1]:
            session.undo()
            assert advice_of(session) == expected


def advice_of(session: Session) -> Any:
    return advise(session.ledger, audited_items(session.ledger), 0.5)


def test_looking_leaves_the_questions_as_they_are() -> None:
    """The agreement is found by taking a label away and back, which must not show."""
    with closing(Pool.in_memory(X)) as pool, closing(Pool.in_memory(X)) as other:
        session = new_session(pool)
        for _ in range(12):
            reopened = new_session(other)  # looks by taking the latest label away
            question, same = session.ask(), reopened.ask()
            assert question == same
            label = f"class {Y[int(question.item)]}"
            session.tell(question.item, label)
            reopened.tell(question.item, label)
            assert reopened.ask() == session.ask()
