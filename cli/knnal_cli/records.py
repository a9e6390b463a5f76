"""The library's records as plain values for JSON."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from knnal.acquisition.strategies.search_progress import SearchProgress
    from knnal.quality.label_errors import Suspect
    from knnal.session.questions import Question
    from knnal.types import Prediction

_ESCAPED = {code: f"\\u{code:04x}" for code in range(0x7F, 0xA0)}
"""The control characters that the json module leaves as they are."""


def question_record(question: Question, search: SearchProgress | None = None) -> dict[str, Any]:
    """``id``, ``path`` or ``text``, ``prediction``, ``score`` with its factors, ``neighbors``; and
    if so asked, ``near_duplicates``, and ``seek``: how the search for a class stands.
    """
    record = _item_record(question)
    predicted = _predicted(question.prediction, record)
    score = question.score
    record["score"] = score and {
        "strategy": score.strategy,
        "value": score.value,
        "factors": dict(score.factors),
    }
    record["origin"] = question.origin
    if question.near_duplicates is not None:
        record["near_duplicates"] = question.near_duplicates
    if search is not None:
        record["seek"] = asdict(search)
    record["neighbors"] = predicted["neighbors"]
    return record


def suspect_record(suspect: Suspect) -> dict[str, Any]:
    """``id``, ``path`` or ``text``, ``prediction`` by the others' labels, ``label`` and its
    ``annotator``, other people's ``opinions``, whether the label is ``outdated`` (the item has
    changed since), ``suspicion``, whether ``confident``, on which class two models ``voted``,
    ``neighbors``.
    """
    record = _item_record(suspect)
    predicted = _predicted(suspect.prediction, record)
    record["label"], record["annotator"] = suspect.label, suspect.annotator
    record["opinions"] = [asdict(opinion) for opinion in suspect.opinions]
    for name in ("outdated", "suspicion", "confident", "voted"):
        record[name] = getattr(suspect, name)
    record["neighbors"] = predicted["neighbors"]
    return record


def _item_record(subject: Question | Suspect) -> dict[str, Any]:
    record: dict[str, Any] = {"id": subject.item}
    if subject.path is not None:
        record["path"] = str(subject.path)
    if subject.text is not None:
        record["text"] = subject.text
    return record


def _predicted(prediction: Prediction, record: dict[str, Any]) -> dict[str, Any]:
    """The prediction, its part without neighbors put into the record."""
    predicted = prediction_record(prediction, neighbors=True)
    record["prediction"] = {
        name: predicted[name] for name in ("label", "probability", "probabilities")
    }
    return predicted


def prediction_record(prediction: Prediction, *, neighbors: bool) -> dict[str, Any]:
    """``id``, ``label``, ``probability``, ``probabilities``, and ``neighbors`` if wanted."""
    record: dict[str, Any] = {
        "id": prediction.item,
        "label": prediction.label,
        "probability": prediction.probability,
        "probabilities": dict(prediction.probabilities),
    }
    if neighbors:
        record["neighbors"] = [
            {"id": n.item, "label": n.label, "similarity": n.similarity, "share": n.share}
            for n in prediction.neighbors
        ]
    return record


def print_json(value: Any) -> None:
    """One JSON document on a line of stdout, control characters escaped."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False).translate(_ESCAPED) + "\n")
