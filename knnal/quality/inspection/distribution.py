"""How the labels, and the predictions for the rest of the pool, are spread over the classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from knnal.types import IntArray


@dataclass(frozen=True, slots=True)
class ClassCount:
    """A class: how many items are labeled so, and how many unlabeled ones predicted so.

    The shares are of all labels and of all predictions; 0 where there are none.
    """

    name: str
    labeled: int
    labeled_share: float
    predicted: int
    predicted_share: float


def class_distribution(
    classes: Sequence[str], labels: Mapping[str, int], predicted: IntArray
) -> tuple[ClassCount, ...]:
    """By class, in their order; ``predicted`` ``(m,)`` are class numbers of unlabeled items."""
    counts = np.bincount(predicted, minlength=len(classes))
    total = max(sum(labels.values()), 1)
    return tuple(
        ClassCount(
            name=name,
            labeled=labels[name],
            labeled_share=labels[name] / total,
            predicted=int(count),
            predicted_share=int(count) / max(len(predicted), 1),
        )
        for name, count in zip(classes, counts, strict=True)
    )


def evenness(counts: Sequence[int]) -> float | None:
    """Entropy of the shares over that of equal shares, in [0, 1]; None below two classes.

    Also known as Pielou's index: E. C. Pielou, Journal of Theoretical Biology 13 (1966).
    """
    shares = np.array(counts, dtype=np.float64)
    if len(shares) < 2 or not shares.sum():
        return None
    shares = shares[shares > 0] / shares.sum()
    return float(-(shares * np.log(shares)).sum() / np.log(len(counts))) + 0.0
