"""How unlike what is already labeled each item is."""

from __future__ import annotations

import numpy as np

from knnal.types import Float32Array, Float64Array, IntArray


def distance(nearest: Float32Array) -> Float32Array:
    """``1 - max similarity`` to a labeled item, ``(n,) -> (n,)``; 1 where nothing is labeled.

    ``nearest`` is the similarity of the nearest labeled item, -inf for none. This is what the
    prose of "Learn faster with smarter data labeling" asks for.
    """
    return np.where(np.isneginf(nearest), np.float32(1.0), np.float32(1.0) - nearest)


def distance_as_printed(farthest: Float32Array) -> Float32Array:
    """``1 - max distance`` to a labeled item, ``(n,) -> (n,)``; 1 where nothing is labeled.

    ``farthest`` is the similarity of the farthest labeled item, +inf for none; its distance is
    1 minus that. The formula as the same article prints it: it rewards staying close to every
    label, and is kept so that the printed method can be reproduced.
    """
    return np.where(np.isposinf(farthest), np.float32(1.0), farthest)


def uncovered(gain: Float64Array | IntArray, mass: Float64Array | IntArray) -> Float64Array:
    """The share of an item's kernel mass that no label covers yet, ``-> (n,)`` in [0, 1].

    ``gain`` is the kernel coverage that labeling the item would add, ``mass`` its kernel mass, so
    that density x diversity is the marginal coverage of MaxHerding (arXiv 2407.12212).
    """
    return gain / mass
