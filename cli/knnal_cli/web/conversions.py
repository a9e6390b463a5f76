"""The library's records as what the API answers with."""

from __future__ import annotations

from collections.abc import Iterable

from knnal.collaboration.multi_user import MultiUserSession
from knnal.pool.labels.ledger import Event
from knnal.pool.storage import ItemCatalog, Record
from knnal.session.questions import Question
from knnal.types import Neighbor
from knnal_cli.web import explanation, responses

_SNIPPET = 280


def item_of(record: Record, *, whole: bool = False) -> responses.ItemOut:
    """An item; of its text the beginning alone, unless ``whole``."""
    text = record.text
    if text is not None and not whole and len(text) > _SNIPPET:
        text = text[:_SNIPPET].rstrip() + "…"
    return responses.ItemOut(id=record.id, image=record.path is not None, text=text)


def question_of(session: MultiUserSession, question: Question) -> responses.QuestionOut:
    """A question with the note on its item."""
    prediction, score = question.prediction, question.score
    catalog = session.pool.catalog
    chances = sorted(prediction.probabilities.items(), key=lambda chance: -chance[1])
    return responses.QuestionOut(
        item=item_of(catalog.get(question.item), whole=True),
        prediction=prediction.label,
        probability=_share(prediction.probability),
        chances=[responses.Chance(label=name, probability=_share(p)) for name, p in chances],
        neighbors=neighbors_of(prediction.neighbors, catalog),
        note=session.note_on(question.item),
        why=responses.Why(
            origin=question.origin,
            summary=explanation.summary(question),
            strategy=None if score is None else score.strategy,
            score=None if score is None else score.value,
            terms=explanation.terms(question),
        ),
    )


def neighbors_of(
    neighbors: Iterable[Neighbor], catalog: ItemCatalog
) -> list[responses.NeighborOut]:
    return [
        responses.NeighborOut(
            item=item_of(catalog.get(n.item)),
            label=n.label,
            similarity=n.similarity,
            share=_share(n.share),
        )
        for n in neighbors
    ]


def event_of(event: Event) -> responses.EventOut:
    return responses.EventOut.model_validate(event)


def _share(value: float) -> float:
    """Without what rounding leaves outside of [0, 1]."""
    return min(max(value, 0.0), 1.0)
