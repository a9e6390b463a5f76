"""How sure a mean over seeds is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

DRAWS = 10_000


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean and its 95 % interval."""

    mean: float
    low: float
    high: float


def bootstrap_mean(values: Sequence[float], draws: int = DRAWS, seed: int = 0) -> Interval:
    """The mean of paired differences, and the percentile bootstrap interval over the pairs.

    Source: B. Efron, "Bootstrap methods: another look at the jackknife", Annals of Statistics 7
    (1979).
    """
    found = np.asarray(values, dtype=np.float64)
    picked = np.random.default_rng(seed).integers(0, len(found), (draws, len(found)))
    low, high = np.quantile(found[picked].mean(axis=1), (0.025, 0.975))
    return Interval(float(found.mean()), float(low), float(high))
