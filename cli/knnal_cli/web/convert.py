"""The library's records as what the API answers with."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from knnal import types
from knnal.pool.labels import ledger
from knnal.pool.storage import Record
from knnal.session.question_selection import Question
from knnal_cli.web import reasons, schemas

FindItem = Callable[[str], schemas.Item]
"""An id to what is shown of its item."""

_SNIPPET = 280


def item_of(record: Record, *, whole: bool) -> schemas.Item:
    """An item; of its text the beginning alone, unless it is to be shown ``whole``."""
    text = record.text
    if text is not None and not whole and len(text) > _SNIPPET:
        text = text[:_SNIPPET].rstrip() + "…"
    return schemas.Item(id=record.id, image=record.path is not None, text=text)


def question_of(
    question: Question, note: str | None, whole: FindItem, brief: FindItem
) -> schemas.Question:
    chances = question.prediction.probabilities
    score = question.score
    return schemas.Question(
        item=whole(question.item),
        prediction=question.prediction.label,
        probability=_share(question.prediction.probability),
        chances=[
            schemas.Chance(label=name, probability=_share(chances[name]))
            for name in sorted(chances, key=lambda name: -chances[name])
        ],
        neighbors=neighbors_of(question.prediction.neighbors, brief),
        note=note,
        why=schemas.Why(
            origin=question.origin,
            summary=reasons.summary(question),
            strategy=None if score is None else score.strategy,
            score=None if score is None else score.value,
            terms=[
                schemas.Term(name=t.name, value=t.value, share=t.share, words=t.words)
                for t in reasons.terms(question)
            ],
        ),
    )


def neighbors_of(neighbors: Iterable[types.Neighbor], brief: FindItem) -> list[schemas.Neighbor]:
    return [
        schemas.Neighbor(
            item=brief(n.item), label=n.label, similarity=n.similarity, share=_share(n.share)
        )
        for n in neighbors
    ]


def event_of(event: ledger.Event) -> schemas.Event:
    return schemas.Event(
        seq=event.seq,
        kind=event.kind.value,
        item=event.item,
        label=event.label,
        annotator=event.annotator,
        at=event.at,
        origin=event.origin,
        text=event.text,
    )


def _share(value: float) -> float:
    """Without what rounding leaves outside of [0, 1]."""
    return min(max(value, 0.0), 1.0)
