"""The items of a map: where each lies, what it is, and what it may be colored by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np

from knnal.acquisition.strategies.base import PoolView, create_strategy
from knnal.index.pool_index import UNLABELED
from knnal.quality.inspection.inspecting import Predicted
from knnal.session.question_selection import question_rng
from knnal.session.session import Session
from knnal.types import Float32Array, FloatArray, Int32Array


class Color(StrEnum):
    """What a point's color tells."""

    LABEL = "label"
    PREDICTION = "prediction"
    SCORE = "score"


@dataclass(frozen=True)
class MapPoints:
    """``m`` items. ``positions`` ``(m, 2)``; ``labels`` and ``predictions`` ``(m,)`` are numbers
    into ``classes``, UNLABELED for none; ``probabilities`` ``(m,)`` of the predictions; ``scores``
    ``(m,)`` by the strategy, NaN for what it does not score. ``texts`` and ``paths`` are None where
    the items have none.
    """

    positions: Float32Array
    classes: Sequence[str]
    labels: Int32Array
    predictions: Int32Array
    probabilities: Float32Array
    scores: FloatArray
    strategy: str
    ids: Sequence[str]
    texts: Sequence[str | None]
    paths: Sequence[Path | None]

    def __len__(self) -> int:
        return len(self.ids)


def map_points(
    session: Session,
    layout: Float32Array,
    predicted: Predicted,
    *,
    strategy: str,
    seed: int,
) -> MapPoints:
    """The live items of a session, by row. ``layout`` ``(rows, 2)`` has their positions."""
    rows = np.flatnonzero(session.geometry.live)
    wanted = set(rows.tolist())
    there = [record for record in session.pool.catalog.records() if record.row in wanted]
    return MapPoints(
        positions=layout[rows],
        classes=session.classes,
        labels=session.state.labeling.classes[rows],
        predictions=predicted.classes[rows],
        probabilities=predicted.probabilities[rows],
        scores=_scores(session, strategy, seed)[rows],
        strategy=strategy,
        ids=[record.id for record in there],
        texts=[record.text for record in there],
        paths=[record.path for record in there],
    )


def default_color(points: MapPoints) -> Color:
    """The predictions, if there are any; else the scores, which need no label."""
    return Color.PREDICTION if (points.predictions != UNLABELED).any() else Color.SCORE


def _scores(session: Session, strategy: str, seed: int) -> FloatArray:
    """By the strategy, of the unlabeled rows; NaN for the others, ``(rows,)``."""
    allowed = np.zeros(len(session.geometry), dtype=np.bool_)
    allowed[session.candidates] = True
    view = PoolView(session.state, allowed, question_rng(seed, session.ledger.step))
    scores = np.full(len(session.geometry), np.nan)
    scores[view.rows] = create_strategy(strategy).score(view).values
    return scores
