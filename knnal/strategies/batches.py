"""Several items at once."""

from __future__ import annotations

import numpy as np

from knnal.types import BoolArray, FloatArray, IntArray


def highest(values: FloatArray, allowed: BoolArray, count: int) -> IntArray:
    """The places of the ``count`` highest allowed values, best first, ties by lower place."""
    places = np.flatnonzero(allowed)
    if count < len(places):  # what ties with the last one stays in, to be ordered by place
        own = values[places]
        places = places[own >= np.partition(own, len(own) - count)[len(own) - count]]
    best: IntArray = places[np.argsort(-values[places], kind="stable")[:count]]
    return best
