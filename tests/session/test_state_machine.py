"""Any sequence of answers leaves a session exactly where a calculation from scratch would.

The references below are written from the formulas, over all pairs of items. They share with the
package the similarity of two vectors and the directions of the reduced copy, and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
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

from knnal.acquisition import state
from knnal.acquisition.state import PoolState
from knnal.acquisition.strategies.base import PoolView, create_strategy
from knnal.acquisition.strategies.terms import term_of
from knnal.classifiers.base import create_classifier
from knnal.classifiers.vote import VoteOptions
from knnal.errors import (
    InputError,
    LabelConflictError,
    NothingToRedoError,
    NothingToUndoError,
)
from knnal.index import parallel
from knnal.index.diffusion import RESTART, TOLERANCE
from knnal.index.pool_index import UNLABELED, PoolIndex
from knnal.index.similarity import similarities
from knnal.pool.labels.importing import LabelImport
from knnal.pool.pool import Pool
from knnal.session.session import Session

CLASSES = ["ant", "bee", "cat", "dog", "eel", "fox", "gnu", "hen", "ibis", "jay"]
CLASSIFIERS = ["knn", "graph", "means", "combined"]
EXPERTS = CLASSIFIERS[:3]
TERMS = {
    "cdf-product": ("smallest-margin", "coverage-gain"),
    "product": ("smallest-margin", "local", "uncovered"),
    "article": ("smallest-margin", "global", "distance"),
}
MEASURES = ["least-confidence", "smallest-margin", "largest-margin", "entropy"]
CLOSE = 2e-6
IN_16_BITS = 2.0**-12
"""By how much of itself a value of a class table is off at most."""

MIXTURES = [(0, 1, 1), (1, 1, 1), (1, 0, 1), (1, 1, 0), (2, 1, 1), (2, 0, 1), (1, 0, 0), (0, 1, 0)]


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

    def __init__(self, X: Any, vote: VoteOptions, directions: Any) -> None:
        self.n, self.vote, self.Z = len(X), vote, directions
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
        self.kernel = np.exp(-D / width)
        np.fill_diagonal(self.kernel, 1.0)
        self.K = np.where(edge | edge.T, self.kernel, 0.0)
        np.fill_diagonal(self.K, 1.0)
        exact = X.astype(np.float64)
        self.densities = {
            "local": self.K.sum(axis=1),
            "global": (exact @ exact.T).mean(axis=1),
        }
        W = np.where(np.eye(self.n, dtype=bool), 0.0, self.K) ** 4
        sums = W.sum(axis=1)
        typical = np.median(sums[sums > 0]) if sums.any() else 1.0
        self.D = np.maximum(sums / typical, 0.01)
        P = W / typical / self.D[:, None]
        self.spread = np.linalg.inv(np.eye(self.n) - (1 - RESTART) * P) / np.sqrt(self.D)

    def ordered(self, x: int, others: list[int]) -> list[int]:
        """By falling similarity to x, ties by lower row."""
        rows = np.array(others, dtype=int)
        return rows[np.lexsort((rows, -self.S[x, rows]))].tolist()

    def neighbors(self, labels: dict[int, int]) -> list[list[int]]:
        k = self.vote.k
        return [self.ordered(x, [y for y in labels if y != x])[:k] for x in range(self.n)]

    def bounds(self, name: str, labels: dict[int, int], classes: int) -> tuple[Any, Any]:
        """What the probabilities of an expert lie between, each ``(n, classes)``."""
        return getattr(self, name)(labels, classes)

    def knn(self, labels: dict[int, int], classes: int) -> tuple[Any, Any]:
        P = self.probabilities(labels, classes)
        return P - CLOSE, P + CLOSE

    def graph(self, labels: dict[int, int], classes: int) -> tuple[Any, Any]:
        """No score of a label is above the exact one, nor below it by more than promised."""
        high, short = np.zeros((2, self.n, classes))
        for y, c in labels.items():
            others = np.arange(self.n) != y
            high[others, c] += self.spread[others, y]
            short[others, c] += TOLERANCE / RESTART * np.sqrt(self.D[y])
        high += 1e-5 * (1 + high)
        low = np.maximum(high - short - 3e-5 * (1 + high), 0.0)
        rest_high = high.sum(axis=1, keepdims=True) - high
        rest_low = low.sum(axis=1, keepdims=True) - low
        unreached = (low.sum(axis=1) == 0)[:, None]
        with np.errstate(invalid="ignore"):
            return (
                np.where(unreached, 0.0, low / (low + rest_high)) - CLOSE,
                np.where(unreached, 1.0, high / (high + rest_low)) + CLOSE,
            )

    def means(self, labels: dict[int, int], classes: int) -> tuple[Any, Any]:
        """Sums are rounded to 2^-20 and directions to 16 bits, which moves a cosine by ``off``;
        what comes of it is kept in 16 bits.
        """
        P, off = np.zeros((self.n, classes)), np.zeros(self.n)
        for x in range(self.n):
            for c in range(classes):
                members = [y for y, label in labels.items() if label == c and y != x]
                if members:
                    mean = self.Z[members].sum(axis=0)
                    length = np.linalg.norm(mean)
                    root = np.sqrt(len(mean))
                    lost = min(len(members) * root * 2.0**-21 / length, 2.0) if length else 0.0
                    off[x] = max(off[x], lost + root / 2**15)
                    cosine = self.Z[x] @ mean / length if length else 0.0
                    P[x, c] = np.exp((cosine - 1) / 0.1)
        filled = P.sum(axis=1, keepdims=True)
        P = np.where(filled > 0, P / np.where(filled > 0, filled, 1), 1 / max(classes, 1))
        off = np.minimum(np.expm1(np.minimum(20 * off, 10)) + 5e-5 + IN_16_BITS, 1)[:, None]
        return P - off, P + off

    def probabilities(self, labels: dict[int, int], classes: int) -> Any:
        P = np.zeros((self.n, classes))
        sizes = np.bincount(list(labels.values()), minlength=classes) if labels else None
        for x, nearest in enumerate(self.neighbors(labels)):
            for y in nearest:
                c = labels[y]
                s = float(self.S[x, y])
                w = 1.0 if self.vote.uniform else np.exp((s - 1) / self.vote.temperature)
                if self.vote.balanced and sizes is not None:
                    w *= max(np.log(0.3 * len(labels) / sizes[c]), 1.0)
                P[x, c] += w
            P[x] = P[x] / P[x].sum() if nearest else 1 / max(classes, 1)
        return P

    def diversities(self, labels: dict[int, int]) -> dict[str, Any]:
        L = sorted(labels)
        covered = self.kernel[:, L].max(axis=1, initial=0.0)  # by labels beyond the graph too
        covered = np.rint(covered.astype(np.float32) * 256) / 256
        gain = np.maximum(self.K - covered[None, :], 0.0).sum(axis=1)
        S = self.S[:, L].astype(np.float64)
        return {
            "uncovered": gain / self.densities["local"],
            "coverage-gain": gain,
            "distance": 1 - S.max(axis=1) if L else np.ones(self.n),
            "distance-as-printed": 1 - (1 - S).max(axis=1) if L else np.ones(self.n),
        }


def measures(P: Any) -> dict[str, Any]:
    """The measures of uncertainty, from sorted probabilities."""
    P = P.astype(np.float64)
    ranked = np.sort(np.hstack([P, np.zeros((len(P), 2))]), axis=1)[:, ::-1]
    worst = P.min(axis=1) if P.shape[1] else np.zeros(len(P))
    return {
        "least-confidence": 1 - ranked[:, 0],
        "smallest-margin": 1 - (ranked[:, 0] - ranked[:, 1]),
        "largest-margin": 1 - (ranked[:, 0] - worst),
        "entropy": stats.entropy(P, axis=1) if P.shape[1] else np.zeros(len(P)),
    }


def mixture(parts: list[Any], labels: dict[int, int]) -> tuple[int, ...]:
    """The powers under which most labels are predicted without themselves, by plain counting."""
    sizes = np.bincount(list(labels.values()), minlength=1)
    right = [2] + [0] * (len(MIXTURES) - 1)
    for row, c in labels.items():
        for m, powers in enumerate(MIXTURES):
            if sizes[c] > 1:
                right[m] += product(parts, powers, row).argmax() == c
    return MIXTURES[int(np.argmax(right))]


def product(parts: list[Any], powers: tuple[int, ...], rows: Any) -> Any:
    """In single precision, factor by factor, as ties have to be decided somehow."""
    result = np.ones_like(parts[0][rows])
    for P, power in zip(parts, powers, strict=True):
        for _ in range(power):
            result = result * (P[rows] + np.float32(0.05))
    return result


def cdf(values: Any) -> Any:
    """The share of values that each is not below; SciPy has it in the type of the values."""
    return stats.rankdata(values.astype(np.float64), method="max") / len(values)


def cdf_bounds(values: Any) -> tuple[Any, Any]:
    """The CDF if every value closer than rounding were above, and if it were below."""
    low = [(values <= value - CLOSE).mean() for value in values]
    high = [(values <= value + CLOSE).mean() for value in values]
    return np.array(low), np.array(high)


NOTHING = ""
"""What a decision gives an item that is unlabeled; None where it is skipped."""


class Step:
    """What is undone at once: decisions on rows, or a class declared or removed."""

    def __init__(self, decisions: Sequence[tuple[int, str | None]] = ()) -> None:
        self.decisions = decisions
        self.brings: set[str] = set()
        self.declares: str | None = None
        self.removes: str | None = None
        self.taken = False


class Model:
    """The decisions and classes that a list of steps amounts to, by brute force."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.undone: list[Step] = []

    def decide(self, decisions: Sequence[tuple[int, str | None]]) -> None:
        if decisions:
            step = Step(decisions)
            step.brings = {name for _, name in decisions if name and not self.is_given(name)}
            self.add(step)

    def add(self, step: Step) -> None:
        self.steps.append(step)
        if step.declares is None:
            self.undone = []

    def declare(self, name: str) -> None:
        step = Step()
        step.declares = name
        self.add(step)

    def remove(self, name: str) -> None:
        step = Step()
        step.removes = name
        self.add(step)

    def is_given(self, name: str) -> bool:
        """Whether there is a line in the log for the class, behind all that remove it."""
        for step in reversed(self.steps):
            if name in step.brings or step.declares == name:
                return True
            if step.removes == name:
                return False
        return False

    @property
    def undoable(self) -> Step | None:
        steps = (step for step in reversed(self.steps) if not (step.taken or step.declares))
        return next(steps, None)

    @property
    def in_force(self) -> dict[int, str | None]:
        found: dict[int, str | None] = {}
        for step in self.steps:
            if not step.taken:
                found |= dict(step.decisions)
        return {row: label for row, label in found.items() if label != NOTHING}

    @property
    def labels(self) -> dict[int, str]:
        return {row: label for row, label in self.in_force.items() if label is not None}

    @property
    def skipped(self) -> set[int]:
        return {row for row, label in self.in_force.items() if label is None}

    @property
    def classes(self) -> list[str]:
        there: dict[str, set[Step]] = {}  # by class, the one step that it is there by
        for step in self.steps:
            names = [step.declares] if step.declares else [n for _, n in step.decisions]
            for name in dict.fromkeys(names):
                brought = name in step.brings and not there.get(str(name))
                if name and (brought or step.declares):
                    there[name] = {step}
            if step.removes in there and not step.taken:
                there[step.removes] = set()
        used = set(self.labels.values())
        return [n for n, by in there.items() if n in used or any(not step.taken for step in by)]


