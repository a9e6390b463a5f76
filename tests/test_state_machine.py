"""Any sequence of answers leaves a session exactly where a calculation from scratch would.

The reference below is written from the formulas, over all pairs of items; it shares with the
package the similarity of two vectors, and nothing else.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from scipy import stats

from knnal.errors import InputError, LabelConflictError, NothingToUndoError
from knnal.neighbors.graph import build_graph
from knnal.neighbors.similarity import similarities
from knnal.neighbors.vote import VoteOptions
from knnal.session import Session
from knnal.store.pool import Pool
from knnal.strategies.base import PoolView, create_strategy

CLASSES = ["ant", "bee", "cat", "dog"]
TERMS = {
    "cdf-product": ("smallest-margin", "local", "uncovered"),
    "product": ("smallest-margin", "local", "uncovered"),
    "article": ("smallest-margin", "global", "distance"),
}
MEASURES = ["least-confidence", "smallest-margin", "largest-margin", "entropy"]
CLOSE = 2e-6


def pool_vectors(rng: np.random.Generator, n: int, d: int, kind: str) -> Any:
    """Vectors with ties (small integers), with copies, in clusters, or of no special shape."""
    if kind == "lattice":
        X = rng.integers(-2, 3, (n, d)).astype(float)
        X[(X == 0).all(axis=1), 0] = 1.0
    elif kind == "copies":
        X = rng.normal(size=(max(n // 4, 1), d))[rng.integers(0, max(n // 4, 1), n)]
    elif kind == "clusters":
        X = rng.normal(size=(3, d))[rng.integers(0, 3, n)] * 3 + rng.normal(size=(n, d)) * 0.5
    else:
        X = rng.normal(size=(n, d))
    return X


class Reference:
    """What follows from the vectors alone: similarities, kernel, densities."""

    def __init__(self, X: Any, vote: VoteOptions) -> None:
        self.n, self.vote = len(X), vote
        self.S = np.array([similarities(X, x) for x in X])
        D = np.maximum(2.0 - 2.0 * self.S.astype(np.float64), 0.0)
        edge = np.zeros((self.n, self.n), dtype=bool)
        tenth = []
        for x in range(self.n):
            nearest = self.ordered(x, [y for y in range(self.n) if y != x])[:20]
            edge[x, nearest] = True
            if nearest:
                tenth.append(D[x, nearest[min(len(nearest), 10) - 1]])
        width = max(float(np.median(tenth)), 1e-12) if tenth else 1.0
        self.K = np.where(edge | edge.T, np.exp(-D / width), 0.0)
        np.fill_diagonal(self.K, 1.0)
        exact = X.astype(np.float64)
        self.densities = {
            "local": self.K.sum(axis=1),
            "global": (exact @ exact.T).mean(axis=1),
        }

    def ordered(self, x: int, others: list[int]) -> list[int]:
        """By falling similarity to x, ties by lower row."""
        rows = np.array(others, dtype=int)
        return rows[np.lexsort((rows, -self.S[x, rows]))].tolist()

    def neighbours(self, labels: dict[int, int]) -> list[list[int]]:
        k = self.vote.k
        return [self.ordered(x, [y for y in labels if y != x])[:k] for x in range(self.n)]

    def probabilities(self, labels: dict[int, int], classes: int) -> Any:
        P = np.zeros((self.n, classes))
        sizes = np.bincount(list(labels.values()), minlength=classes) if labels else None
        for x, nearest in enumerate(self.neighbours(labels)):
            for y in nearest:
                c = labels[y]
                s = float(self.S[x, y])
                w = 1.0 if self.vote.uniform else np.exp((s - 1) / self.vote.temperature)
                if self.vote.balanced and sizes is not None:
                    w *= max(np.log(0.3 * len(labels) / sizes[c]), 1.0)
                P[x, c] += w
            P[x] = P[x] / P[x].sum() if nearest else 1 / max(classes, 1)
        return P

    def uncertainty(self, P: Any) -> dict[str, Any]:
        ranked = np.sort(np.hstack([P, np.zeros((self.n, 2))]), axis=1)[:, ::-1]
        worst = P.min(axis=1) if P.shape[1] else np.zeros(self.n)
        return {
            "least-confidence": 1 - ranked[:, 0],
            "smallest-margin": 1 - (ranked[:, 0] - ranked[:, 1]),
            "largest-margin": 1 - (ranked[:, 0] - worst),
            "entropy": stats.entropy(P, axis=1) if P.shape[1] else np.zeros(self.n),
        }

    def diversities(self, labels: dict[int, int]) -> dict[str, Any]:
        L = sorted(labels)
        covered = self.K[:, L].max(axis=1, initial=0.0)
        gain = np.maximum(self.K - covered[None, :], 0.0).sum(axis=1)
        S = self.S[:, L].astype(np.float64)
        return {
            "uncovered": gain / self.densities["local"],
            "distance": 1 - S.max(axis=1) if L else np.ones(self.n),
            "distance-as-printed": 1 - (1 - S).max(axis=1) if L else np.ones(self.n),
        }


def cdf_bounds(values: Any) -> tuple[Any, Any]:
    """The CDF if every value closer than rounding were above, and if it were below."""
    low = [(values <= value - CLOSE).mean() for value in values]
    high = [(values <= value + CLOSE).mean() for value in values]
    return np.array(low), np.array(high)


class Model:
    """The decisions and classes that a list of answers amounts to, by brute force."""

    def __init__(self) -> None:
        self.decisions: list[tuple[int, int, str | None]] = []
        self.brought: dict[str, int | None] = {}
        self.count = 0

    def decide(self, row: int, label: str | None) -> None:
        self.count += 1
        self.decisions.append((self.count, row, label))
        if label is not None:
            self.brought.setdefault(label, self.count)

    def declare(self, name: str) -> None:
        self.brought[name] = None

    @property
    def in_force(self) -> dict[int, str | None]:
        return {row: label for _, row, label in self.decisions}

    @property
    def labels(self) -> dict[int, str]:
        return {row: label for row, label in self.in_force.items() if label is not None}

    @property
    def skipped(self) -> set[int]:
        return {row for row, label in self.in_force.items() if label is None}

    @property
    def classes(self) -> list[str]:
        there = {number for number, _, _ in self.decisions}
        used = set(self.labels.values())
        return [
            name for name, by in self.brought.items() if by is None or by in there or name in used
        ]


class Driver:
    """One session over one pool beside its model and reference, and the comparison of all."""

    def __init__(
        self, vectors: Any, vote: VoteOptions, strategy: str = "cdf-product", seed: int = 0
    ) -> None:
        self.pool = Pool.in_memory(vectors)
        X = self.pool.embeddings
        graph = build_graph(X, np.ones(len(X), dtype=bool))
        self.options: dict[str, Any] = {
            "vote": vote, "annotator": "ann", "graph": lambda _: graph, "seed": seed,
        }  # fmt: skip
        self.session = Session(self.pool, strategy=strategy, **self.options)
        self.reference = Reference(X, vote)
        self.model = Model()
        self.n = len(X)

    def answer(self, row: int, label: str | None) -> None:
        """Tell, relabel or skip, whichever fits; check that a labelled item is protected."""
        item = str(row)
        if row in self.model.labels:
            with pytest.raises(LabelConflictError):
                self.session.skip(item)
            with pytest.raises(LabelConflictError):
                self.session.tell(item, "ant")
            if label is None:
                return
            self.session.relabel(item, label)
        elif label is None:
            self.session.skip(item)
        else:
            with pytest.raises(InputError):
                self.session.relabel(item, label)
            self.session.tell(item, label)
        self.model.decide(row, label)

    def ask_and_tell(self, label: str) -> None:
        question = self.session.ask()
        assert (question is None) == (len(self.model.in_force) == self.n)
        if question is not None:
            self.answer(int(question.item), label)

    def undo(self) -> None:
        if not self.model.decisions:
            with pytest.raises(NothingToUndoError):
                self.session.undo()
            return
        _, row, label = self.model.decisions.pop()
        target = self.session.undo()
        assert (target.item, target.label) == (str(row), label)

    def check(self) -> None:
        self.check_against_reference()
        self.check_against_fresh_session()

    def check_against_reference(self) -> None:
        session, state, reference = self.session, self.session.state, self.reference
        assert session.classes == self.model.classes
        numbers = {name: i for i, name in enumerate(self.model.classes)}
        labels = {row: numbers[name] for row, name in self.model.labels.items()}
        assert session.ledger.labels() == {str(r): name for r, name in self.model.labels.items()}
        assert session.ledger.skipped() == {str(row) for row in self.model.skipped}
        neighbours = reference.neighbours(labels)
        ids = [[y for y in row if y != -1] for row in state.labelling.neighbours.ids.tolist()]
        assert ids == neighbours

        everyone = np.arange(self.n)
        P = reference.probabilities(labels, len(numbers))
        np.testing.assert_allclose(state.classifier.probabilities(everyone), P, atol=CLOSE)
        terms = {
            **reference.uncertainty(P),
            **reference.densities,
            **reference.diversities(labels),
        }
        ours = {
            **{name: state.uncertainty(name) for name in MEASURES},
            "local": state.local_density,
            "global": state.global_density,
            "uncovered": state.uncovered(),
            "distance": state.distance(),
            "distance-as-printed": state.distance_as_printed(),
        }
        unlabelled = np.array([x for x in everyone if x not in labels], dtype=int)
        np.testing.assert_array_equal(state.unlabelled, unlabelled)
        for name, values in terms.items():
            # How far a labelled item is from the labels, itself among them, is never asked.
            rows = unlabelled if name == "distance" else everyone
            np.testing.assert_allclose(ours[name][rows], values[rows], atol=CLOSE, err_msg=name)
        for strategy in TERMS:
            self.check_scores(strategy, unlabelled, terms, ours)

    def check_scores(self, strategy: str, rows: Any, terms: Any, ours: Any) -> None:
        """Exactly as their own factors say, and within rounding of what the reference says."""
        if not len(rows):
            return
        view = PoolView(self.session.state, rows, np.random.default_rng(0))
        values = create_strategy(strategy).score(view).values
        factors = [ours[name][rows] for name in TERMS[strategy]]
        expected = [terms[name][rows] for name in TERMS[strategy]]
        if strategy == "product":
            S = (factors[0] + 1e-3) * factors[1] * factors[2]
            low = high = (expected[0] + 1e-3) * expected[1] * expected[2]
        else:
            S = np.prod([stats.rankdata(f, method="max") / len(f) for f in factors], axis=0)
            bounds = [cdf_bounds(f) for f in expected]
            low = np.prod([b[0] for b in bounds], axis=0)
            high = np.prod([b[1] for b in bounds], axis=0)
        np.testing.assert_allclose(values, S, atol=1e-12)
        slack = 40 * CLOSE  # of a product of factors up to 20
        assert (values >= low - slack).all()
        assert (values <= high + slack).all()

        askable = [at for at, row in enumerate(rows) if row not in self.model.skipped]
        session = Session(self.pool, strategy=strategy, **self.options)
        asked = [int(question.item) for question in session.rank(self.n)] if askable else []
        assert sorted(asked) == [int(rows[at]) for at in askable]
        if not askable:
            assert session.ask() is None
            return
        first = max(askable, key=lambda at: (values[at], -at))
        assert asked[0] == rows[first]
        assert session.ask().item == str(asked[0])
        assert high[first] + slack >= low[askable].max()
        position = {int(row): at for at, row in enumerate(rows)}
        keys = [(-values[position[row]], row) for row in asked]
        assert keys == sorted(keys)

    def check_against_fresh_session(self) -> None:
        ours, fresh = self.session.state, Session(self.pool, **self.options).state
        for measure in MEASURES:
            np.testing.assert_array_equal(ours.uncertainty(measure), fresh.uncertainty(measure))
        everyone = np.arange(self.n)
        for one, other in (
            (ours.labelling.neighbours.ids, fresh.labelling.neighbours.ids),
            (ours.labelling.neighbours.similarities, fresh.labelling.neighbours.similarities),
            (ours.labelling.classes, fresh.labelling.classes),
            (ours.classifier.probabilities(everyone), fresh.classifier.probabilities(everyone)),
            (ours.uncovered(), fresh.uncovered()),
            (ours.distance(), fresh.distance()),
            (ours.distance_as_printed(), fresh.distance_as_printed()),
        ):
            np.testing.assert_array_equal(one, other)


LABELS = st.sampled_from(CLASSES)


class Answers(RuleBasedStateMachine):
    """Answers in any order; everything is compared after every few of them."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.steps = 0

    @initialize(
        n=st.integers(5, 40),
        d=st.sampled_from([2, 3, 5, 16]),
        kind=st.sampled_from(["lattice", "copies", "clusters", "generic"]),
        vote=st.sampled_from(
            [VoteOptions(), VoteOptions(k=1), VoteOptions(k=3, uniform=True),
             VoteOptions(temperature=0.3, balanced=True)]
        ),
        strategy=st.sampled_from(list(TERMS)),
        seed=st.integers(0, 1000),
        every=st.sampled_from([1, 1, 2, 5]),
    )  # fmt: skip
    def begin(
        self, n: int, d: int, kind: str, vote: VoteOptions, strategy: str, seed: int, every: int
    ) -> None:
        vectors = pool_vectors(np.random.default_rng(seed), n, d, kind)
        self.driver = Driver(vectors, vote, strategy)
        self.stack.callback(self.driver.pool.close)
        self.every = every

    @rule(row=st.integers(0, 39), label=LABELS)
    def label(self, row: int, label: str) -> None:
        self.driver.answer(row % self.driver.n, label)

    @rule(label=LABELS)
    def ask(self, label: str) -> None:
        self.driver.ask_and_tell(label)

    @rule(row=st.integers(0, 39))
    def skip(self, row: int) -> None:
        self.driver.answer(row % self.driver.n, None)

    @precondition(lambda self: self.driver.model.labels)
    @rule(data=st.data(), label=LABELS)
    def relabel(self, data: st.DataObject, label: str) -> None:
        row = data.draw(st.sampled_from(sorted(self.driver.model.labels)))
        self.driver.answer(row, label)

    @rule(times=st.integers(1, 4))
    def undo(self, times: int) -> None:
        for _ in range(times):
            self.driver.undo()

    @rule(name=LABELS)
    def declare(self, name: str) -> None:
        self.driver.session.add_class(name)
        self.driver.model.declare(name)

    @invariant()
    def same_as_from_scratch(self) -> None:
        self.steps += 1
        if self.steps % self.every == 0:
            self.driver.check()

    def teardown(self) -> None:
        if hasattr(self, "driver"):
            self.driver.check()
        self.stack.close()


