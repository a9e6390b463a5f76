"""Several items at once by a score that knows nothing of what the others of them cover."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from knnal.acquisition.kernel_gain import KernelGain
from knnal.acquisition.terms import empirical_cdf, kernel_mass, uncovered
from knnal.index.kernel_graph import KernelGraph
from knnal.types import BoolArray, FloatArray, IntArray


def spread(
    values: FloatArray, rows: IntArray, allowed: BoolArray, graph: KernelGraph
) -> Iterator[int]:
    """The places of allowed rows, greedily by ``F(value)`` times what is uncovered so far.

    ``values``, ``rows`` and ``allowed`` are ``(m,)``, ``F`` is the empirical CDF of the values.
    Nothing is covered at first; each row taken covers its neighbors on the graph, which takes no
    pass over the pool. The first place is that of the highest value; ties go to the lower row.
    """
    ranks = empirical_cdf(values)
    kept = KernelGain(graph.edges)
    mass = kernel_mass(graph.sums[rows])
    left = allowed.copy()
    for _ in range(int(np.count_nonzero(allowed))):
        share = uncovered(kept.gain[rows], mass)
        place = int(np.argmax(np.where(left, ranks * share, -1.0)))
        yield place
        left[place] = False
        kept.cover(int(rows[place]))


def highest(values: FloatArray, allowed: BoolArray, count: int) -> IntArray:
    """The places of the ``count`` highest allowed values, best first, ties by lower place."""
    places = np.flatnonzero(allowed)
    if count < len(places):  # what ties with the last one stays in, to be ordered by place
        own = values[places]
        places = places[own >= np.partition(own, len(own) - count)[len(own) - count]]
    best: IntArray = places[np.argsort(-values[places], kind="stable")[:count]]
    return best
