"""Why an item is asked about, in words."""

from __future__ import annotations

from dataclasses import dataclass

from knnal.pool.labels.ledger import AUDIT, OPINION
from knnal.session.questions import Question

_LIKELY, _CERTAIN = 0.3, 0.65
"""Gaps between the two likeliest classes, from which on the first is likely, or certain."""


@dataclass(frozen=True, slots=True)
class ScoreTerm:
    """A term of the score: its name, its value, and what that means for this item.

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


def terms(question: Question) -> list[ScoreTerm]:
    """Uncertainty, density and diversity, where the strategy scores by them."""
    if question.score is None or question.origin in (AUDIT, OPINION):
        return []
    factors = question.score.factors
    d = factors.get("d", 1.0)
    near = "none of its neighborhood" if d > 0.995 else f"{1 - d:.0%} of its neighborhood"
    words = {
        "u": ("uncertainty", _uncertainty(question)),
        "i": ("density", "how many items are similar, weighted by similarity"),
        "d": ("diversity", f"labels cover {near}"),
    }
    return [
        ScoreTerm(name, value, value if 0.0 <= value <= 1.0 else None, meaning)
        for factor, (name, meaning) in words.items()
        if (value := factors.get(factor)) is not None
    ]


def _uncertainty(question: Question) -> str:
    chances = question.prediction.probabilities
    if question.prediction.label is None or len(chances) < 2:
        return "no labels to predict from yet"
    first, second = sorted(chances, key=lambda name: -chances[name])[:2]
    gap = chances[first] - chances[second]
    if gap < _LIKELY:
        return f"undecided between {first} and {second}"
    return f"{first} rather than {second}" if gap < _CERTAIN else f"fairly sure of {first}"
