"""Where parts of the features disagree: the kNN vote under random feature masks."""

from __future__ import annotations

import numpy as np

from knnal.acquisition.strategies.base import PoolView, Scores, Strategy
from knnal.acquisition.strategies.published.feature_masks import FeatureMasks, MaskedVote
from knnal.acquisition.strategies.terms import Term
from knnal.acquisition.terms import disagreement
from knnal.classifiers.vote import VoteOptions, guided_class_weights
from knnal.index.labeled import LabeledNeighbors
from knnal.index.pool_index import UNLABELED, Labeling
from knnal.types import BoolArray, Float32Array, IntArray

CANDIDATES = 4
"""Labeled neighbors from which each mask takes its ``k``, in units of ``k``: with 20 for 5, half
the dimensions kept, disagreement ranks a pool as the search of all labels under every mask does
(Spearman .99 on CIFAR-10 and banking77), which is closer than two draws of masks are.
"""

_SEED = 0
_BLOCK = 8192


class MaskedVotes:
    """Class probabilities of pool rows under 16 masks, each of half the dimensions.

    The masks are the same for every pool of a dimension. A label costs a pruned pass over the
    reduced copy; where it is among a row's candidates, it is compared with that row, once for all
    masks, and the row's votes are counted again when needed.
    """

    def __init__(self, labeling: Labeling, options: VoteOptions) -> None:
        X = labeling.geometry.X
        self._labeling = labeling
        self._options = options
        masks = FeatureMasks.draw(X.shape[1], np.random.default_rng(_SEED))
        self._vote = MaskedVote(X, masks)
        slots = CANDIDATES * options.k
        self._candidates = LabeledNeighbors(X, slots, labeling.geometry.reduced)
        self._candidates.rebuild(labeling.labeled)
        self._disagreement: Float32Array = np.zeros(len(X), dtype=np.float32)
        self._stale: BoolArray = np.ones(len(X), dtype=np.bool_)

    def update(self, row: int, before: int) -> None:
        """The class of ``row`` was ``before`` and is now another one, either may be UNLABELED."""
        if before == UNLABELED:
            changed = self._candidates.add(row)
        elif self._labeling.classes[row] == UNLABELED:
            changed = self._candidates.remove(row)
        else:
            changed = self._candidates.voters(row)
        if self._options.balanced:  # class weights depend on every label
            self._stale[:] = True
        else:
            self._stale[changed] = True

    def probabilities(self, rows: IntArray) -> Float32Array:
        """Of pool rows, none of which votes for itself: ``(m,) -> (m, M, class_count)``."""
        sizes = self._labeling.class_sizes()
        weights = guided_class_weights(sizes) if self._options.balanced else np.ones(len(sizes))
        candidates = self._candidates.ids[rows]
        return self._vote.probabilities(
            rows, candidates, self._labeling.classes, weights.astype(np.float32), self._options
        )

    def disagreement(self) -> Float32Array:
        """Mutual information of the label and the mask, of every row, ``(rows,)``, in nats."""
        rows = np.flatnonzero(self._stale)
        for start in range(0, len(rows), _BLOCK):
            block = rows[start : start + _BLOCK]
            self._disagreement[block] = disagreement(self.probabilities(block))
        self._stale[:] = False
        return self._disagreement


class Disagreement(Strategy):
    """Mutual information between the label and which features are looked at.

    The labeled neighbors vote under 16 random masks, each of half the embedding's dimensions:
    ``u = H(mean_m p_m) - mean_m H(p_m)``. It is high where the masks are sure of different
    classes, and low both where they agree and where each is unsure. Dropping features of a frozen
    embedding is what is left of dropout in a network when nothing is trained.
    """

    summary = (
        "H(mean p) - mean H(p) over 16 random feature masks: how far parts of the features disagree"
    )
    source = (
        "BALD: Houlsby et al., arXiv 1112.5745; by dropout: Gal, Islam and Ghahramani, arXiv "
        "1703.02910"
    )
    formula = (
        "H(mean_m p_m) - mean_m H(p_m): p_m are the shares of the votes under mask m, of the k "
        "most similar of the 4k nearest labeled items"
    )
    incremental = True
    cost = (
        "a pruned pass over the reduced copy, and of each item that the label is among the 20 "
        "nearest of one comparison with the label and 16 new votes: all items while there are few "
        "labels, then ever fewer. It keeps up to 1.6 kB an item"
    )

    def score(self, pool: PoolView) -> Scores:
        u = pool.term("disagreement")
        return Scores(u, {"u": u})


DISAGREEMENT = Term(
    "mutual information of the label and the vote under random feature masks",
    lambda state: state.statistic(MaskedVotes).disagreement(),
    is_uncertainty=True,
)
