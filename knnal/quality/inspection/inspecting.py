"""All that a look at a pool finds, without a screen."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from knnal import defaults
from knnal.acquisition.terms import MEASURES
from knnal.errors import InputError
from knnal.index.duplicates import checked_threshold, find_duplicates
from knnal.index.pool_index import UNLABELED
from knnal.pool.graph_file import stored_graph
from knnal.quality.inspection.clustering import Clustering, clustering
from knnal.quality.inspection.distribution import ClassCount, class_distribution, evenness
from knnal.quality.inspection.extremes import (
    closest_pairs,
    extreme_rows,
    largest_groups,
)
from knnal.quality.inspection.looks import Look, look_at
from knnal.session.session import Session
from knnal.simulation.known import KnownItems
from knnal.types import Float32Array, Int32Array, IntArray, Narrator

_BLOCK = 65536
_STAGE, _STEPS = "Inspection", 3


@dataclass(frozen=True, slots=True)
class InspectionOptions:
    """What to look for: the ``top`` items of each kind, the ``measure`` of uncertainty that tells
    the confusing ones, the cosine ``similarity`` from which two items are nearly the same.

    Raises InputError for a measure that there is none of, and for values out of range.
    """

    top: int = 20
    measure: str = "entropy"
    similarity: float = defaults.NEAR_DUPLICATE
    seed: int = defaults.SEED

    def __post_init__(self) -> None:
        if self.measure not in MEASURES:
            raise InputError(f"Expected a measure of {', '.join(MEASURES)}, came '{self.measure}'.")
        checked_threshold(self.similarity)
        if self.top < 1:
            raise InputError(f"Expected at least 1 item of each kind, came {self.top}.")
        if self.seed < 0:
            raise InputError(f"Expected a seed of at least 0, came {self.seed}.")


@dataclass(frozen=True, slots=True)
class Pair:
    """Two items that are nearly the same."""

    first: str
    second: str
    similarity: float


@dataclass(frozen=True, slots=True)
class Duplicates:
    """Items that are nearly the same: ``closest`` are the most similar of ``pairs`` pairs in the
    neighbor graph, ``largest`` the ids of the largest of ``groups`` groups, which ``items`` items
    are in: whatever steps from one to a similar one lead to.
    """

    pairs: int
    closest: tuple[Pair, ...]
    groups: int
    items: int
    largest: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was found. ``evenness`` is of the labels: 1 where every class has as many.

    The values of ``outliers`` are their densities, the kernel mass of their neighborhoods, lowest
    first; those of the confusing items are the measure's. ``missing`` says in sentences what could
    not be told yet.
    """

    items: int
    labeled: int
    looking: InspectionOptions
    classes: tuple[ClassCount, ...]
    evenness: float | None
    clustering: Clustering | None
    duplicates: Duplicates
    outliers: tuple[Look, ...]
    most_confusing: tuple[Look, ...]
    least_confusing: tuple[Look, ...]
    missing: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        values = dataclasses.asdict(self)
        for kind in ("outliers", "most_confusing", "least_confusing"):
            for look in values[kind]:
                look["path"] = None if look["path"] is None else str(look["path"])
        return values


@dataclass(frozen=True, slots=True)
class Predicted:
    """Of every row: the likeliest class, UNLABELED without any label, and its probability."""

    classes: Int32Array
    probabilities: Float32Array


def inspect_pool(
    session: Session,
    predicted: Predicted,
    looking: InspectionOptions,
    narrator: Narrator,
    known: KnownItems | None = None,
) -> Inspection:
    """Look at the pool of a session, all of its live items; clusters are judged on those that are
    ``known``, or else on the labeled ones.
    """
    live = np.flatnonzero(session.geometry.live)
    unlabeled = predicted.classes[session.state.unlabeled]
    counts = session.ledger.class_counts()
    narrator.progress(_STAGE, 0, _STEPS)
    found = _clustering(session, looking, known)
    narrator.progress(_STAGE, 1, _STEPS)
    duplicates = _duplicates(session, looking, narrator)
    narrator.progress(_STAGE, 2, _STEPS)
    density = session.state.local_density
    outliers = extreme_rows(density, live, looking.top, largest=False)
    most, least = _confusing(session, live, looking)
    narrator.progress(_STAGE, _STEPS, _STEPS)
    return Inspection(
        items=len(live),
        labeled=session.ledger.label_count,
        looking=looking,
        classes=class_distribution(session.classes, counts, unlabeled[unlabeled != UNLABELED]),
        evenness=evenness(list(counts.values())),
        clustering=found,
        duplicates=duplicates,
        outliers=look_at(session, outliers, density),
        most_confusing=most,
        least_confusing=least,
        missing=tuple(_missing(session, found)),
    )


def _clustering(
    session: Session, looking: InspectionOptions, known: KnownItems | None
) -> Clustering | None:
    if known is not None:
        return clustering(session.geometry, known.rows, known.classes, looking.seed)
    rows = session.state.labeling.labeled
    classes = session.state.labeling.classes[rows]
    return clustering(session.geometry, rows, classes, looking.seed)


def predict_rows(session: Session) -> Predicted:
    """What the classifier says of every row, labeled ones by the labels of the others."""
    rows = len(session.geometry)
    classes = np.full(rows, UNLABELED, dtype=np.int32)
    probabilities = np.zeros(rows, dtype=np.float32)
    if has_labels(session):
        for start in range(0, rows, _BLOCK):
            block = np.arange(start, min(start + _BLOCK, rows))
            P = session.state.classifier.probabilities(block)
            classes[block], probabilities[block] = P.argmax(axis=1), P.max(axis=1)
    return Predicted(classes, probabilities)


def has_labels(session: Session) -> bool:
    return bool(session.state.labeling.neighbors.labeled)


def _duplicates(session: Session, looking: InspectionOptions, narrator: Narrator) -> Duplicates:
    geometry = session.geometry
    graph = stored_graph(session.pool, geometry.live, narrator)
    pairs = closest_pairs(graph, looking.similarity, looking.top)
    groups = find_duplicates(geometry.X, geometry.graph, looking.similarity)
    several = groups.sizes[groups.sizes > 1]
    return Duplicates(
        pairs=pairs.total,
        closest=tuple(
            Pair(_id(session, first), _id(session, second), float(similarity))
            for first, second, similarity in zip(
                pairs.first, pairs.second, pairs.similarities, strict=True
            )
        ),
        groups=len(several),
        items=int(several.sum()),
        largest=tuple(
            tuple(_id(session, row) for row in rows) for rows in largest_groups(groups, looking.top)
        ),
    )


def _id(session: Session, row: int) -> str:
    return session.pool.catalog.at(int(row)).id


def _confusing(
    session: Session, live: IntArray, looking: InspectionOptions
) -> tuple[tuple[Look, ...], tuple[Look, ...]]:
    """The most and the least; none without labels, since everything is as confusing then."""
    if not has_labels(session):
        return (), ()
    unsure = session.state.uncertainty(looking.measure)
    most, least = (
        look_at(session, extreme_rows(unsure, live, looking.top, largest=largest), unsure)
        for largest in (True, False)
    )
    return most, least


def _missing(session: Session, found: Clustering | None) -> Iterator[str]:
    if not has_labels(session):
        yield (
            "Predictions and confusing items: nothing is labeled yet. Label some items with "
            "'knnal label', or take labels in with 'knnal import FILE'."
        )
    if found is None:
        yield (
            "Clustering accuracy, NMI and ARI: they take labels of two classes, or known ones that "
            "stay out of the pool (--truth FILE, --truth-from-folders)."
        )
