"""What every registered pool classifier keeps to."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from knnal.classifiers.base import CLASSIFIERS, create_classifier
from knnal.classifiers.bootstrap import BOOTSTRAPPED
from knnal.classifiers.vote import VoteOptions
from knnal.errors import InputError, UnknownNameError
from knnal.index.pool_index import UNLABELED, Labeling, PoolIndex, QueryVectors

EVERY = pytest.mark.parametrize("name", CLASSIFIERS.names())
OPTIONS = {
    "default": VoteOptions(),
    "nearest": VoteOptions(k=1),
    "uniform": VoteOptions(uniform=True),
    "balanced": VoteOptions(balanced=True),
    "soft": VoteOptions(bootstrap="soft", beta=0.6),
    "hard": VoteOptions(k=3, bootstrap="hard", beta=0.4, balanced=True),
}
EVERY_OPTION = pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
EVERY_WITH_OPTIONS = pytest.mark.parametrize(
    ("name", "options"),
    [
        pytest.param(name, options, id=f"{name}-{kind}")
        for name in CLASSIFIERS.names()
        for kind, options in OPTIONS.items()
        if kind == "default" or name in BOOTSTRAPPED  # the others count no votes
    ],
)


def unit(n: int, seed: int = 0) -> Any:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(4, 8))[rng.integers(0, 4, n)] + rng.normal(size=(n, 8)) * 0.7
    return (X / np.linalg.norm(X, axis=1, keepdims=True)).astype(np.float32)


_GEOMETRIES: dict[bytes, PoolIndex] = {}


def geometry_of(X: Any) -> PoolIndex:
    """What depends on no label is found once for equal vectors."""
    return _GEOMETRIES.setdefault(X.tobytes(), PoolIndex.of(X))


class Labeler:
    """A classifier over a pool, and the updates that a session would give it."""

    def __init__(self, name: str, X: Any, options: VoteOptions, classes: int = 3) -> None:
        self.geometry = geometry_of(X)
        self.labeling = Labeling(self.geometry, options.k)
        self.labeling.class_count = classes
        self.classifier = create_classifier(name, self.labeling, options)
        self.everyone = np.arange(len(X))

    def assign(self, row: int, label: int) -> Any:
        labeling = self.labeling
        before = int(labeling.classes[row])
        if before == label:
            return np.empty(0, dtype=np.int64)
        labeling.classes[row] = label
        changed = np.empty(0, dtype=np.int64)
        if before == UNLABELED:
            changed = labeling.neighbors.add(row)
        elif label == UNLABELED:
            changed = labeling.neighbors.remove(row)
        stale = self.classifier.update(row, before, changed)
        return self.everyone if stale is None else stale

    def all(self) -> Any:
        return self.classifier.probabilities(self.everyone)

    def predict(self, vectors: Any) -> Any:
        return self.classifier.predict(QueryVectors(self.geometry, vectors))


def label_at_random(labeler: Labeler, steps: int, seed: int = 1) -> None:
    rng = np.random.default_rng(seed)
    for _ in range(steps):
        labeler.assign(int(rng.integers(len(labeler.everyone))), int(rng.integers(-1, 3)))


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(UnknownNameError, match=r"classifier named 'nobody'.*knn"):
        create_classifier("nobody", Labeling(PoolIndex.of(unit(3)), 5), VoteOptions())


@EVERY
def test_it_says_what_it_does(name: str) -> None:
    assert len(CLASSIFIERS.load(name).summary) > 10


@EVERY_WITH_OPTIONS
def test_without_labels_it_is_uniform(name: str, options: VoteOptions) -> None:
    labeler = Labeler(name, unit(10), options)
    expected = np.full((10, 3), 1 / 3)
    np.testing.assert_allclose(labeler.all(), expected, rtol=1e-6)
    np.testing.assert_allclose(labeler.predict(unit(10, 5)), expected, rtol=1e-6)


@EVERY
def test_without_classes_it_has_no_columns(name: str) -> None:
    labeler = Labeler(name, unit(4), VoteOptions(), classes=0)
    assert labeler.all().shape == (4, 0)
    assert labeler.predict(unit(2)).shape == (2, 0)


@EVERY_WITH_OPTIONS
def test_rows_sum_to_one(name: str, options: VoteOptions) -> None:
    labeler = Labeler(name, unit(40), options)
    label_at_random(labeler, 40)
    for P in (labeler.all(), labeler.predict(unit(30, 6))):
        np.testing.assert_allclose(P.sum(axis=1), 1, rtol=1e-5)
        assert (P >= 0).all()


@EVERY
def test_an_own_label_is_no_evidence(name: str) -> None:
    labeler = Labeler(name, unit(30), VoteOptions())
    label_at_random(labeler, 40)
    for row in np.flatnonzero(labeler.labeling.classes != UNLABELED)[:6].tolist():
        given = int(labeler.labeling.classes[row])
        before = labeler.classifier.probabilities(np.array([row]))
        for other in (UNLABELED, (given + 1) % 3):
            labeler.assign(row, other)
            after = labeler.classifier.probabilities(np.array([row]))
            if name == "ridge":  # leaving out and never having had round otherwise
                np.testing.assert_allclose(after, before, atol=1e-3)
            elif name != "combined":  # it weighs its experts by every label, an own one too
                np.testing.assert_array_equal(after, before)
        labeler.assign(row, given)


@EVERY
def test_a_lone_label_does_not_explain_itself(name: str) -> None:
    labeler = Labeler(name, unit(6), VoteOptions())
    labeler.assign(2, 1)
    P = labeler.all()
    np.testing.assert_allclose(P[2], [1 / 3, 1 / 3, 1 / 3], rtol=1e-6)
    assert (P[[0, 1, 3, 4, 5]].argmax(axis=1) == 1).all()


@EVERY_WITH_OPTIONS
def test_an_update_names_every_row_that_it_changes(name: str, options: VoteOptions) -> None:
    labeler = Labeler(name, unit(40), options)
    rng = np.random.default_rng(2)
    for _ in range(60):
        before = labeler.all()
        named = labeler.assign(int(rng.integers(40)), int(rng.integers(-1, 3)))
        changed = np.flatnonzero((labeler.all() != before).any(axis=1))
        assert set(changed) <= set(named)


@EVERY_WITH_OPTIONS
def test_updates_end_where_a_rebuild_does(name: str, options: VoteOptions) -> None:
    X = unit(40)
    labeler = Labeler(name, X, options)
    label_at_random(labeler, 80)
    fresh = Labeler(name, X, options)
    fresh.labeling.classes[:] = labeler.labeling.classes
    fresh.labeling.neighbors.rebuild(np.flatnonzero(fresh.labeling.classes != UNLABELED))
    fresh.classifier.rebuild()
    np.testing.assert_array_equal(fresh.all(), labeler.all())
    queries = unit(20, 9)
    np.testing.assert_array_equal(fresh.predict(queries), labeler.predict(queries))


@EVERY
def test_a_block_of_rows_is_predicted_as_each_row_alone(name: str) -> None:
    labeler = Labeler(name, unit(30), VoteOptions())
    label_at_random(labeler, 40)
    alone = [labeler.classifier.probabilities(np.array([row]))[0] for row in range(30)]
    np.testing.assert_array_equal(labeler.all(), alone)
    queries = unit(11, 4)
    each = [labeler.predict(query[None])[0] for query in queries]
    np.testing.assert_array_equal(labeler.predict(queries), each)


def votes(s: Any, classes: Any, sizes: Any, options: VoteOptions) -> dict[int, float]:
    """How much each of the nearest counts, by the similarities to all labeled items."""
    voters = sorted(range(len(s)), key=lambda i: (-s[i], i))[: options.k]
    found = {}
    for i in voters:
        found[i] = 1.0 if options.uniform else np.exp((s[i] - 1) / options.temperature)
        if options.balanced:
            found[i] *= max(np.log(0.3 * sizes.sum() / sizes[classes[i]]), 1)
    return found


def vote(s: Any, S: Any, classes: Any, options: VoteOptions, item: int = -1) -> Any:
    """The formulas, for an item by its similarities ``s`` to all labeled ones and theirs ``S`` to
    each other. It may be one of them, ``item``.
    """
    sizes = np.bincount(classes, minlength=3)
    total = np.zeros(3)
    for i, weight in votes(without(s, item), classes, sizes, options).items():
        target = np.eye(3)[classes[i]]
        others = votes(without(S[i], i), classes, sizes, options)
        others.pop(item, None)
        if options.bootstrap and others:
            q = sum(share * np.eye(3)[classes[j]] for j, share in others.items())
            q = q / q.sum() if options.bootstrap == "soft" else np.eye(3)[np.argmax(q)]
            target = options.beta * target + (1 - options.beta) * q
        total += weight * target
    return total / total.sum()


def without(s: Any, item: int) -> Any:
    s = s.copy()
    if item >= 0:
        s[item] = -np.inf
    return s


@EVERY_OPTION
def test_knn_votes_by_the_formula(options: VoteOptions) -> None:
    X, queries = unit(40), unit(25, 3)
    labeler = Labeler("knn", X, options)
    label_at_random(labeler, 60)
    labeled = np.flatnonzero(labeler.labeling.classes != UNLABELED)
    classes = labeler.labeling.classes[labeled]
    V = X[labeled].astype(np.float64)
    S = V @ V.T
    for vectors, found in ((queries, labeler.predict(queries)), (X, labeler.all())):
        for i, s in enumerate(vectors.astype(np.float64) @ V.T):
            (own,) = np.nonzero(labeled == i) if vectors is X else ([],)
            item = int(own[0]) if len(own) else -1
            expected = vote(s, S, classes, options, item)
            np.testing.assert_allclose(found[i], expected, atol=1e-5)


@pytest.mark.parametrize("name", ["knn", "graph", "means"])
@pytest.mark.parametrize("options", [OPTIONS["soft"], VoteOptions(bootstrap="hard")])
def test_bootstrapped_votes_do_not_heed_the_own_label(name: str, options: VoteOptions) -> None:
    labeler = Labeler(name, unit(30), options)
    label_at_random(labeler, 60)
    for row in np.flatnonzero(labeler.labeling.classes != UNLABELED).tolist():
        before = labeler.classifier.probabilities(np.array([row]))
        given = int(labeler.labeling.classes[row])
        labeler.assign(row, (given + 1) % 3)
        np.testing.assert_array_equal(labeler.classifier.probabilities(np.array([row])), before)
        labeler.assign(row, given)


def test_bootstrapping_needs_labels_that_add_up() -> None:
    with pytest.raises(InputError, match="the classifier 'ridge', which does not add labels up"):
        create_classifier("ridge", Labeling(PoolIndex.of(unit(3)), 5), OPTIONS["soft"])


@EVERY_WITH_OPTIONS
def test_held_out_rows_are_predicted_as_vectors_are_and_leave_no_trace(
    name: str, options: VoteOptions
) -> None:
    X = unit(60)
    held_out = np.sort(np.random.default_rng(3).permutation(60)[:20])
    live = np.ones(60, dtype=np.bool_)
    live[held_out] = False
    alone = Labeler(name, X[live], options)
    beside = Labeler(name, X, options)
    beside.geometry = PoolIndex.of(X, live)
    beside.labeling = Labeling(beside.geometry, options.k)
    beside.labeling.class_count = 3
    beside.classifier = create_classifier(name, beside.labeling, options)
    pool = np.flatnonzero(live)
    outsiders = QueryVectors.held_out(beside.geometry)
    np.testing.assert_array_equal(outsiders.rows, held_out)
    rng = np.random.default_rng(4)
    for _ in range(30):
        place, label = int(rng.integers(len(pool))), int(rng.integers(-1, 3))
        alone.assign(place, label)
        beside.assign(int(pool[place]), label)
        P = beside.classifier.predict(outsiders)
        np.testing.assert_array_equal(P, alone.predict(X[held_out]))
        np.testing.assert_array_equal(beside.classifier.probabilities(pool), alone.all())
