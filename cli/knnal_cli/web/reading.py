"""What can be looked at in a pool while people label it."""

from __future__ import annotations

from dataclasses import asdict
from itertools import islice
from pathlib import Path

from knnal.collaboration.desk import MultiUserSession
from knnal.pool.storage import Record
from knnal.quality.review import Review
from knnal.session import question_selection as asking
from knnal_cli.web import schemas
from knnal_cli.web.convert import event_of, item_of, neighbors_of, question_of


class Reader:
    """Reads through the desk, each time for as short as it takes to look something up."""

    def __init__(self, desk: MultiUserSession) -> None:
        self._desk = desk

    def question(self, question: asking.Question) -> schemas.Question:
        with self._desk.reading() as (pool, ledger):
            get = pool.catalog.get
            return question_of(
                question,
                ledger.note(question.item),
                lambda item: item_of(get(item), whole=True),
                lambda item: item_of(get(item), whole=False),
            )

    def record(self, item: str) -> tuple[Record, list[Path]]:
        """An item as stored, and the folders that were embedded. Raises InputError."""
        with self._desk.reading() as (pool, _):
            return pool.catalog.get(item), pool.catalog.sources()

    def snippet(self, item: str) -> schemas.Item:
        """An item as lists show it. Raises InputError."""
        with self._desk.reading() as (pool, _):
            return item_of(pool.catalog.get(item), whole=False)

    def looked(self, item: str) -> schemas.Looked:
        """One item, its prediction by the others' labels, and its own. Raises InputError."""
        question = self._desk.look(item)
        with self._desk.reading() as (_, ledger):
            decision = ledger.decision(item)
        return schemas.Looked(
            question=self.question(question),
            decision=None if decision is None else event_of(decision),
        )

    def history(self, before: int | None, limit: int, search: str) -> schemas.History:
        """Decisions in force, the latest first, with a text in item, label, person or note."""
        wanted = search.casefold()
        with self._desk.reading() as (_, ledger):
            decisions = [(e, ledger.note(str(e.item)) or "") for e in ledger.decisions()]
        events = [
            event
            for event, note in decisions
            if (before is None or event.seq < before)
            and wanted in f"{event.item}\n{event.label}\n{event.annotator}\n{note}".casefold()
        ]
        events.sort(key=lambda event: -event.seq)
        with self._desk.reading() as (pool, ledger):
            entries = [
                schemas.Entry(
                    event=event_of(event),
                    item=item_of(record, whole=False),
                    note=ledger.note(record.id),
                )
                for event in events[:limit]
                if (record := pool.catalog.find(str(event.item))) is not None
            ]
        return schemas.History(entries=entries, more=len(events) > limit)

    def conflicts(self, limit: int) -> list[schemas.Conflict]:
        """Labels that a second opinion speaks against, unsettled, oldest first."""
        with self._desk.reading() as (pool, ledger):
            return [
                schemas.Conflict(
                    item=item_of(pool.catalog.get(str(first.item)), whole=False),
                    label=str(first.label),
                    annotator=first.annotator,
                    other_label=str(opinion.label),
                    other_annotator=opinion.annotator,
                )
                for first, opinion in islice(ledger.conflicts(), limit)
            ]

    def suspects(self, limit: int) -> list[schemas.Suspect]:
        """Labels of items that have changed since, then labels that two people disagree on, then
        those that are probably wrong, the most suspicious first.
        """
        found = self._desk.work(lambda session: Review(session).suspects(limit))
        with self._desk.reading() as (pool, _):

            def brief(item: str) -> schemas.Item:
                return item_of(pool.catalog.get(item), whole=False)

            return [
                schemas.Suspect(
                    item=brief(suspect.item),
                    label=suspect.label,
                    annotator=suspect.annotator,
                    opinions=[schemas.Opinion(**asdict(one)) for one in suspect.opinions],
                    outdated=suspect.outdated,
                    suspicion=suspect.suspicion,
                    prediction=suspect.prediction.label,
                    probability=min(suspect.prediction.probability, 1.0),
                    against=neighbors_of(suspect.against, brief),
                )
                for suspect in found
            ]