def test_answers_in_any_order() -> None:
    run_state_machine_as_test(
        Answers,
        settings=settings(
            max_examples=30,
            stateful_step_count=20,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )


@pytest.mark.parametrize("kind", ["copies", "clusters"])
def test_vectors_of_full_dimension(kind: str) -> None:
    rng = np.random.default_rng(7)
    driver = Driver(pool_vectors(rng, 40, 1280, kind), VoteOptions())
    try:
        for step in range(70):
            action = rng.random()
            if action < 0.5:
                driver.ask_and_tell(CLASSES[int(rng.integers(4))])
            elif action < 0.7:
                driver.answer(int(rng.integers(40)), CLASSES[int(rng.integers(4))])
            elif action < 0.8:
                driver.answer(int(rng.integers(40)), None)
            else:
                driver.undo()
            if step % 5 == 4:
                driver.check()
    finally:
        driver.pool.close()


def test_a_whole_pool_labelled_and_taken_back() -> None:
    rng = np.random.default_rng(8)
    driver = Driver(pool_vectors(rng, 12, 3, "lattice"), VoteOptions())
    try:
        for _ in range(12):
            driver.ask_and_tell(CLASSES[int(rng.integers(4))])
            driver.check()
        assert driver.session.ask() is None
        for _ in range(12):
            driver.undo()
            driver.check()
        assert driver.session.classes == []
    finally:
        driver.pool.close()
