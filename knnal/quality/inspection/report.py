"""What an inspection of a pool finds: classes, clusters, duplicates, outliers, confusing items."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from knnal import defaults
from knnal.acquisition.terms import MEASURES
from knnal.errors import InputError
from knnal.index.duplicates import DuplicateGroups, checked_threshold, find_duplicates
from knnal.index.graph import NeighborGraph
from knnal.index.pool_index import UNLABELED
from knnal.index.search import NO_NEIGHBOR
from knnal.pool.graph_file import stored_graph
from knnal.quality.inspection.clustering import Clustering, clustering
from knnal.quality.inspection.items import InspectedItem, inspected_items
from knnal.session.session import Session
from knnal.simulation.known import KnownItems
from knnal.types import Float32Array, FloatArray, Int32Array, IntArray, Narrator

_BLOCK = 65536
_STEP, _STEPS = "Inspection", 3


@dataclass(frozen=True, slots=True)
class InspectionOptions:
    """What to report.

    Parameters
    ----------
    limit
        The number of items of each kind.
    measure
        The uncertainty measure that ranks confusing items, one of ``MEASURES``.
    similarity
        The cosine similarity from which two items are near-duplicates.
    seed
        The random seed of k-means and of the map.

    Raises
    ------
    InputError
        For an unknown measure, and for values out of range.
    """

    limit: int = 20
    measure: str = "entropy"
    similarity: float = defaults.NEAR_DUPLICATE
    seed: int = defaults.SEED

    def __post_init__(self) -> None:
        if self.measure not in MEASURES:
            raise InputError(
                f"`measure` must be one of {', '.join(MEASURES)}, got '{self.measure}'."
            )
        checked_threshold(self.similarity)
        if self.limit < 1:
            raise InputError(f"`limit` must be at least 1, got {self.limit}.")
        if self.seed < 0:
            raise InputError(f"`seed` must be at least 0, got {self.seed}.")


@dataclass(frozen=True, slots=True)
class ClassCount:
    """A class: how many items have its label, and how many unlabeled ones are predicted to.

    The shares are of all labels and of all predictions; 0 where there are none.
    """

    name: str
    labeled: int
    labeled_share: float
    predicted: int
    predicted_share: float


@dataclass(frozen=True, slots=True)
class Pair:
    """Two items that are near-duplicates."""

    first: str
    second: str
    similarity: float


@dataclass(frozen=True, slots=True)
class Duplicates:
    """Near-duplicates: ``closest`` are the most similar of ``pairs`` pairs in the neighbor graph,
    ``largest`` the ids of the largest of ``groups`` groups, its connected components, which have
    ``items`` items in all.
    """

    pairs: int
    closest: tuple[Pair, ...]
    groups: int
    items: int
    largest: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Inspection:
    """The findings. ``evenness`` is of the labels: 1 where every class has as many.

    The values of ``outliers`` are their densities, the kernel mass of their neighborhoods, lowest
    first; those of the confusing items are the measure's. ``missing`` are sentences about what
    cannot be computed yet.
    """

    items: int
    labeled: int
    options: InspectionOptions
    classes: tuple[ClassCount, ...]
    evenness: float | None
    clustering: Clustering | None
    duplicates: Duplicates
    outliers: tuple[InspectedItem, ...]
    most_confusing: tuple[InspectedItem, ...]
    least_confusing: tuple[InspectedItem, ...]
    missing: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        values = dataclasses.asdict(self)
        for kind in ("outliers", "most_confusing", "least_confusing"):
            for item in values[kind]:
                item["path"] = None if item["path"] is None else str(item["path"])
        return values


@dataclass(frozen=True, slots=True)
class RowPredictions:
    """Of every row: the likeliest class, UNLABELED without any label, and its probability."""

    classes: Int32Array
    probabilities: Float32Array


def inspect_pool(
    session: Session,
    predicted: RowPredictions,
    options: InspectionOptions,
    narrator: Narrator,
    known: KnownItems | None = None,
) -> Inspection:
    """Inspect all live items of a session's pool.

    Parameters
    ----------
    session
        The session whose labels and classifier count.
    predicted
        The predictions of ``predict_rows``.
    options
        What to report.
    narrator
        Receives the progress.
    known
        The items that clusters are judged on; the labeled ones by default.
    """
    live = np.flatnonzero(session.geometry.live)
    unlabeled = predicted.classes[session.state.unlabeled]
    counts = session.ledger.class_counts()
    narrator.progress(_STEP, 0, _STEPS)
    found = _clustering(session, options, known)
    narrator.progress(_STEP, 1, _STEPS)
    duplicates = _duplicates(session, options, narrator)
    narrator.progress(_STEP, 2, _STEPS)
    density = session.state.local_density
    outliers = extreme_rows(density, live, options.limit, largest=False)
    most, least = _confusing(session, live, options)
    narrator.progress(_STEP, _STEPS, _STEPS)
    return Inspection(
        items=len(live),
        labeled=session.ledger.label_count,
        options=options,
        classes=class_distribution(session.classes, counts, unlabeled[unlabeled != UNLABELED]),
        evenness=evenness(list(counts.values())),
        clustering=found,
        duplicates=duplicates,
        outliers=inspected_items(session, outliers, density),
        most_confusing=most,
        least_confusing=least,
        missing=tuple(_missing(session, found)),
    )


def predict_rows(session: Session) -> RowPredictions:
    """Predict every row of the pool, labeled ones from the labels of the others."""
    rows = len(session.geometry)
    classes = np.full(rows, UNLABELED, dtype=np.int32)
    probabilities = np.zeros(rows, dtype=np.float32)
    if has_labels(session):
        for start in range(0, rows, _BLOCK):
            block = np.arange(start, min(start + _BLOCK, rows))
            P = session.state.classifier.probabilities(block)
            classes[block], probabilities[block] = P.argmax(axis=1), P.max(axis=1)
    return RowPredictions(classes, probabilities)


def has_labels(session: Session) -> bool:
    return bool(session.state.labeling.neighbors.labeled)


def class_distribution(
    classes: Sequence[str], labels: Mapping[str, int], predicted: IntArray
) -> tuple[ClassCount, ...]:
    """By class, in their order; ``predicted`` ``(m,)`` are class numbers of unlabeled items."""
    counts = np.bincount(predicted, minlength=len(classes))
    total = max(sum(labels.values()), 1)
    return tuple(
        ClassCount(
            name=name,
            labeled=labels[name],
            labeled_share=labels[name] / total,
            predicted=int(count),
            predicted_share=int(count) / max(len(predicted), 1),
        )
        for name, count in zip(classes, counts, strict=True)
    )


def evenness(counts: Sequence[int]) -> float | None:
    """Entropy of the shares over that of equal shares, in [0, 1]; None below two classes.

    Also known as Pielou's index: E. C. Pielou, Journal of Theoretical Biology 13 (1966).
    """
    shares = np.array(counts, dtype=np.float64)
    if len(shares) < 2 or not shares.sum():
        return None
    shares = shares[shares > 0] / shares.sum()
    return float(-(shares * np.log(shares)).sum() / np.log(len(counts))) + 0.0


def closest_pairs(
    graph: NeighborGraph, threshold: float, top: int
) -> tuple[int, IntArray, IntArray, FloatArray]:
    """Pairs in the neighbor graph whose cosine similarity is at least the threshold.

    Returns how many there are, and of the ``top`` most similar ones the two rows and the
    similarity, ``(m,)`` each, ties by lower row. An item with more duplicates than the graph has
    neighbors has more such pairs than are counted.
    """
    rows, slots = np.nonzero((graph.similarities >= threshold) & (graph.ids != NO_NEIGHBOR))
    others = graph.ids[rows, slots].astype(np.int64)
    low, high = np.minimum(rows, others), np.maximum(rows, others)
    _, kept = np.unique(low * len(graph.ids) + high, return_index=True)
    similarities = graph.similarities[rows, slots][kept]
    order = np.argsort(-similarities, kind="stable")[:top]
    return len(kept), low[kept][order], high[kept][order], similarities[order]


def largest_groups(groups: DuplicateGroups, top: int) -> list[IntArray]:
    """The rows of the ``top`` largest groups of at least two, ties by lower row."""
    _, first = np.unique(groups.numbers, return_index=True)
    order = np.lexsort((first, -groups.sizes))
    several = order[groups.sizes[order] > 1]
    return [groups.members(int(first[group])) for group in several[:top]]


def extreme_rows(values: FloatArray, rows: IntArray, top: int, *, largest: bool) -> IntArray:
    """The ``top`` of the rows whose value is largest, or smallest; best first, ties by lower row.

    ``values`` are of all rows, ``rows`` rising.
    """
    keys = -values[rows] if largest else values[rows]
    return rows[np.argsort(keys, kind="stable")[:top]]


def _clustering(
    session: Session, options: InspectionOptions, known: KnownItems | None
) -> Clustering | None:
    if known is not None:
        return clustering(session.geometry, known.rows, known.classes, options.seed)
    rows = session.state.labeling.labeled
    classes = session.state.labeling.classes[rows]
    return clustering(session.geometry, rows, classes, options.seed)


def _duplicates(session: Session, options: InspectionOptions, narrator: Narrator) -> Duplicates:
    geometry = session.geometry

    def names(rows: IntArray) -> tuple[str, ...]:
        return tuple(session.pool.catalog.at(int(row)).id for row in rows)

    graph = stored_graph(session.pool, geometry.live, narrator)
    total, first, second, similarities = closest_pairs(graph, options.similarity, options.limit)
    groups = find_duplicates(geometry.X, geometry.graph, options.similarity)
    several = groups.sizes[groups.sizes > 1]
    return Duplicates(
        pairs=total,
        closest=tuple(map(Pair, names(first), names(second), similarities.tolist())),
        groups=len(several),
        items=int(several.sum()),
        largest=tuple(map(names, largest_groups(groups, options.limit))),
    )


def _confusing(
    session: Session, live: IntArray, options: InspectionOptions
) -> tuple[tuple[InspectedItem, ...], tuple[InspectedItem, ...]]:
    """The most and the least; none without labels, when all are equally confusing."""
    if not has_labels(session):
        return (), ()
    unsure = session.state.uncertainty(options.measure)
    most, least = (
        inspected_items(session, extreme_rows(unsure, live, options.limit, largest=largest), unsure)
        for largest in (True, False)
    )
    return most, least


def _missing(session: Session, found: Clustering | None) -> Iterator[str]:
    if not has_labels(session):
        yield "Predictions and confusing items need labels, and no item is labeled yet."
    if found is None:
        yield (
            "Clustering accuracy, NMI and ARI need labels of at least two classes, in the pool or "
            "as a truth from outside of it."
        )
