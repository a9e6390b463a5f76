"""The four plain uncertainty measures."""

from __future__ import annotations

from knnal.acquisition.strategies.base import PoolView, Scores, Strategy


class LeastConfidence(Strategy):
    """Asks where the likeliest class is least likely."""

    summary = "1 - p1: the probability of all but the likeliest class"
    source = "Settles, 'Active Learning Literature Survey' (2009), section 3.1"
    formula = "the uncertainty u alone"
    terms = {"u": "least-confidence"}
    incremental = True
    cost = "the classifier's update, and one pass over the scores"

    def score(self, pool: PoolView) -> Scores:
        u = pool.term(self.terms["u"])
        return Scores(u, {"u": u})


class SmallestMargin(LeastConfidence):
    """Asks where the two likeliest classes are closest."""

    summary = "1 - (p1 - p2): how close the two likeliest classes are"
    terms = {"u": "smallest-margin"}


class LargestMargin(LeastConfidence):
    """Asks where the likeliest and the unlikeliest class are closest."""

    summary = "1 - (p1 - pC): how close the likeliest and unlikeliest classes are"
    source = "Dominguez-Kuhne and Zhao, 'Active Learning for Multi-class Image Classification'"
    terms = {"u": "largest-margin"}


class Entropy(LeastConfidence):
    """Asks where the class probabilities are most even."""

    summary = "-sum p log p: how even the class probabilities are"
    terms = {"u": "entropy"}
