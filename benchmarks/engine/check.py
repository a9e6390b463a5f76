"""Does the incremental state stay what a calculation from scratch gives? Random operations tell."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from benchmarks.engine.loop import CLASSIFIER, STRATEGY
from benchmarks.engine.pools import BenchmarkPool
from knnal.acquisition.terms import smallest_margin
from knnal.errors import NothingToUndoError
from knnal.index.kernel_graph import squared_distance
from knnal.index.similarity import rounding_bound
from knnal.project import Project
from knnal.session.session import Session
from knnal.types import Float32Array, Float64Array

COMPARED_EVERY = 10
CLOSE = 1e-5
"""For what float32 sums in another order."""

_KINDS = {"tell asked": 0.5, "tell any": 0.2, "relabel": 0.1, "undo": 0.12, "skip": 0.08}
_WRONG = 0.2
_ANTICIPATED, _SETTLED, _PICK_COMPARED = 0.5, 0.7, 0.7


@dataclass(frozen=True, slots=True)
class CheckFigures:
    """``disagreements`` counts by what disagreed; empty where all agreed. ``compared`` states and
    picks.
    """

    items: int
    operations: dict[str, int]
    picks: int
    states: int
    disagreements: dict[str, int]


def check(pool: BenchmarkPool, operations: int, seed: int) -> CheckFigures:
    """So many random answers; after each the pick is compared, after every tenth the state."""
    truth = pool.truth()
    with pool.copied() as folder:
        project = Project.open(folder)
        checker = Checker(project, truth, seed)
        for number in range(1, operations + 1):
            checker.operate()
            if checker.chance(_PICK_COMPARED):  # looking at the state ends what is anticipated
                checker.compare_pick()
            if number % COMPARED_EVERY == 0 or number == operations:
                checker.compare_state()
            if number % 100 == 0:
                wrong = sum(checker.found.values())
                print(f"{number} operations, {wrong} disagreements", file=sys.stderr, flush=True)
        project.close()
    return CheckFigures(
        len(truth), dict(checker.done), checker.picks, checker.states, dict(+checker.found)
    )


class Checker:
    """A session that gets random answers, and what it is compared with."""

    def __init__(self, project: Project, truth: list[str], seed: int) -> None:
        self._project = project
        self._session = project.session(strategy=STRATEGY, classifier=CLASSIFIER)
        self._truth = truth
        self._classes = sorted(set(truth))
        self._rng = np.random.default_rng((seed, len(truth)))
        self._kernel = _kernel_matrix(self._session)
        self._asked = self._session.ask()
        self.done: Counter[str] = Counter()
        self.found: Counter[str] = Counter()
        self.picks = self.states = 0

    def chance(self, share: float) -> bool:
        return float(self._rng.random()) < share

    def operate(self) -> None:
        """One random answer, sometimes after the next question was prepared, or half prepared."""
        kind = str(self._rng.choice(list(_KINDS), p=list(_KINDS.values())))
        labels = sorted(self._session.ledger.labels())
        if kind in ("relabel", "undo") and not labels:
            kind = "tell asked"
        assert self._asked is not None
        any_item = ""
        if kind in ("tell any", "skip"):
            any_item = str(self._rng.choice(self._session.candidates))
        if self.chance(_ANTICIPATED):
            self._session.anticipate(self._asked)
            if self.chance(_SETTLED):
                self._session.finish_anticipating()
        if kind == "tell asked":
            self._session.tell(self._asked.item, self._label(self._asked.item))
        elif kind == "tell any":
            self._session.tell(any_item, self._label(any_item))
        elif kind == "skip":
            self._session.skip(any_item)
        elif kind == "relabel":
            item = str(self._rng.choice(labels))
            self._session.relabel(item, self._label(item))
        else:
            try:
                self._session.undo()
            except NothingToUndoError:
                kind = "nothing to undo"
        self.done[kind] += 1
        self._asked = self._session.ask()

    def compare_pick(self) -> None:
        """With the argmax of the product of CDFs, each from a sort of the whole pool."""
        state = self._session.state
        factors = (
            (state.uncertainty("smallest-margin"), state.reliability()),
            (state.coverage_gain(), 1.0),
        )
        product: Float64Array = np.ones(int(state.unlabeled.sum()))
        for term, power in factors:
            values = term[state.unlabeled]
            places = np.searchsorted(np.sort(values), values, side="right") / len(values)
            product *= places if power == 1.0 else np.power(places, power)
        scores = np.full(len(state.unlabeled), -1.0)
        scores[state.unlabeled] = product
        candidates = self._session.candidates
        best = int(candidates[np.argmax(scores[candidates])])
        self.picks += 1
        self.found["pick"] += self._asked is None or int(self._asked.item) != best

    def compare_state(self) -> None:
        """With a new session's, bit for bit, and with matrix products, to rounding."""
        self.states += 1
        self._compare_with_rebuilt()
        self._compare_with_brute_force()
        self._compare_with_sparse_products()

    def _compare_with_rebuilt(self) -> None:
        session = self._session
        fresh = Session(
            self._project.pool,
            strategy=STRATEGY,
            classifier=CLASSIFIER,
            geometry=session.state.geometry,
        )
        ours, theirs = _arrays(session), _arrays(fresh)
        for name, values in ours.items():
            self.found[f"rebuilt {name}"] += not np.array_equal(values, theirs[name])
        asked, again = self._asked, fresh.ask()
        self.found["rebuilt question"] += asked is None or again is None or asked != again

    def _compare_with_brute_force(self) -> None:
        """The nearest labeled rows of every row, among all similarities to labeled rows."""
        state = self._session.state
        neighbors, X = state.labeling.neighbors, state.geometry.X
        labeled = state.labeling.labeled
        k = min(neighbors.k, len(labeled))
        S = np.full((len(X), max(len(labeled), 1)), -np.inf, dtype=np.float32)
        S[:, : len(labeled)] = X @ X[labeled].T
        S[labeled, np.arange(len(labeled))] = -np.inf
        best: Float32Array = -np.sort(-S, axis=1)[:, :k]
        bound = rounding_bound(X.shape[1])
        kept = neighbors.similarities[:, :k]
        both_none = np.isneginf(best) & np.isneginf(kept)
        with np.errstate(invalid="ignore"):
            near = np.abs(best - kept) <= bound
        self.found["brute-force similarities"] += not bool((near | both_none).all())
        # That the ids are right too: each named row has the similarity noted beside it.
        there = neighbors.ids[:, :k] >= 0
        rows, slots = np.nonzero(there)
        columns = np.searchsorted(labeled, neighbors.ids[rows, slots])
        named = bool(np.isin(neighbors.ids[rows, slots], labeled).all())
        fits = named and bool((np.abs(S[rows, columns] - kept[rows, slots]) <= bound).all())
        self.found["brute-force neighbors"] += not fits

    def _compare_with_sparse_products(self) -> None:
        """The uncovered share from the whole kernel matrix and the nearest labels' kernel, the
        margin from the probabilities.
        """
        state = self._session.state
        K, n = self._kernel, len(state.geometry)
        nearest = state.labeling.neighbors.similarities[:, 0]
        kernel = np.exp(-squared_distance(nearest) / state.geometry.graph.width)
        covered = np.rint(kernel.astype(np.float32) * 256) / 256
        covered[state.labeling.labeled] = 1.0
        rows = np.repeat(np.arange(n), np.diff(K.indptr))
        gains = np.maximum(K.data.astype(np.float64) - covered[K.indices], 0.0)
        share = np.bincount(rows, gains, n) / np.asarray(K.sum(axis=1)).ravel()
        unlabeled = state.unlabeled
        off = np.abs(share - state.uncovered())[unlabeled].max(initial=0.0)
        self.found["uncovered share"] += bool(off > CLOSE)
        margins = smallest_margin(state.classifier.probabilities(np.arange(n)))
        kept = state.uncertainty("smallest-margin")
        off = np.abs(margins - kept)[unlabeled].max(initial=0.0)
        self.found["margin"] += bool(off > CLOSE)

    def _label(self, item: str) -> str:
        wrong = self.chance(_WRONG)
        return str(self._rng.choice(self._classes)) if wrong else self._truth[int(item)]


def _kernel_matrix(session: Session) -> sparse.csr_array:
    """All of the kernel on the neighbor graph, ones on the diagonal, ``(n, n)``."""
    graph, n = session.state.geometry.graph, len(session.state.geometry)
    parts = [graph.neighbors(row) for row in range(n)]
    starts = np.cumsum([0, *(len(targets) for targets, _ in parts)])
    targets, values = (np.concatenate(part) for part in zip(*parts, strict=True))
    edges = sparse.csr_array((values, targets, starts), shape=(n, n))
    return (edges + sparse.eye_array(n, dtype=np.float32)).tocsr()


def _arrays(session: Session) -> dict[str, NDArray[Any]]:
    """All that a label may change, as arrays."""
    state = session.state
    neighbors = state.labeling.neighbors
    return {
        "neighbors": neighbors.ids,
        "similarities": neighbors.similarities,
        "classes": state.labeling.classes,
        "unlabeled": state.unlabeled,
        "uncertainty": state.uncertainty("smallest-margin")[state.unlabeled],
        "uncovered share": state.uncovered(),
        "density": state.local_density,
        "probabilities": state.classifier.probabilities(np.arange(len(state.geometry))),
    }
