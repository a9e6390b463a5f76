"""A two-dimensional map of a pool that keeps neighbors together: t-SNE on the neighbor graph.

All neighbors of an item attract it equally, and twice if both are among the other's nearest: with
this few neighbors, weights by distance give the same picture (Boehm, Berens and Kobak,
"Attraction-repulsion spectrum in neighbor embeddings", JMLR 2022). It starts from the first two
principal coordinates, which keeps the pool's overall shape (Kobak and Linderman, Nature
Biotechnology 2021). In large pools repulsion is interpolated, in time linear in the items
(Linderman et al., Nature Methods 2019).
"""

from __future__ import annotations

import numpy as np

from knnal.extras import extra
from knnal.index.graph import NeighborGraph
from knnal.index.reduced import ReducedCopy
from knnal.index.search import NO_NEIGHBOR
from knnal.types import Float32Array, Float64Array, IntArray, LogNarrator, Narrator

STEP = "Map"
"""What progress is reported of."""

_EARLY, _LATE = 100, 250
"""Iterations with exaggerated attraction, which finds the overall shape, and without."""
_EXAGGERATION = 12.0
_EARLY_MOMENTUM, _LATE_MOMENTUM = 0.5, 0.8
_START_SPREAD = 1e-4
_JITTER = 1e-6
"""Separates copies of one item."""
_REPORT_EVERY = 10
_LEAST_STEP = 50.0
_WORTH_A_GRID = 2000
"""With fewer items, repulsion by a tree is quicker than interpolation on a grid."""
_FEWEST = 4
"""With fewer items, the starting positions are as good."""


def compute_layout(
    graph: NeighborGraph, reduced: ReducedCopy, seed: int, narrator: Narrator | None = None
) -> Float32Array:
    """Compute a map of the pool.

    Parameters
    ----------
    graph : NeighborGraph
        Its live rows are placed.
    reduced : ReducedCopy
        Of the same rows.
    seed : int
        Equal graphs and seeds give equal positions.
    narrator : Narrator, optional
        Hears of progress.

    Returns
    -------
    array of float32, shape (rows, 2)
        Positions of the live rows, centered on the origin; NaN for the others.
    """
    narrator = narrator or LogNarrator()
    positions = np.full((len(graph.ids), 2), np.nan, dtype=np.float32)
    rows = np.flatnonzero(graph.live)
    if not len(rows):
        return positions
    start = _start(reduced, rows, seed)
    placed = start if len(rows) < _FEWEST else _optimized(graph, rows, start, seed, narrator)
    positions[rows] = placed - placed.mean(axis=0)
    return positions


def _start(reduced: ReducedCopy, rows: IntArray, seed: int) -> Float64Array:
    """The first two principal coordinates, scaled down, ``(m, 2)``."""
    first = reduced.first
    start = first.codes[rows, :2].astype(np.float64) * first.scale[rows, None]
    start *= _START_SPREAD / max(float(start[:, 0].std()), _JITTER)
    jitter: Float64Array = np.random.default_rng(seed).normal(scale=_JITTER, size=start.shape)
    return start + jitter


def _optimized(
    graph: NeighborGraph, rows: IntArray, start: Float64Array, seed: int, narrator: Narrator
) -> Float64Array:
    with extra("map", "The map"):
        from openTSNE import TSNEEmbedding
        from openTSNE.affinity import PrecomputedAffinities

    done = 0

    def report(iteration: int, *_: object) -> bool:
        narrator.progress(STEP, done + iteration, _EARLY + _LATE)
        return False

    embedding = TSNEEmbedding(
        start,
        PrecomputedAffinities(_attraction(graph, rows)),
        negative_gradient_method="fft" if len(rows) >= _WORTH_A_GRID else "bh",
        learning_rate=max(len(rows) / _EXAGGERATION, _LEAST_STEP),
        n_jobs=1,  # more threads mostly wait for each other
        random_state=seed,
        callbacks=[report],
        callbacks_every_iters=_REPORT_EVERY,
    )
    narrator.progress(STEP, 0, _EARLY + _LATE)
    embedding.optimize(_EARLY, inplace=True, exaggeration=_EXAGGERATION, momentum=_EARLY_MOMENTUM)
    done = _EARLY
    embedding.optimize(_LATE, inplace=True, momentum=_LATE_MOMENTUM)
    return np.asarray(embedding, dtype=np.float64)


def _attraction(graph: NeighborGraph, rows: IntArray) -> object:
    """How many of each other's lists two rows are on: 0, 1 or 2, sparse, ``(m, m)``."""
    from scipy import sparse

    ids = graph.ids[rows]
    places = np.full(len(graph.ids), NO_NEIGHBOR, dtype=np.int64)
    places[rows] = np.arange(len(rows))
    filled = ids != NO_NEIGHBOR
    ends = places[ids[filled]]
    starts = np.repeat(np.arange(len(rows)), filled.sum(axis=1))
    shape = (len(rows), len(rows))
    lists = sparse.csr_matrix((np.ones(len(ends)), (starts, ends)), shape=shape)
    return (lists + lists.T).tocsr()
