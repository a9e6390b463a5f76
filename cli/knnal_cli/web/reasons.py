"""Why an item is asked about, in words."""

from __future__ import annotations

from dataclasses import dataclass

from knnal.pool.labels.ledger import AUDIT, OPINION
from knnal.session.question_selection import Question

_UNSURE, _TORN = 0.35, 0.7


@dataclass(frozen=True, slots=True)
class Term:
    """A term of the score: what it is called, its value, and what that means for this item.

    ``share`` is the value where it lies in [0, 1], for a bar.
    """

    name: str
    value: float
    share: float | None
    words: str


def summary(question: Question) -> str:
    """In a sentence, why this item."""
    if question.origin == AUDIT:
        return "Drawn at random, to measure the accuracy."
    if question.origin == OPINION:
        return "Someone else has labeled it. Yours is a second opinion."
    if question.score is None:
        return "You opened it."
    if question.prediction.label is None:
        return "It represents more of the pool than any other item."
    return "Its label is expected to improve the predictions the most."


def terms(question: Question) -> list[Term]:
    """Uncertainty, density and diversity, where the strategy scores by them."""
    if question.score is None or question.origin in (AUDIT, OPINION):
        return []
    factors = question.score.factors
    found = []
    if "u" in factors:
        found.append(Term("uncertainty", factors["u"], _share(factors["u"]), _certainty(question)))
    if "i" in factors:
        words = "how many items are similar, weighted by similarity"
        found.append(Term("density", factors["i"], _share(factors["i"]), words))
    if "d" in factors:
        d = factors["d"]
        near = "none of its neighborhood" if d > 0.995 else f"{1 - d:.0%} of its neighborhood"
        covered = f"labels cover {near}"
        found.append(Term("diversity", d, _share(d), covered))
    return found


def _share(value: float) -> float | None:
    return value if 0.0 <= value <= 1.0 else None


def _certainty(question: Question) -> str:
    chances = question.prediction.probabilities
    if question.prediction.label is None or len(chances) < 2:
        return "no labels to predict from yet"
    first, second = sorted(chances, key=lambda name: -chances[name])[:2]
    gap = chances[first] - chances[second]
    if gap < 1 - _TORN:
        return f"undecided between {first} and {second}"
    return f"{first} rather than {second}" if gap < 1 - _UNSURE else f"fairly sure of {first}"
