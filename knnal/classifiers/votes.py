"""What neighbors vote for: their labels, or mixtures of these with what others say of them.

With bootstrapping, a labeled item with label ``t`` votes for ``beta t + (1 - beta) q``, where
``q`` is what its own labeled neighbors predict of it: their probabilities (soft), or all of it
for the likeliest class (hard). A wrong label among right ones then counts for less than a vote.

Source: S. Reed et al., "Training deep neural networks on noisy labels with bootstrapping" (arXiv
1412.6596), whose targets these are; there, ``q`` comes from the network that is trained.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from knnal.classifiers.vote import VoteOptions, guided_class_weights, vote_weights
from knnal.index.compilation import kernel
from knnal.index.pool_index import Labeling
from knnal.index.search import NO_NEIGHBOR, Nearest
from knnal.types import Float32Array, Int32Array, IntArray


class Ballots(NamedTuple):
    """Votes for the classes of labeled rows: ``rows`` and ``weights`` ``(m, votes)``.

    NO_NEIGHBOR in empty places, whose weight is 0.
    """

    rows: Int32Array
    weights: Float32Array


def neighbor_votes(labeling: Labeling, nearest: Nearest, options: VoteOptions) -> Float32Array:
    """How much each neighbor's vote counts, class weights included, ``(m, k)``."""
    votes = vote_weights(nearest.ids, nearest.similarities, options)
    if not options.balanced or not labeling.class_count:
        return votes
    balance = guided_class_weights(labeling.class_sizes()).astype(np.float32)
    classes = np.where(nearest.ids == NO_NEIGHBOR, 0, labeling.classes[nearest.ids])
    weighted: Float32Array = votes * balance[classes]
    return weighted


def cast_ballots(
    labeling: Labeling, nearest: Nearest, options: VoteOptions, rows: IntArray | None = None
) -> Ballots:
    """The votes on items by their nearest labeled rows, ``(m, n)``.

    Where the items are ``rows`` ``(m,)`` of the pool, what their neighbors' neighbors say is
    without them: no item's own label is evidence on it.
    """
    ids = np.ascontiguousarray(nearest.ids, dtype=np.int32)
    votes = neighbor_votes(labeling, nearest, options)
    if options.bootstrap is None:
        return Ballots(ids, votes)
    m, near = ids.shape
    neighbors = labeling.neighbors
    k = neighbors.k
    others = neighbors.ids[ids]  # (m, near, k)
    unheard = np.broadcast_to((ids == NO_NEIGHBOR)[:, :, None], others.shape)
    if rows is not None:
        unheard = unheard | (others == rows[:, None, None])
    others = np.where(unheard, np.int32(NO_NEIGHBOR), others).reshape(m * near, k)
    beside = Nearest(others, neighbors.similarities[ids].reshape(m * near, k))
    of_others = neighbor_votes(labeling, beside, options)
    hard = options.bootstrap == "hard"
    shape = m, near * (2 if hard else 1 + k)
    ballots = Ballots(
        np.full(shape, NO_NEIGHBOR, dtype=np.int32), np.zeros(shape, dtype=np.float32)
    )
    _mix(hard, options.beta, ids, votes, others, of_others, labeling.classes, ballots)
    return ballots


@kernel
def _mix(
    hard: bool,
    beta: float,
    ids: Int32Array,
    votes: Float32Array,
    others: Int32Array,
    of_others: Float32Array,
    classes: Int32Array,
    out: Ballots,
) -> None:
    """Split each neighbor's vote ``(m, n)`` between its label and those of the others next to it,
    ``(m n, k)``. Where there are no others, nothing speaks against the label: it has all.
    """
    count, k = ids.shape[1], others.shape[1]
    width = 2 if hard else 1 + k
    for i in range(len(ids)):
        for slot in range(count):
            near, say = others[i * count + slot], of_others[i * count + slot]
            rows = out.rows[i, slot * width : (slot + 1) * width]
            weights = out.weights[i, slot * width : (slot + 1) * width]
            total = np.float32(0.0)
            for value in say:
                total += value
            rows[0] = ids[i, slot]
            weights[0] = votes[i, slot] * (beta if total > 0.0 else 1.0)
            if total > 0.0 and hard:
                rows[1] = near[_winner(near, say, classes)]
                weights[1] = votes[i, slot] * (1.0 - beta)
            elif total > 0.0:
                rows[1:] = near
                for other in range(k):
                    weights[1 + other] = votes[i, slot] * (1.0 - beta) * say[other] / total


@kernel
def _winner(near: Int32Array, votes: Float32Array, classes: Int32Array) -> int:
    """The place ``(k,)`` of a vote for the class with most; of equals for the first class."""
    best, winner = np.float32(-1.0), -1
    for place in range(len(near)):
        if near[place] != NO_NEIGHBOR:
            total = np.float32(0.0)
            for other in range(len(near)):
                if near[other] != NO_NEIGHBOR and classes[near[other]] == classes[near[place]]:
                    total += votes[other]
            if total > best or (total == best and classes[near[place]] < classes[near[winner]]):
                best, winner = total, place
    return winner
