"""Votes of rows whose class is only supposed, beside those of the labeled ones."""

from __future__ import annotations

import math

import numpy as np

from knnal.index.compilation import kernel
from knnal.index.kernel_graph import KernelGraph
from knnal.index.parallel import over_rows
from knnal.index.search import NO_NEIGHBOR
from knnal.types import BoolArray, Float32Array, Int32Array, IntArray

_BLOCK = 4096


def beside_supposed(graph: KernelGraph, supposed: Int32Array) -> BoolArray:
    """Whether a neighbor of each row has a supposed class, ``(n,) -> (n,)``; NO_NEIGHBOR: none."""
    beside = np.zeros(len(graph), dtype=np.bool_)
    _mark(graph.edges.starts, graph.edges.targets, supposed, beside)
    return beside


def with_supposed_votes(
    P: Float32Array,
    mass: Float32Array,
    nearest: Float32Array,
    rows: IntArray,
    supposed: Int32Array,
    graph: KernelGraph,
    weight: float,
    scale: float,
) -> Float32Array:
    """``(v P + w sum_j b_j e_j) / (v + w sum_j b_j)`` of some rows, ``(m, C) -> (m, C)``.

    ``j`` runs over a row's neighbors in the graph that have a ``supposed`` class ``(n,)``,
    NO_NEIGHBOR for none. ``e_j`` is that class and ``b_j = exp((s_j - s_1) scale)`` what a label
    as similar as ``j`` would vote, in units of the nearest label's vote, whose similarity ``s_1``
    is ``nearest`` ``(m,)``. In that unit all labels vote ``v``, ``mass`` ``(m,)``; ``weight`` is
    ``w``.
    """
    out = np.empty_like(P)

    def vote(start: int, stop: int) -> None:
        _vote(
            P, mass, nearest, rows, supposed, graph.edges.starts, graph.edges.targets,
            graph.similarities, weight, scale, start, stop, out,
        )  # fmt: skip

    over_rows(vote, len(rows), _BLOCK)
    return out


@kernel
def _mark(starts: IntArray, targets: Int32Array, supposed: Int32Array, beside: BoolArray) -> None:
    for row in range(len(supposed)):
        if supposed[row] != NO_NEIGHBOR:
            for at in range(starts[row], starts[row + 1]):
                beside[targets[at]] = True


@kernel
def _vote(
    P: Float32Array,
    mass: Float32Array,
    nearest: Float32Array,
    rows: IntArray,
    supposed: Int32Array,
    starts: IntArray,
    targets: Int32Array,
    similarities: Float32Array,
    weight: float,
    scale: float,
    start: int,
    stop: int,
    out: Float32Array,
) -> None:
    votes = np.empty(P.shape[1])
    for at in range(start, stop):
        edges = range(starts[rows[at]], starts[rows[at] + 1])
        closest = nearest[at]
        for edge in edges:
            if supposed[targets[edge]] != NO_NEIGHBOR:
                closest = max(closest, similarities[edge])
        most = (closest - nearest[at]) * scale  # votes in units of the strongest: none overflows
        total = mass[at] * math.exp(-most)
        for c in range(len(votes)):
            votes[c] = P[at, c] * total
        for edge in edges:
            label = supposed[targets[edge]]
            if label != NO_NEIGHBOR:
                vote = weight * math.exp((similarities[edge] - closest) * scale)
                votes[label] += vote
                total += vote
        for c in range(len(votes)):
            out[at, c] = votes[c] / total if total > 0.0 else P[at, c]
