"""Neighbors' votes into class probabilities."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from knnal import defaults
from knnal.errors import InputError
from knnal.index.compilation import kernel
from knnal.index.parallel import over_rows
from knnal.index.search import NO_NEIGHBOR
from knnal.types import Float32Array, Float64Array, Int32Array, IntArray, RowArray


@dataclass(frozen=True, slots=True)
class VoteOptions:
    """How the nearest labeled items vote.

    Parameters
    ----------
    k : int
        How many neighbors vote, at least 1.
    temperature : float
        A neighbor of cosine similarity s votes with weight ``exp((s - 1) / temperature)``.
    uniform : bool
        Whether all k votes weigh the same instead.
    balanced : bool
        Whether rare classes weigh more, by ``guided_class_weights``.
    bootstrap : {"soft", "hard"}, optional
        Whether a labeled item votes with ``beta`` of its weight for its label, and with the rest
        for what its own labeled neighbors predict of it: their probabilities (soft) or the
        likeliest class (hard). Source: S. Reed et al., arXiv 1412.6596.
    beta : float
        From 0 to 1; see ``bootstrap``.

    Raises
    ------
    InputError
        For a value out of range.

    Examples
    --------
    >>> VoteOptions(k=10, uniform=True).k
    10
    """

    k: int = defaults.K
    temperature: float = defaults.TEMPERATURE
    uniform: bool = False
    balanced: bool = False
    bootstrap: Literal["soft", "hard"] | None = None
    beta: float = defaults.BETA

    def __post_init__(self) -> None:
        if self.k < 1:
            raise InputError(f"k must be at least 1, got {self.k}.")
        if not self.temperature > 0:
            raise InputError(f"The temperature must be above 0, got {self.temperature}.")
        if self.bootstrap not in (None, "soft", "hard"):
            raise InputError(f"bootstrap must be 'soft', 'hard' or None, got {self.bootstrap!r}.")
        if not 0.0 <= self.beta <= 1.0:
            raise InputError(f"beta must be from 0 to 1, got {self.beta}.")

    @property
    def scale(self) -> float:
        """What ``vote`` multiplies a difference of similarities by."""
        return 0.0 if self.uniform else 1.0 / self.temperature


@kernel
def vote(similarity: float | np.float32, nearest: float | np.float32, scale: float) -> float:
    """The weight of a vote in units of the nearest neighbor's: ``exp((s - s_1) / T)``.

    For use within other kernels.
    """
    return math.exp((similarity - nearest) * scale)


def vote_weights(ids: RowArray, sims: Float32Array, options: VoteOptions) -> Float32Array:
    """The weight of each neighbor's vote, ``(n, k), (n, k) -> (n, k)``; 0 in empty slots.

    Weights are relative to the row's nearest neighbor, which leaves the shares as they are and
    keeps far-away rows from underflowing to no vote at all.
    """
    ids = np.ascontiguousarray(ids, dtype=np.int32)
    sims = np.ascontiguousarray(sims, dtype=np.float32)
    weights = np.empty(ids.shape, dtype=np.float32)
    over_rows(lambda start, stop: _weigh(ids, sims, options.scale, start, stop, weights), len(ids))
    return weights


def class_probabilities(weights: Float32Array, classes: RowArray, class_count: int) -> Float32Array:
    """Normalized votes, ``(n, k), (n, k) -> (n, class_count)``; uniform where nobody votes.

    ``classes`` holds each neighbor's class, anything where the weight is 0.
    """
    shares = np.empty((len(weights), class_count), dtype=np.float32)
    if class_count:
        classes = np.ascontiguousarray(classes, dtype=np.int32)
        over_rows(lambda start, stop: _share(weights, classes, start, stop, shares), len(weights))
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


@kernel
def _weigh(
    ids: Int32Array, sims: Float32Array, scale: float, start: int, stop: int, out: Float32Array
) -> None:
    for row in range(start, stop):
        nearest = -np.inf
        for slot in range(ids.shape[1]):
            if ids[row, slot] != NO_NEIGHBOR:
                nearest = max(nearest, float(sims[row, slot]))
        for slot in range(ids.shape[1]):
            if ids[row, slot] == NO_NEIGHBOR:
                out[row, slot] = 0.0
            else:
                out[row, slot] = vote(sims[row, slot], nearest, scale)


@kernel
def _share(
    weights: Float32Array, classes: Int32Array, start: int, stop: int, out: Float32Array
) -> None:
    for row in range(start, stop):
        out[row] = 0.0
        total = np.float32(0.0)
        for slot in range(weights.shape[1]):
            if weights[row, slot] > 0.0:
                out[row, classes[row, slot]] += weights[row, slot]
                total += weights[row, slot]
        for c in range(out.shape[1]):
            out[row, c] = out[row, c] / total if total > 0.0 else 1.0 / out.shape[1]
