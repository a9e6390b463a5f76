"""Why an item is asked about, as people read it."""

from __future__ import annotations

from typing import Any

import pytest

from knnal.session.questions import Question
from knnal.types import Prediction, Score
from knnal_cli.web.explanation import summary, terms


def question(origin: str = "asked", chances: Any = None, **factors: float) -> Question:
    chances = chances or {}
    label = max(chances, key=lambda name: chances[name], default=None)
    prediction = Prediction("x", label, max(chances.values(), default=0.0), chances)
    score = Score("cdf-product", 0.5, factors) if factors else None
    return Question("x", None, None, prediction, score, origin, 9)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (question("audit", u=1.0), "at random"),
        (question("opinion", u=1.0), "second opinion"),
        (question(), "You opened it"),
        (question(u=1.0), "represents more of the pool"),
        (question(u=1.0, chances={"a": 0.6, "b": 0.4}), "improve the predictions"),
    ],
)
def test_a_sentence(asked: Question, words: str) -> None:
    assert words in summary(asked)


@pytest.mark.parametrize(
    ("chances", "words"),
    [
        ({"a": 0.5, "b": 0.4, "c": 0.1}, "undecided between a and b"),
        ({"a": 0.2, "b": 0.7, "c": 0.1}, "b rather than a"),
        ({"a": 0.05, "b": 0.95}, "fairly sure of b"),
        ({"a": 1.0}, "no labels to predict from yet"),
    ],
)
def test_uncertainty(chances: dict[str, float], words: str) -> None:
    (term,) = terms(question(chances=chances, u=0.4))
    assert (term.name, term.value, term.share, term.words) == ("uncertainty", 0.4, 0.4, words)


def test_density_and_diversity() -> None:
    _, density, diversity = terms(question(u=0.1, i=7.5, d=0.25, id=1.875, F_u=0.3))
    assert (density.name, density.value, density.share) == ("density", 7.5, None)
    assert diversity.words == "labels cover 75% of its neighborhood"
    assert terms(question(d=1.0))[0].words == "labels cover none of its neighborhood"
    assert terms(question("audit", u=0.1, i=7.5, d=0.25)) == []
