"""Class probabilities and neighbors as records with names instead of numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from knnal.classifiers.knn import nearest_labeled, neighbor_votes
from knnal.classifiers.vote import VoteOptions
from knnal.errors import InputError
from knnal.index.linalg import unit_rows
from knnal.index.pool_index import QueryVectors
from knnal.index.search import NO_NEIGHBOR, Nearest
from knnal.session.calibration import with_temperature
from knnal.session.projection import PoolProjection
from knnal.types import Float32Array, FloatArray, IntArray, Neighbor, Prediction


def predict_items(
    replay: PoolProjection,
    items: Sequence[str],
    vote: VoteOptions,
    temperature: float | None = None,
) -> list[Prediction]:
    """What the classifier says of pool items, labeled ones by the others' labels alone.

    ``temperature`` calibrates the probabilities, if there is one (``with_temperature``).

    Raises InputError for an id that the pool does not hold.
    """
    rows = np.array([replay.row(item) for item in items], dtype=np.int64)
    neighbors = replay.state.labeling.neighbors
    nearest = neighbors.at(rows)
    P = _calibrated(replay.state.classifier.probabilities(rows), temperature)
    return _predictions(replay, items, P, nearest, vote)


def predict_vectors(
    replay: PoolProjection,
    names: Sequence[str],
    vectors: FloatArray,
    vote: VoteOptions,
    temperature: float | None = None,
) -> list[Prediction]:
    """What the classifier says of vectors from outside the pool, ``(m, d)``; ``temperature`` as
    above.

    Raises InputError for vectors of another dimension than the pool's.
    """
    dimension = replay.state.geometry.X.shape[1]
    if vectors.shape[1:] != (dimension,):
        raise InputError(
            f"Expected vectors of {dimension} numbers, as the pool's are, came "
            f"shape {vectors.shape}. Embed them with the pool's embedder."
        )
    X = unit_rows(vectors)
    nearest = nearest_labeled(replay.state.labeling, X, vote.k)
    P = replay.state.classifier.predict(QueryVectors(replay.state.geometry, X))
    return _predictions(replay, names, _calibrated(P, temperature), nearest, vote)


def _calibrated(P: Float32Array, temperature: float | None) -> FloatArray:
    return P if temperature is None or not P.size else with_temperature(P, temperature)


def _predictions(
    replay: PoolProjection, names: Sequence[str], P: FloatArray, nearest: Nearest, vote: VoteOptions
) -> list[Prediction]:
    weights = neighbor_votes(replay.state.labeling, nearest, vote)
    classes = replay.classes
    return [
        Prediction(
            item=name,
            label=classes[int(p.argmax())] if replay.has_labels else None,
            probability=float(p.max()) if replay.has_labels else 0.0,
            probabilities=dict(zip(classes, map(float, p), strict=True)),
            neighbors=_neighbors(replay, classes, ids, sims, w),
        )
        for name, p, ids, sims, w in zip(
            names, P, nearest.ids, nearest.similarities, weights, strict=True
        )
    ]


def _neighbors(
    replay: PoolProjection,
    classes: list[str],
    ids: IntArray,
    sims: Float32Array,
    weights: Float32Array,
) -> tuple[Neighbor, ...]:
    total = float(weights.sum()) or 1.0
    return tuple(
        Neighbor(
            item=replay.pool.catalog.at(int(row)).id,
            label=classes[int(replay.state.labeling.classes[row])],
            similarity=float(sim),
            share=float(weight) / total,
        )
        for row, sim, weight in zip(ids, sims, weights, strict=True)
        if row != NO_NEIGHBOR
    )
