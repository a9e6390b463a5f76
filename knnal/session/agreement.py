"""How far two rounds of predictions agree, beyond what chance would give."""

from __future__ import annotations

import numpy as np

from knnal.types import RowArray


def cohens_kappa(first: RowArray, second: RowArray) -> float | None:
    """Cohen's kappa of two rounds of class numbers, ``(m,), (m,) -> ()``, at most 1.

    None where chance alone agrees fully: both rounds say one and the same class throughout.

    Source: J. Cohen, "A coefficient of agreement for nominal scales", Educational and
    Psychological Measurement 20 (1960).
    """
    count = int(max(np.max(first), np.max(second))) + 1
    shares = [np.bincount(classes, minlength=count) / len(classes) for classes in (first, second)]
    by_chance = float(shares[0] @ shares[1])
    if by_chance >= 1.0:
        return None
    observed = float(np.mean(first == second))
    return (observed - by_chance) / (1.0 - by_chance)
