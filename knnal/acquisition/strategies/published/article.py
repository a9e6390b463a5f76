"""The article's own terms under the product of CDFs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from knnal.acquisition.strategies.cdf_factors import CdfFactors


class Article(CdfFactors):
    """Smallest margin, mean similarity to the pool, and distance to the nearest labeled item.

    The diversity is the one that the article's prose describes.
    """

    summary: ClassVar[str] = (
        "product of the CDFs of smallest margin, mean similarity to the pool, distance to labels"
    )
    source: ClassVar[str] = "Lyubimov, 'Learn faster with smarter data labeling', corrected"
    formula: ClassVar[str] = (
        "F(u) x F(i) x F(d): each F is the share of the unlabeled pool that is at most as high"
    )
    incremental: ClassVar[bool] = True
    cost: ClassVar[str] = "the classifier's update, and a count over the pool for each factor"
    covers: ClassVar[bool] = True
    terms: ClassVar[Mapping[str, str]] = {"u": "smallest-margin", "i": "global", "d": "distance"}


class ArticleAsPrinted(Article):
    """The same with the diversity as the formula in the article has it, ``1 - max distance``.

    It rewards staying close to what is labeled; kept to reproduce the printed method.
    """

    summary: ClassVar[str] = "as 'article', with its diversity as printed: 1 - max distance"
    source: ClassVar[str] = "Lyubimov, 'Learn faster with smarter data labeling', as printed"
    cost: ClassVar[str] = "as 'article', and a pass X @ q over the pool's vectors"
    terms: ClassVar[Mapping[str, str]] = {**Article.terms, "d": "distance-as-printed"}
