"""Class probabilities and neighbours as records with names instead of numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from knnal.classifiers.ballots import neighbour_votes
from knnal.classifiers.base import Outsiders
from knnal.classifiers.knn import nearest_labelled
from knnal.errors import InputError
from knnal.linalg import unit_rows
from knnal.neighbors.search import NOBODY, Nearest
from knnal.neighbors.vote import VoteOptions
from knnal.replay import Replay
from knnal.types import Float32Array, FloatArray, IntArray, Neighbour, Prediction


def predict_items(replay: Replay, items: Sequence[str], vote: VoteOptions) -> list[Prediction]:
    """What the classifier says of pool items, labelled ones by the others' labels alone.

    Raises InputError for an id that the pool does not hold.
    """
    rows = np.array([replay.row(item) for item in items], dtype=np.int64)
    neighbours = replay.state.labelling.neighbours
    nearest = Nearest(neighbours.ids[rows], neighbours.similarities[rows])
    return _predictions(replay, items, replay.state.classifier.probabilities(rows), nearest, vote)


def predict_vectors(
    replay: Replay, names: Sequence[str], vectors: FloatArray, vote: VoteOptions
) -> list[Prediction]:
    """What the classifier says of vectors from outside the pool, ``(m, d)``.

    Raises InputError for vectors of another dimension than the pool's.
    """
    dimension = replay.state.geometry.X.shape[1]
    if vectors.shape[1:] != (dimension,):
        raise InputError(
            f"Expected vectors of {dimension} numbers, as the pool's are, came "
            f"shape {vectors.shape}. Embed them with the pool's embedder."
        )
    X = unit_rows(vectors)
    nearest = nearest_labelled(replay.state.labelling, X, vote.k)
    P = replay.state.classifier.predict(Outsiders(replay.state.geometry, X))
    return _predictions(replay, names, P, nearest, vote)


def _predictions(
    replay: Replay, names: Sequence[str], P: Float32Array, nearest: Nearest, vote: VoteOptions
) -> list[Prediction]:
    weights = neighbour_votes(replay.state.labelling, nearest, vote)
    classes = replay.classes
    return [
        Prediction(
            item=name,
            label=classes[int(p.argmax())] if replay.has_labels else None,
            probability=float(p.max()) if replay.has_labels else 0.0,
            probabilities=dict(zip(classes, map(float, p), strict=True)),
            neighbours=_neighbours(replay, classes, ids, sims, w),
        )
        for name, p, ids, sims, w in zip(
            names, P, nearest.ids, nearest.similarities, weights, strict=True
        )
    ]


def _neighbours(
    replay: Replay, classes: list[str], ids: IntArray, sims: Float32Array, weights: Float32Array
) -> tuple[Neighbour, ...]:
    total = float(weights.sum()) or 1.0
    return tuple(
        Neighbour(
            item=replay.pool.catalogue.at(int(row)).id,
            label=classes[int(replay.state.labelling.classes[row])],
            similarity=float(sim),
            share=float(weight) / total,
        )
        for row, sim, weight in zip(ids, sims, weights, strict=True)
        if row != NOBODY
    )
