"""Strategies and terms in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from knnal.acquisition.strategies.base import COMPOSITIONS, Strategy
from knnal.acquisition.strategies.terms import ALIASES, TERMS, term_of


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
        {factor: _meaning(term) for factor, term in strategy.terms.items()},
        strategy.needs,
        strategy.incremental,
        strategy.cost,
    )


def compositions() -> str:
    """The forms that compositions take, in a line."""
    return ", ".join(f"{name}(TERM, ...)" for name in COMPOSITIONS.names())


def terms_in_words(terms: Iterable[str]) -> list[str]:
    """Terms with what they mean and what else they are called."""
    others = {term: f" (or {alias})" for alias, term in ALIASES.items()}
    return [f"{_meaning(term)}{others.get(term, '')}" for term in terms]


def _meaning(term: str) -> str:
    return f"{term}: {term_of(term).summary}" if term in TERMS.names() else term
