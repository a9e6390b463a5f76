"""The four plain uncertainty measures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from knnal.acquisition.strategies.base import PoolView, Scores, Strategy


class LeastConfidence(Strategy):
    """Asks where the likeliest class is least likely."""

    summary: ClassVar[str] = "1 - p1: what is left beside the likeliest class"
    source: ClassVar[str] = "Settles, 'Active Learning Literature Survey' (2009), section 3.1"
    formula: ClassVar[str] = "the uncertainty u alone"
    terms: ClassVar[Mapping[str, str]] = {"u": "least-confidence"}
    incremental: ClassVar[bool] = True
    cost: ClassVar[str] = "the classifier's update, and one pass over the scores"

    def score(self, pool: PoolView) -> Scores:
        u = pool.term(self.terms["u"])
        return Scores(u, {"u": u})


class SmallestMargin(LeastConfidence):
    """Asks where the two likeliest classes are closest."""

    summary: ClassVar[str] = "1 - (p1 - p2): how close the two likeliest classes are"
    terms: ClassVar[Mapping[str, str]] = {"u": "smallest-margin"}


class LargestMargin(LeastConfidence):
    """Asks where the likeliest and the unlikeliest class are closest."""

    summary: ClassVar[str] = "1 - (p1 - pC): how close the likeliest and unlikeliest classes are"
    source: ClassVar[str] = (
        "Dominguez-Kuhne and Zhao, 'Active Learning for Multi-class Image Classification'"
    )
    terms: ClassVar[Mapping[str, str]] = {"u": "largest-margin"}


class Entropy(LeastConfidence):
    """Asks where the class probabilities are most even."""

    summary: ClassVar[str] = "-sum p log p: how even the class probabilities are"
    terms: ClassVar[Mapping[str, str]] = {"u": "entropy"}
