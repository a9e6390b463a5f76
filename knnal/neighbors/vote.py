"""Neighbours' votes into class probabilities."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from knnal import defaults
from knnal.errors import InputError
from knnal.neighbors.search import NOBODY
from knnal.types import Float32Array, Float64Array, IntArray


@dataclass(frozen=True, slots=True)
class VoteOptions:
    """``k`` neighbours vote with weight ``exp((s - 1) / temperature)``, or all alike.

    With ``balanced``, rare classes weigh more (``guided_class_weights``).
    """

    k: int = defaults.K
    temperature: float = defaults.TEMPERATURE
    uniform: bool = False
    balanced: bool = False

    def __post_init__(self) -> None:
        if self.k < 1:
            raise InputError(f"Expected k of at least 1, came {self.k}.")
        if not self.temperature > 0:
            raise InputError(f"Expected a temperature above 0, came {self.temperature}.")


def vote_weights(ids: IntArray, sims: Float32Array, options: VoteOptions) -> Float64Array:
    """The weight of each neighbour's vote, ``(n, k), (n, k) -> (n, k)``; 0 in empty slots.

    Weights are relative to the row's nearest neighbour, which leaves the shares as they are and
    keeps far-away rows from underflowing to no vote at all.
    """
    filled = ids != NOBODY
    if options.uniform:
        alike: Float64Array = filled.astype(np.float64)
        return alike
    s = np.where(filled, sims, 0.0).astype(np.float64)
    nearest = np.where(filled, s, -np.inf).max(axis=1, keepdims=True, initial=-1.0)
    weights: Float64Array = np.where(filled, np.exp((s - nearest) / options.temperature), 0.0)
    return weights


def class_probabilities(
    weights: Float64Array,
    classes: IntArray,
    class_count: int,
) -> Float64Array:
    """Normalised votes, ``(n, k), (n, k) -> (n, class_count)``; uniform where nobody votes.

    ``classes`` holds each neighbour's class, anything where the weight is 0.
    """
    votes: Float64Array = np.zeros((len(weights), class_count))
    if class_count == 0:
        return votes
    for slot in range(weights.shape[1]):  # one vote a row at a time, so that none is overwritten
        filled = np.flatnonzero(weights[:, slot] > 0)
        votes[filled, classes[filled, slot]] += weights[filled, slot]
    total = votes.sum(axis=1, keepdims=True)
    uniform = np.full_like(votes, 1.0 / class_count)
    shares: Float64Array = np.divide(votes, total, out=uniform, where=total > 0)
    return shares


def guided_class_weights(counts: IntArray, mu: float = 0.3) -> Float64Array:
    """``max(log(mu t / n_c), 1)`` for ``t`` labels in all, ``n_c`` of class c, ``(C,) -> (C,)``.

    Source: "Guided Labeling using Convolutional Neural Networks" (arXiv 1712.02154), eq. 2.
    Classes without a label cast no vote and get weight 1.
    """
    present = counts > 0
    ratio = np.where(present, mu * counts.sum() / np.maximum(counts, 1), 1.0)
    weights: Float64Array = np.maximum(np.log(ratio), 1.0)
    return weights