@contextmanager
def cut_up(block: int | None, threads: int) -> Iterator[None]:
    """Work on so many rows at a time, None for what is usual, on so many threads."""
    before = parallel.thread_count()
    with pytest.MonkeyPatch.context() as patch:
        parallel.use_threads(threads)
        if block is not None:
            patch.setattr(parallel.over_rows, "__defaults__", (block,))
            patch.setattr(state, "_BLOCK", block)
        try:
            yield
        finally:
            parallel.use_threads(before)


class Driver:
    """One session over one pool beside its model and reference, and the comparison of all."""

    def __init__(
        self,
        vectors: Any,
        vote: VoteOptions,
        strategy: str = "cdf-product",
        classifier: str = "knn",
    ) -> None:
        self.pool = Pool.in_memory(vectors)
        X = self.pool.embeddings
        self.geometry = PoolIndex.of(X)
        self.strategy, self.classifier, self.vote = strategy, classifier, vote
        self.options: dict[str, Any] = {
            "vote": vote, "annotator": "ann", "geometry": self.geometry, "classifier": classifier,
        }  # fmt: skip
        self.session = Session(self.pool, strategy=strategy, **self.options)
        codes = self.geometry.reduced.first.codes.astype(np.float64)
        lengths = np.linalg.norm(codes, axis=1, keepdims=True)
        self.reference = Reference(X, vote, codes / np.maximum(lengths, 1))
        self.model = Model()
        self.n = len(X)

    def answer(self, row: int, label: str | None) -> None:
        """Tell, relabel or skip, whichever fits; check that a labeled item is protected."""
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
        self.model.decide([(row, label)])

    def unlabel(self, rows: list[int]) -> None:
        decided = [row for row in rows if row in self.model.in_force]
        if decided != rows:
            with pytest.raises(InputError):
                self.session.unlabel(*map(str, rows))
        self.session.unlabel(*map(str, decided))
        self.model.decide([(row, NOTHING) for row in decided])

    def take_in(self, labels: list[tuple[int, str]], overwrite: bool) -> None:
        """Import labels, in one transaction or two."""
        given = dict(self.model.labels)
        changed: list[tuple[int, str | None]] = []
        for row, label in labels:
            if row not in given or (overwrite and given[row] != label):
                changed.append((row, label))
                given[row] = label
        one = LabelImport(self.pool, "ann", "labels.csv")
        for part in (labels[: len(labels) // 2], labels[len(labels) // 2 :]):
            with self.pool.transaction():
                one.add([(str(row), label) for row, label in part], overwrite=overwrite)
        self.session.refresh()
        self.model.decide(changed)

    def remove_class(self, name: str) -> None:
        if name in self.model.labels.values() or name not in self.model.classes:
            with pytest.raises(InputError):
                self.session.remove_class(name)
            return
        self.session.remove_class(name)
        self.model.remove(name)

    def ask_and_tell(self, label: str, ahead: str = "no") -> None:
        """``ahead``: whether what follows is prepared meanwhile, and waited for."""
        question = self.session.ask()
        assert (question is None) == (len(self.model.in_force) == self.n)
        if ahead != "no" and question is not None:
            self.session.anticipate(question)
        if ahead == "waited for":
            self.session.finish_anticipating()
        if question is not None:
            self.answer(int(question.item), label)

    def undo(self) -> None:
        step = self.model.undoable
        if step is None:
            with pytest.raises(NothingToUndoError):
                self.session.undo()
            return
        step.taken = True
        self.model.undone.append(step)
        target = self.session.undo()
        items = {event.item for event in self.session.ledger.batch_of(target)}
        assert items == ({None} if step.removes else {str(row) for row, _ in step.decisions})

    def redo(self) -> None:
        if not self.model.undone:
            with pytest.raises(NothingToRedoError):
                self.session.redo()
            return
        self.model.undone.pop().taken = False
        self.session.redo()

    def close(self) -> None:
        self.session.finish_anticipating()
        self.pool.close()

    def check(self) -> None:
        question = self.session.ask()  # first, as it may have been prepared
        again = Session(self.pool, strategy=self.strategy, **self.options)
        assert question == again.ask()
        self.check_against_reference()
        self.check_against_rebuilt()

    def check_against_reference(self) -> None:
        session, state, reference = self.session, self.session.state, self.reference
        assert session.classes == self.model.classes
        numbers = {name: i for i, name in enumerate(self.model.classes)}
        labels = {row: numbers[name] for row, name in self.model.labels.items()}
        assert session.ledger.labels() == {str(r): name for r, name in self.model.labels.items()}
        assert session.ledger.skipped() == {str(row) for row in self.model.skipped}
        neighbors = reference.neighbors(labels)
        ids = [[y for y in row if y != -1] for row in state.labeling.neighbors.ids.tolist()]
        assert ids == neighbors

        everyone = np.arange(self.n)
        P = self.check_probabilities(labels, len(numbers))
        terms = {**measures(P), **reference.densities, **reference.diversities(labels)}
        ours = {
            **{name: state.uncertainty(name) for name in MEASURES},
            "local": state.local_density,
            "global": term_of("global").of(state),
            "uncovered": state.uncovered(),
            "coverage-gain": state.coverage_gain(),
            "distance": state.distance(),
            "distance-as-printed": term_of("distance-as-printed").of(state),
        }
        unlabeled = np.array([x for x in everyone if x not in labels], dtype=int)
        np.testing.assert_array_equal(np.flatnonzero(state.unlabeled), unlabeled)
        for name, values in terms.items():
            # What a labeled item's own uncertainty or distance is, is never asked.
            whole = name in (
                "local", "global", "uncovered", "coverage-gain", "distance-as-printed",
            )  # fmt: skip
            rows = everyone if whole else unlabeled
            slack = 1e-5 if name in MEASURES else 2e-6 * max(1.0, np.abs(values).max())
            np.testing.assert_allclose(ours[name][rows], values[rows], atol=slack, err_msg=name)
        self.check_reliability(labels, len(numbers))
        for strategy in TERMS:
            self.check_scores(strategy, unlabeled, terms, ours)

    def check_probabilities(self, labels: dict[int, int], classes: int) -> Any:
        """Each expert's against its reference; the combination's as the experts' say."""
        everyone = np.arange(self.n)
        names = EXPERTS if self.classifier == "combined" else [self.classifier]
        parts = []
        for name in names:
            expert = create_classifier(name, self.session.state.labeling, self.vote)
            expert.rebuild()
            parts.append(expert.probabilities(everyone))
            low, high = self.reference.bounds(name, labels, classes)
            assert (parts[-1] >= low).all(), name
            assert (parts[-1] <= high).all(), name
        P = self.session.state.classifier.probabilities(everyone)
        if self.classifier != "combined":
            np.testing.assert_array_equal(P, parts[0])
        elif classes:
            powers = mixture(parts, labels)
            assert tuple(self.session.state.classifier.powers.tolist()) == powers
            expected = product(parts, powers, everyone).astype(np.float64)
            expected /= expected.sum(axis=1, keepdims=True)
            np.testing.assert_allclose(P, expected, atol=CLOSE + IN_16_BITS)
        return P

    def check_reliability(self, labels: dict[int, int], classes: int) -> None:
        """A plain count over a state built from nothing; two classes may be as good as tied."""
        fresh = PoolState(self.session.state.geometry, classifier=self.classifier, vote=self.vote)
        rows = np.array(sorted(labels), dtype=np.int64)
        truth = np.array([labels[row] for row in rows.tolist()], dtype=np.int64)
        fresh.rebuild(rows, truth, classes)
        counts = np.bincount(truth, minlength=classes)
        sure = likely = 0
        for row, c in labels.items():
            p = fresh.classifier.probabilities(np.array([row]))[0]
            if counts[c] > 1:
                rivals = np.delete(p, c)
                sure += bool((p[c] > rivals + CLOSE).all())
                likely += bool((p[c] >= rivals - CLOSE).all())
        found = self.session.state.reliability() * max(len(labels), 1)
        assert sure <= round(found) <= likely

    def check_scores(self, strategy: str, rows: Any, terms: Any, ours: Any) -> None:
        """Exactly as their own factors say, and within rounding of what the reference says."""
        if not len(rows):
            return
        state = self.session.state
        view = PoolView(state, state.unlabeled, np.random.default_rng(0))
        values = create_strategy(strategy).score(view).values
        factors = [ours[name][rows] for name in TERMS[strategy]]
        expected = [terms[name][rows] for name in TERMS[strategy]]
        if strategy == "product":
            S = (factors[0] + np.float32(1e-3)) * factors[1] * factors[2]
            low = high = (expected[0] + 1e-3) * expected[1] * expected[2]
        else:
            q = state.reliability() if strategy == "cdf-product" else 1.0
            powers = [q] + [1.0] * (len(factors) - 1)
            places = [cdf(f) for f in factors]
            S = np.prod(
                [np.power(p, e) if e != 1 else p for p, e in zip(places, powers, strict=True)],
                axis=0,
            )
            bounds = [cdf_bounds(f) for f in expected]
            low = np.prod([b[0] ** e for b, e in zip(bounds, powers, strict=True)], axis=0)
            high = np.prod([b[1] ** e for b, e in zip(bounds, powers, strict=True)], axis=0)
        np.testing.assert_array_equal(values, S)
        slack = 50 * 1e-5  # of a product of factors up to 40
        assert (values >= low - slack).all()
        assert (values <= high + slack).all()

        askable = [at for at, row in enumerate(rows) if row not in self.model.skipped]
        session = Session(self.pool, strategy=strategy, **self.options)
        question = session.ask()
        if not askable:
            assert question is None
            return
        asked = [int(ranked.item) for ranked in session.rank(self.n)]
        assert asked == sorted(rows[askable], key=lambda row: (-S[rows == row][0], row))
        assert (question.item, question.score.value) == (str(asked[0]), float(S[askable].max()))

    def check_against_rebuilt(self) -> None:
        """Bit for bit what the labels in force give at once, and what the whole log gives."""
        ours = self.session.state
        classes = ours.labeling.classes
        labeled = np.flatnonzero(classes != UNLABELED)
        with cut_up(None, 1):
            rebuilt = PoolState(self.geometry, classifier=self.classifier, vote=self.vote)
            rebuilt.rebuild(labeled, classes[labeled], len(self.session.classes))
            replayed = Session(self.pool, **self.options).state
            for other in (rebuilt, replayed):
                assert_same_state(ours, other)


def assert_same_state(one: PoolState, other: PoolState) -> None:
    everyone = np.arange(len(one.geometry))
    pairs = [
        (state.labeling.neighbors.ids, state.labeling.neighbors.similarities,
         state.labeling.classes, state.unlabeled, state.uncovered(), state.distance(),
         term_of("distance-as-printed").of(state), state.classifier.probabilities(everyone),
         getattr(state.classifier, "powers", None),
         *(state.uncertainty(name)[state.unlabeled] for name in MEASURES))
        for state in (one, other)
    ]  # fmt: skip
    for ours, theirs in zip(*pairs, strict=True):
        np.testing.assert_array_equal(ours, theirs)


FEW = st.sampled_from(CLASSES[:4])
LABELS = st.one_of(FEW, FEW, FEW, st.sampled_from(CLASSES))


class Answers(RuleBasedStateMachine):
    """Answers in any order; everything is compared after every few of them."""

    classifier = "knn"

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
        every=st.sampled_from([1, 2, 5]),
        block=st.sampled_from([None, 3, 8]),
        threads=st.sampled_from([1, 2]),
    )  # fmt: skip
    def begin(
        self,
        n: int,
        d: int,
        kind: str,
        vote: VoteOptions,
        strategy: str,
        seed: int,
        every: int,
        block: int | None,
        threads: int,
    ) -> None:
        self.stack.enter_context(cut_up(block, threads))
        vectors = pool_vectors(np.random.default_rng(seed), n, d, kind)
        self.driver = Driver(vectors, vote, strategy, self.classifier)
        self.stack.callback(self.driver.close)
        self.every = every

    @rule(row=st.integers(0, 39), label=LABELS)
    def label(self, row: int, label: str) -> None:
        self.driver.answer(row % self.driver.n, label)

    @rule(first=st.integers(0, 39), count=st.integers(8, 16), label=FEW)
    def label_many(self, first: int, count: int, label: str) -> None:
        for row in range(first, first + count):
            self.driver.answer(row % self.driver.n, label)

    @rule(
        labels=st.lists(LABELS, min_size=1, max_size=3),
        ahead=st.sampled_from(["no", "begun", "waited for"]),
    )
    def ask(self, labels: list[str], ahead: str) -> None:
        for label in labels:
            self.driver.ask_and_tell(label, ahead)

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

    @rule(times=st.integers(1, 3))
    def redo(self, times: int) -> None:
        for _ in range(times):
            self.driver.redo()

    @rule(rows=st.lists(st.integers(0, 39), min_size=1, max_size=12))
    def unlabel(self, rows: list[int]) -> None:
        self.driver.unlabel(list(dict.fromkeys(row % self.driver.n for row in rows)))

    @rule(
        rows=st.lists(st.tuples(st.integers(0, 39), LABELS), max_size=30), overwrite=st.booleans()
    )
    def take_in(self, rows: list[tuple[int, str]], overwrite: bool) -> None:
        self.driver.take_in([(row % self.driver.n, label) for row, label in rows], overwrite)

    @rule(name=FEW)
    def remove_class(self, name: str) -> None:
        self.driver.remove_class(name)

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
        with self.stack:
            if hasattr(self, "driver"):
                self.driver.check()


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_answers_in_any_order(name: str) -> None:
    run_state_machine_as_test(
        type("Answers", (Answers,), {"classifier": name}),
        settings=settings(
            max_examples=8,
            stateful_step_count=20,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )


@pytest.mark.parametrize(
    ("kind", "name"), [("copies", "combined"), *(("clusters", name) for name in CLASSIFIERS)]
)
def test_vectors_of_full_dimension(kind: str, name: str) -> None:
    rng = np.random.default_rng(7)
    driver = Driver(pool_vectors(rng, 40, 1280, kind), VoteOptions(), classifier=name)
    try:
        for step in range(70):
            action = rng.random()
            if action < 0.5:
                ahead = ("no", "begun", "waited for")[step % 3]
                driver.ask_and_tell(CLASSES[int(rng.integers(4))], ahead)
            elif action < 0.7:
                driver.answer(int(rng.integers(40)), CLASSES[int(rng.integers(4))])
            elif action < 0.8:
                driver.answer(int(rng.integers(40)), None)
            else:
                driver.undo()
            if step % 10 == 9:
                driver.check()
    finally:
        driver.close()


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_whole_pool_labeled_and_taken_back(name: str) -> None:
    rng = np.random.default_rng(8)
    driver = Driver(pool_vectors(rng, 12, 3, "lattice"), VoteOptions(), classifier=name)
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
        driver.close()


@pytest.mark.slow
def test_three_hundred_answers_in_a_pool_of_ten_thousand() -> None:
    rng = np.random.default_rng(11)
    n = 10_000
    centers = rng.normal(size=(40, 64))
    X = centers[rng.integers(0, 40, n)] + 0.6 * rng.normal(size=(n, 64))
    X[rng.integers(0, n, n // 5)] = X[rng.integers(0, n, n // 5)]
    truth = (X @ rng.normal(size=(64, 4))).argmax(axis=1)
    pool = Pool.in_memory(X)
    geometry = PoolIndex.of(pool.embeddings)
    options: dict[str, Any] = {
        "classifier": "combined", "annotator": "ann", "geometry": geometry,
    }  # fmt: skip
    session = Session(pool, **options)
    for step in range(300):
        with cut_up(2000, 2):
            answer_at_random(session, truth, rng)
            session.finish_anticipating()
        if step % 30 == 29:
            check_large(session, Session(pool, **options), rng)
    pool.close()


def answer_at_random(session: Session, truth: Any, rng: np.random.Generator) -> None:
    question = session.ask()
    assert question is not None
    labeled = sorted(session.ledger.labels())
    action = rng.random()
    if rng.random() < 0.3:
        session.anticipate(question)
    if action < 0.6 or not labeled:
        label = truth[int(question.item)] if rng.random() < 0.9 else rng.integers(4)
        session.tell(question.item, CLASSES[int(label)])
    elif action < 0.75:
        session.relabel(labeled[int(rng.integers(len(labeled)))], CLASSES[int(rng.integers(4))])
    elif action < 0.9:
        session.undo()
    else:
        session.skip(question.item)


def check_large(session: Session, replayed: Session, rng: np.random.Generator) -> None:
    question = session.ask()
    assert question is not None
    assert question == replayed.ask()
    state, classes = session.state, session.state.labeling.classes
    X, labeled = state.geometry.X, np.flatnonzero(state.labeling.classes != UNLABELED)
    rebuilt = PoolState(state.geometry, classifier="combined")
    rebuilt.rebuild(labeled, classes[labeled], len(session.classes))
    assert_same_state(state, rebuilt)

    for row in rng.integers(0, len(X), 100).tolist():
        others = labeled[labeled != row]
        order = np.lexsort((others, -similarities(X[others], X[row])))[:5]
        ids = state.labeling.neighbors.ids[row]
        assert ids[ids >= 0].tolist() == others[order].tolist()
    P = state.classifier.probabilities(np.arange(len(X)))[state.unlabeled]
    for name, expected in measures(P).items():
        values = state.uncertainty(name)[state.unlabeled]
        np.testing.assert_allclose(values, expected, atol=1e-5)

    rows = np.flatnonzero(state.unlabeled)
    factors = [state.uncertainty("smallest-margin"), state.coverage_gain()]
    places = [cdf(values[rows]) for values in factors]
    S = np.power(places[0], state.reliability()) * places[1]
    S[[str(row) in session.ledger.skipped() for row in rows]] = -1
    assert (question.item, question.score.value) == (str(rows[S.argmax()]), float(S.max()))
