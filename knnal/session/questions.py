"""A chosen row as a question: everything that a front end shows of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from knnal.session.predictions import predict_items
from knnal.session.projection import PoolProjection
from knnal.session.question_selection import Choice
from knnal.types import Prediction, Score


@dataclass(frozen=True, slots=True)
class Question:
    """An item to ask about.

    Attributes
    ----------
    item : str
        Its id.
    path : Path or None
        Where an image lies.
    text : str or None
        The text of a text item.
    prediction : Prediction
        What the classifier predicts, with the nearest labeled items.
    score : Score or None
        The strategy's score; None for an item that it does not score, such as a labeled one.
    origin : str
        "asked" for the strategy's choice, "audit" for a uniform draw.
    remaining : int
        How many items can be asked about; of near-duplicates that are asked about once, one.
    near_duplicates : int or None
        How many others it stands for; None where near-duplicates are asked about one by one.
    """

    item: str
    path: Path | None
    text: str | None
    prediction: Prediction
    score: Score | None
    origin: str
    remaining: int
    near_duplicates: int | None = None


def question_for(replay: PoolProjection, choice: Choice) -> Question:
    """The question that asks about a chosen row, with what is predicted for it now."""
    record = replay.pool.catalog.at(choice.row)
    (prediction,) = predict_items(replay, [record.id], replay.state.vote)
    askable, groups = replay.askable, replay.groups
    if groups is None:
        remaining, others = int(np.count_nonzero(askable)), None
    else:
        remaining = groups.count(askable)
        members = groups.groups.members(choice.row)
        others = int(np.count_nonzero(askable[members[members != choice.row]]))
    return Question(
        item=record.id,
        path=record.path,
        text=record.text,
        prediction=prediction,
        score=choice.score,
        origin=choice.origin,
        remaining=remaining,
        near_duplicates=others,
    )
