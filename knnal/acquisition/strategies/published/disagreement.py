"""What part of the features would say otherwise."""

from __future__ import annotations

from typing import ClassVar

from knnal.acquisition.strategies.base import PoolView, Scores, Strategy


class Disagreement(Strategy):
    """Mutual information between the label and which features are looked at.

    The labeled neighbors vote under 16 random masks, each of half the embedding's dimensions:
    ``u = H(mean_m p_m) - mean_m H(p_m)``. It is high where the masks are sure of different
    classes, and low both where they agree and where each is unsure. Dropping features of a frozen
    embedding is what is left of dropout in a network when nothing is trained.
    """

    summary: ClassVar[str] = (
        "H(mean p) - mean H(p) over 16 random feature masks: how far parts of the features disagree"
    )
    source: ClassVar[str] = (
        "BALD: Houlsby et al., arXiv 1112.5745; by dropout: Gal, Islam and Ghahramani, arXiv "
        "1703.02910"
    )
    formula: ClassVar[str] = (
        "H(mean_m p_m) - mean_m H(p_m): p_m are the shares of the votes under mask m, of the k "
        "most similar of the 4k nearest labeled items"
    )
    incremental: ClassVar[bool] = True
    cost: ClassVar[str] = (
        "a pruned pass over the reduced copy, and of each item that the label is among the 20 "
        "nearest of one comparison with the label and 16 votes anew: all items while there are few "
        "labels, then ever fewer. It keeps up to 1.6 kB an item"
    )

    def score(self, pool: PoolView) -> Scores:
        u = pool.term("disagreement")
        return Scores(u, {"u": u})
