"""The four plain uncertainty measures."""

from __future__ import annotations

from typing import ClassVar

from knnal.strategies.base import PoolView, Scores, Strategy


class LeastConfidence(Strategy):
    """Asks where the likeliest class is least likely."""

    summary: ClassVar[str] = "1 - p1: what is left beside the likeliest class"
    source: ClassVar[str] = "Settles, 'Active Learning Literature Survey' (2009), section 3.1"
    measure: ClassVar[str] = "least-confidence"

    def score(self, pool: PoolView) -> Scores:
        u = pool.term(self.measure)
        return Scores(u, {"u": u})


class SmallestMargin(LeastConfidence):
    """Asks where the two likeliest classes are closest."""

    summary: ClassVar[str] = "1 - (p1 - p2): how close the two likeliest classes are"
    measure: ClassVar[str] = "smallest-margin"


class LargestMargin(LeastConfidence):
    """Asks where the likeliest and the unlikeliest class are closest."""

    summary: ClassVar[str] = "1 - (p1 - pC): how close the likeliest and unlikeliest classes are"
    source: ClassVar[str] = (
        "Dominguez-Kuhne and Zhao, 'Active Learning for Multi-class Image Classification'"
    )
    measure: ClassVar[str] = "largest-margin"


class Entropy(LeastConfidence):
    """Asks where the class probabilities are most even."""

    summary: ClassVar[str] = "-sum p log p: how even the class probabilities are"
    measure: ClassVar[str] = "entropy"
