"""The terms that scores are made of. A package adds its own by an entry point."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from knnal.acquisition.hypothetical import HypotheticalState
from knnal.acquisition.state import PoolState
from knnal.registry import Registry
from knnal.types import Float32Array

TERMS = Registry("knnal.terms", "term")

ALIASES = {"margin": "smallest-margin"}
"""Other names of terms in compositions."""


@dataclass(frozen=True, slots=True)
class Term:
    """A value for every row of a pool, to be maximized.

    Parameters
    ----------
    summary : str
        What it measures, in a line.
    of : callable
        The values ``(rows,)`` by a pool's state.
    with_chosen : callable, optional
        The same values once the rows chosen for a batch count as labeled. Needed for a term that
        falls near labels, whatever their classes.
    is_uncertainty : bool
        Whether the term is 0 where the classifier is sure. Products of raw values raise it.
    needs_views : bool
        Whether it needs augmented views of the items.
    """

    summary: str
    of: Callable[[PoolState], Float32Array]
    with_chosen: Callable[[HypotheticalState], Float32Array] | None = None
    is_uncertainty: bool = False
    needs_views: bool = False


def term_of(name: str) -> Term:
    """The term of a registered name. Raises as ``Registry.load`` does."""
    term: Term = TERMS.load(name)
    return term


def _uncertainty(measure: str, summary: str) -> Term:
    return Term(summary, lambda state: state.uncertainty(measure), is_uncertainty=True)


LEAST_CONFIDENCE = _uncertainty(
    "least-confidence", "1 - p1: the probability of all but the likeliest class"
)
SMALLEST_MARGIN = _uncertainty(
    "smallest-margin", "1 - (p1 - p2): how close the two likeliest classes are"
)
LARGEST_MARGIN = _uncertainty(
    "largest-margin", "1 - (p1 - pC): how close the likeliest and unlikeliest classes are"
)
ENTROPY = _uncertainty("entropy", "-sum p log p: how even the class probabilities are")
LOCAL = Term(
    "kernel mass of the item's neighborhood on the neighbor graph",
    lambda state: state.local_density,
)
UNCOVERED = Term(
    "share of the local density that no label covers yet",
    PoolState.uncovered,
    HypotheticalState.uncovered,
)
COVERAGE_GAIN = Term(
    "local x uncovered: the kernel mass that a label would newly cover",
    PoolState.coverage_gain,
    HypotheticalState.coverage_gain,
)
DISTANCE = Term(
    "1 - similarity to the nearest label", PoolState.distance, HypotheticalState.distance
)
