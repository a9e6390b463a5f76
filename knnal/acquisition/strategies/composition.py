"""Products of any terms, composed by name: ``cdf(margin, local, uncovered)``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from knnal.acquisition.strategies.base import Strategy
from knnal.acquisition.strategies.cdf_product import CdfFactors
from knnal.acquisition.strategies.product import RawProduct
from knnal.acquisition.strategies.terms import term_of


def cdf(terms: Sequence[str]) -> type[Strategy]:
    """The product of the empirical CDFs of terms, each to the power 1."""
    return _composed(
        CdfFactors,
        terms,
        summary=f"product of the CDFs of {', '.join(terms)}",
        source="product of CDFs: Lyubimov, 'Learn faster with smarter data labeling'",
        formula=" x ".join(f"F({term})" for term in terms)
        + ", each F the share of the unlabeled pool that is at most as high",
    )


def product(terms: Sequence[str]) -> type[Strategy]:
    """The product of terms on their raw values, 1e-3 added to each uncertainty."""
    return _composed(
        RawProduct,
        terms,
        summary=f"product of {', '.join(terms)}",
        source="as 'product', on terms of your own",
        formula=f"{' x '.join(terms)}, on the raw values, 0.001 added to each uncertainty",
    )


def _composed(base: type[Strategy], terms: Sequence[str], **words: str) -> type[Strategy]:
    """A strategy class of those terms, shown by their own names."""
    body: dict[str, Any] = {
        "__doc__": words["summary"],
        "__module__": __name__,
        "terms": {term: term for term in terms},
        "needs_views": any(term_of(term).needs_views for term in terms),
        "incremental": True,
        "cost": "the update of each term, and a count of each over the pool"
        if base is CdfFactors
        else "the update of each term, and one pass over the scores",
        "covers": any(term_of(term).with_chosen for term in terms),
        **words,
    }
    return type(base.__name__, (base,), body)
