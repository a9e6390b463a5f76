"""Factors into one acquisition score."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import numpy as np

from knnal.types import Float64Array, FloatArray

UNCERTAINTY_FLOOR = 1e-3
"""Keeps the plain product from forgetting density and diversity where the classifier is sure."""


def empirical_cdf(values: FloatArray) -> Float64Array:
    """The share of values that are at most as large, ``(n,) -> (n,)`` in (0, 1]; ties share it."""
    ordered = np.sort(values)
    return np.searchsorted(ordered, values, side="right") / max(len(values), 1)


def power_product(places: Sequence[Float64Array], powers: Sequence[float]) -> Float64Array:
    """``prod_k places[k] ** powers[k]``, each ``(n,) -> (n,)``, multiplied in their order."""
    score = np.ones_like(places[0])
    for place, power in zip(places, powers, strict=True):
        score *= place if power == 1.0 else np.power(place, power)
    return score


def product(factors: Sequence[FloatArray], raised: Sequence[bool]) -> FloatArray:
    """``prod_k x_k`` of raw values, 1e-3 added to those raised, each ``(n,) -> (n,)``.

    Multiplied in their order: ``(u + 1e-3) i d`` of uncertainty, density and diversity.
    """
    lifted = [x + UNCERTAINTY_FLOOR if up else x for x, up in zip(factors, raised, strict=True)]
    return reduce(np.multiply, lifted)
