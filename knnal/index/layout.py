"""A place in the plane for every item, so that neighbors lie side by side: t-SNE on the graph.

Every neighbor of an item attracts it alike, and twice where both are among the other's nearest:
with as few neighbors as these, weights by distance give the same picture (Boehm, Berens and Kobak,
"Attraction-repulsion spectrum in neighbor embeddings", JMLR 2022). The start is the first two
principal coordinates, which keeps the pool's overall shape (Kobak and Linderman, Nature
Biotechnology 2021). Repulsion in large pools is by interpolation, in time linear in the items
(Linderman et al., Nature Methods 2019).
"""

from __future__ import annotations

import numpy as np

from knnal.index.graph import NeighborGraph
from knnal.index.reduced import ReducedCopy
from knnal.index.search import NOBODY
from knnal.types import Float32Array, Float64Array, IntArray, LogNarrator, Narrator

STAGE = "Map"

_EARLY, _LATE = 100, 250
"""Rounds with attraction exaggerated, which sorts out the whole, and without."""
_EXAGGERATION = 12.0
_EARLY_MOMENTUM, _LATE_MOMENTUM = 0.5, 0.8
_START_SPREAD = 1e-4
_JITTER = 1e-6
"""What tells copies of one item apart."""
_TELL_EVERY = 10
_LEAST_STEP = 50.0
_WORTH_A_GRID = 2000
"""Fewer items than these repel each other quicker by a tree than by interpolation on a grid."""
_FEWEST = 4
"""Fewer items than these show nothing that the start would not."""


def lay_out(
    graph: NeighborGraph, reduced: ReducedCopy, seed: int, narrator: Narrator | None = None
) -> Float32Array:
    """Positions of the live rows, ``(rows, 2)``, centered on the origin; NaN for the others.

    Equal graphs and seeds give equal positions.
    """
    narrator = narrator or LogNarrator()
    positions = np.full((len(graph.ids), 2), np.nan, dtype=np.float32)
    rows = np.flatnonzero(graph.live)
    if not len(rows):
        return positions
    start = _start(reduced, rows, seed)
    placed = start if len(rows) < _FEWEST else _settle(graph, rows, start, seed, narrator)
    positions[rows] = placed - placed.mean(axis=0)
    return positions


def _start(reduced: ReducedCopy, rows: IntArray, seed: int) -> Float64Array:
    """The first two principal coordinates, made small, ``(m, 2)``."""
    first = reduced.first
    start = first.codes[rows, :2].astype(np.float64) * first.scale[rows, None]
    start *= _START_SPREAD / max(float(start[:, 0].std()), _JITTER)
    jitter: Float64Array = np.random.default_rng(seed).normal(scale=_JITTER, size=start.shape)
    return start + jitter


def _settle(
    graph: NeighborGraph, rows: IntArray, start: Float64Array, seed: int, narrator: Narrator
) -> Float64Array:
    from openTSNE import TSNEEmbedding
    from openTSNE.affinity import PrecomputedAffinities

    done = 0

    def tell(iteration: int, *_: object) -> bool:
        narrator.progress(STAGE, done + iteration, _EARLY + _LATE)
        return False

    embedding = TSNEEmbedding(
        start,
        PrecomputedAffinities(_attraction(graph, rows)),
        negative_gradient_method="fft" if len(rows) >= _WORTH_A_GRID else "bh",
        learning_rate=max(len(rows) / _EXAGGERATION, _LEAST_STEP),
        n_jobs=1,  # more of them mostly wait for one another
        random_state=seed,
        callbacks=[tell],
        callbacks_every_iters=_TELL_EVERY,
    )
    narrator.progress(STAGE, 0, _EARLY + _LATE)
    embedding.optimize(_EARLY, inplace=True, exaggeration=_EXAGGERATION, momentum=_EARLY_MOMENTUM)
    done = _EARLY
    embedding.optimize(_LATE, inplace=True, momentum=_LATE_MOMENTUM)
    return np.asarray(embedding, dtype=np.float64)


def _attraction(graph: NeighborGraph, rows: IntArray) -> object:
    """In how many of each other's lists two rows are: 0, 1 or 2, sparse, ``(m, m)``."""
    from scipy import sparse

    ids = graph.ids[rows]
    places = np.full(len(graph.ids), NOBODY, dtype=np.int64)
    places[rows] = np.arange(len(rows))
    filled = ids != NOBODY
    ends = places[ids[filled]]
    starts = np.repeat(np.arange(len(rows)), filled.sum(axis=1))
    shape = (len(rows), len(rows))
    lists = sparse.csr_matrix((np.ones(len(ends)), (starts, ends)), shape=shape)
    return (lists + lists.T).tocsr()
