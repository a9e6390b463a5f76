"""What there is to say of a strategy, from its class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from knnal.acquisition.strategies.base import ALIASES, COMPOSITIONS, TERMS, Strategy

MEANINGS = {
    "least-confidence": "1 - p1: what is left beside the likeliest class",
    "smallest-margin": "1 - (p1 - p2): how close the two likeliest classes are",
    "largest-margin": "1 - (p1 - pC): how close the likeliest and unlikeliest classes are",
    "entropy": "-sum p log p: how even the class probabilities are",
    "inconsistency": "share of random feature masks that predict another class than all features",
    "disagreement": "mutual information of the label and the vote under random feature masks",
    "response-entropy": "entropy of the votes on the item's augmented views, on average",
    "local": "kernel mass of the item's neighborhood on the neighbor graph",
    "global": "mean similarity to the whole pool",
    "uncovered": "share of the local density that no label covers yet",
    "coverage-gain": "local x uncovered: the kernel mass that a label would newly cover",
    "distance": "1 - similarity to the nearest label",
    "distance-as-printed": "1 - distance to the farthest label",
}
"""The terms in words; one of another package has none."""


@dataclass(frozen=True, slots=True)
class Description:
    """A strategy in words. ``terms`` has what each factor is; ``incremental`` None: not said."""

    name: str
    summary: str
    formula: str
    source: str
    terms: Mapping[str, str]
    needs: str
    incremental: bool | None
    cost: str


def describe(name: str, strategy: type[Strategy]) -> Description:
    """What a strategy class says of itself, under the name that it is known by."""
    return Description(
        name,
        strategy.summary,
        strategy.formula or strategy.summary,
        strategy.source,
        {shown: _meaning(term) for shown, term in strategy.terms.items()},
        strategy.needs,
        strategy.incremental,
        strategy.cost,
    )


def compositions() -> str:
    """The forms that compositions take, in a line."""
    return ", ".join(f"{name}(TERM, ...)" for name in COMPOSITIONS.names())


def terms_in_words() -> list[str]:
    """Every term that can be composed, with what it means and what else it is called."""
    others = {term: f" (or {alias})" for alias, term in ALIASES.items()}
    return [f"{_meaning(term)}{others.get(term, '')}" for term in TERMS]


def _meaning(term: str) -> str:
    meaning = MEANINGS.get(term)
    return term if meaning is None else f"{term}: {meaning}"
