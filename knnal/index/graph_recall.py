"""How many of the true neighbors an approximate graph holds: aimed at before, measured after."""

from __future__ import annotations

import dataclasses

import numpy as np

from knnal.index.graph_facts import GraphFacts
from knnal.index.graph_index import ReducedIndex, sample_of
from knnal.index.graph_lists import NearestLists, offer, rerank
from knnal.types import Float32Array, Float64Array, IntArray, Narrator

TARGET = 0.95
_AIM = 0.96
_EFFORTS = ((16, 64), (32, 96), (64, 160), (128, 320))
"""Cells to look in and candidates to rank. The first that reaches the aim on a sample is taken."""

_USUAL = 2
_TUNED_ON = 400
_MEASURED_ON = 500


def effort(
    X: Float32Array, rows: IntArray, index: ReducedIndex, g: int, narrator: Narrator
) -> tuple[int, int]:
    """The least effort that reaches the aim on a sample, or the greatest."""
    sample = sample_of(rows, _TUNED_ON, seed=2)
    true = _true_lists(X, rows, sample, g)
    vectors = index.reduced(sample)
    for cells, count in _EFFORTS:
        found = NearestLists.empty(len(sample), g)
        rerank(X, sample, index.candidates(vectors, cells, count), found)
        if _recall(found, true) >= _AIM:
            break
    if (cells, count) not in _EFFORTS[:_USUAL]:
        narrator.say(
            f"The neighbors in this pool take a wider search than most: {count} candidates from "
            f"{cells} cells for each item."
        )
    return cells, count


def measured(X: Float32Array, rows: IntArray, lists: NearestLists, facts: GraphFacts) -> GraphFacts:
    """The facts with the recall of finished lists, measured on rows drawn for that alone."""
    sample = sample_of(rows, _MEASURED_ON, seed=3)
    true = _true_lists(X, rows, sample, facts.neighbors)
    recall = _recall(lists.of(sample), true)
    return dataclasses.replace(facts, recall=round(recall, 4), sample=len(sample))


def _true_lists(X: Float32Array, rows: IntArray, sample: IntArray, g: int) -> NearestLists:
    true = NearestLists.empty(len(sample), g)
    offer(X, sample, rows, true)
    return true


def _recall(found: NearestLists, true: NearestLists) -> float:
    """The share of the true neighbors found, on average; equally near ones are as good."""
    wanted = np.isfinite(true.similarities).sum(axis=1)
    farthest = true.similarities[np.arange(len(wanted)), np.maximum(wanted, 1) - 1]
    near = np.isfinite(found.similarities) & (found.similarities >= farthest[:, None])
    shares: Float64Array = near.sum(axis=1)[wanted > 0] / wanted[wanted > 0]
    return float(shares.mean()) if len(shares) else 1.0
