"""How sure a mean over seeds is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from knnal.simulation.estimates import mean_interval, resampling_weights

DRAWS = 10_000


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean and its 95 % interval."""

    mean: float
    low: float
    high: float


def bootstrap_mean(values: Sequence[float], draws: int = DRAWS, seed: int = 0) -> Interval:
    """The mean of paired differences, and the percentile bootstrap interval over the pairs."""
    found = np.asarray(values, dtype=np.float64)
    weights = resampling_weights(len(found), draws, np.random.default_rng(seed))
    low, high = mean_interval(found, weights)
    return Interval(float(found.mean()), float(low), float(high))
