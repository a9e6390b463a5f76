"""Ask, tell, undo: the labeling session without a screen. Every front end drives this one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from knnal import defaults
from knnal.acquisition.state import PoolState
from knnal.acquisition.strategies.search_progress import SearchProgress, sought
from knnal.classifiers.base import PoolIndex
from knnal.classifiers.vote import VoteOptions
from knnal.errors import PoolUnwritableError
from knnal.index.kernel_graph import KernelGraph
from knnal.names import checked_name
from knnal.pool.graph_file import stored_graph
from knnal.pool.index_files import stored_reduction, stored_views
from knnal.pool.labels.ledger import AUDIT, NAMED, Event, EventKind
from knnal.pool.labels.log import Offer
from knnal.pool.pool import Pool
from knnal.session.look_ahead import LookAhead
from knnal.session.predictions import predict_items, predict_vectors
from knnal.session.projection import PoolProjection
from knnal.session.question_selection import Question, QuestionSelector
from knnal.session.recording import Recording, require_unlabeled
from knnal.session.schedule import Schedule
from knnal.session.stability import Stability
from knnal.types import FloatArray, IntArray, LogNarrator, Narrator, Prediction


class Session(Recording):
    """Labels a pool, one answer at a time.

    ``audit`` is the share of questions drawn uniformly instead of by the strategy; their answers
    are compared with the prediction made before they are learned. Nothing is random but by
    ``seed`` and the number of decisions in the log, so the same log asks the same question.

    With ``per_group``, a similarity such as 0.95, items at least so similar form groups that are
    asked about once: when one has a label or is skipped, the others wait until that is undone.
    ``seek`` is a class to look for, instead of asking what teaches most, as soon as an item of it
    and three of other classes have labels.

    Raises UnknownNameError for a strategy or classifier that is not registered, InputError for an
    audit share outside [0, 1) and a similarity outside (0, 1). ``geometry`` is read from the pool
    unless it is at hand already.
    """

    def __init__(
        self,
        pool: Pool,
        *,
        strategy: str = defaults.STRATEGY,
        classifier: str = defaults.CLASSIFIER,
        vote: VoteOptions | None = None,
        audit: float = 0.0,
        seed: int = defaults.SEED,
        annotator: str | None = None,
        per_group: float | None = None,
        seek: str | None = None,
        geometry: PoolIndex | None = None,
        narrator: Narrator | None = None,
    ) -> None:
        self.temperature: float | None = None
        """What the probabilities of ``predict`` and ``predict_vectors`` are calibrated by."""
        self._vote = vote or VoteOptions()
        self._narrator = narrator or LogNarrator()
        geometry = geometry or stored_geometry(pool, narrator)
        replay = PoolProjection(pool, geometry, classifier, self._vote, per_group, narrator)
        super().__init__(pool, replay, annotator)
        self._seek = None if seek is None else checked_name(seek)
        self._asker = QuestionSelector(self._replay, strategy, self._vote, audit, seed, self._seek)
        self._stability = Stability(self._replay)
        self._speculation = LookAhead(self._replay, self._asker, self._stability.look)
        self._asked: Question | None = None
        self._asked_after = 0  # the number of the last event by then
        self._following: Question | None = None

    # What is known

    @property
    def per_group(self) -> bool:
        """Whether near-duplicates are asked about once."""
        return self._replay.groups is not None

    def group_of(self, item: str) -> str | None:
        """The first item of an item's group of near-duplicates.

        None for one that is alone, and where near-duplicates are asked about one by one. Raises
        InputError for an id that the pool does not hold.
        """
        row, groups = self._replay.row(item), self._replay.groups
        if groups is None:
            return None
        members = groups.groups.members(row)
        return self.pool.catalog.at(int(members[0])).id if len(members) > 1 else None

    @property
    def sought(self) -> SearchProgress | None:
        """How the search for the class to seek stands; None where there is none."""
        return None if self._seek is None else sought(self.ledger, self._seek)

    @property
    def geometry(self) -> PoolIndex:
        """What is known of the pool's vectors without any label; it never changes."""
        return self._replay.state.geometry

    @property
    def state(self) -> PoolState:
        """Predictions and score terms of every row."""
        return self._settled.state

    @property
    def candidates(self) -> IntArray:
        """The rows that may be asked about: there, without a label, not skipped."""
        return np.flatnonzero(self._settled.askable)

    def predict(self, items: Sequence[str]) -> list[Prediction]:
        """What the classifier says of pool items, labeled ones by the others' labels alone.

        Raises InputError for an id that the pool does not hold.
        """
        return predict_items(self._settled, items, self._vote, self.temperature)

    def predict_vectors(self, names: Sequence[str], vectors: FloatArray) -> list[Prediction]:
        """What the classifier says of embeddings from outside the pool, ``(m, d)``.

        Raises InputError for vectors of another dimension than the pool's.
        """
        return predict_vectors(self._settled, names, vectors, self._vote, self.temperature)

    def agreement(self) -> float | None:
        """How far the predictions agree with those without the latest label: Cohen's kappa.

        None where there are not two labels, or where only one class is predicted.
        """
        self.refresh()
        self.stop_anticipating()
        return self._stability.look()

    def explain(self, item: str) -> Question:
        """The question that asking about the item would be: its prediction, neighbors, score.

        Raises InputError for an id that the pool does not hold.
        """
        self.refresh()
        return self._asker.explain(self._settled.row(item))

    # What to ask

    def ask(self) -> Question | None:
        """The next item to label, or None when nothing is left to ask about."""
        self.refresh()
        question, self._following = self._following, None
        if question is None:
            self._speculation.cancel()
            question = self._asker.next()
        self._asked, self._asked_after = question, self.ledger.last_seq
        return None if question is None else self._offer([question])[0]

    def anticipate(self) -> None:
        """Prepare, in the background, what to ask after each likely answer to the last question.

        ``tell`` and ``ask`` are then a look-up; their results are the same. Anything else that is
        asked of the session first gives it up.
        """
        asked = self._asked
        # Classes may have gone since, by an undo or for another name.
        if asked is not None and set(asked.prediction.probabilities) <= set(self.classes):
            self._speculation.begin(asked)

    def foreseen(self) -> list[Question]:
        """The questions that ``anticipate`` has prepared by now, after the likeliest answer first.

        May be called from another thread than the one that uses the session.
        """
        return self._speculation.foreseen()

    def settle(self) -> None:
        """Wait until what ``anticipate`` has begun is done."""
        self._speculation.wait()

    def stop_anticipating(self) -> None:
        """Give up what ``anticipate`` has begun, and what it has prepared."""
        self._speculation.cancel()
        self._following = None

    def ask_many(self, count: int | Schedule) -> list[Question]:
        """Up to ``count`` items to label at once, or the next round of a schedule; none repeats
        another: each choice covers its neighborhood before the next. The first one is what would
        be asked alone.
        """
        self.refresh()
        self._speculation.cancel()
        if isinstance(count, Schedule):
            count = count.size(self.ledger.label_count)
        return self._offer(self._asker.choose(count))

    def rank(self, count: int) -> list[Question]:
        """The ``count`` candidates of highest score, best first, ties by lower row.

        Each is scored by itself: near-copies of one another come together. ``ask_many`` spreads.
        """
        self.refresh()
        self._speculation.cancel()
        return self._asker.rank(count)

    # What is answered

    def tell(self, item: str, label: str, *, batch: int | None = None) -> Event:
        """Label an item. The label is on disk when this returns.

        ``batch`` is the number of an earlier label, to be undone together with it.

        Raises InputError for an unknown item or an empty label, LabelConflictError for an item
        that has a label already.
        """
        label = checked_name(label)
        item = self._replay.known(item).id
        offer = self._offered(item)
        with self.pool.log.writing(self._catch_up):
            require_unlabeled(self.ledger, item)
            prepared = self._speculation.prepared(item, label)
            events = self.pool.log.append_label(
                EventKind.LABEL,
                label,
                new_class=self.ledger.lacks_class(label),
                annotator=self.annotator,
                item=item,
                batch=self.ledger.joinable(batch, self.annotator),
                **self._provenance(item, offer, prepared),
            )
        if prepared:
            self._following = self._speculation.take(label)
            self._replay.note(events)
        else:
            self._apply(events)
        return events[0]

    def skip(self, item: str) -> Event:
        """Set an item aside: it is not asked about again. Raises as ``tell`` does."""
        item = self._replay.known(item).id
        offer = self._offered(item)
        with self.pool.log.writing(self._catch_up):
            require_unlabeled(self.ledger, item)
            event = self.pool.log.append(
                EventKind.SKIP,
                annotator=self.annotator,
                item=item,
                origin=offer.origin if offer else NAMED,
                strategy=offer.strategy if offer else None,
            )
        self._apply([event])
        return event

    @property
    def _settled(self) -> PoolProjection:
        """The replay, its state that of the labels in force."""
        self.stop_anticipating()
        return self._replay

    def _offer(self, questions: list[Question]) -> list[Question]:
        offers = {q.item: offer_of(q, self.ledger.last_seq) for q in questions}
        try:
            self.pool.log.offer({item: offer for item, offer in offers.items() if offer})
        except PoolUnwritableError as error:  # the question can be asked all the same
            self._narrator.say(f"What was asked about is not recorded. {error}")
        return questions

    def _offered(self, item: str) -> Offer | None:
        """How the item came to be asked about, or None.

        A draw for the audit that this annotator passed over is none any more: which of those are
        answered later after all is not left to chance.
        """
        offer = self.pool.log.offered(item)
        if offer is None or offer.origin != AUDIT:
            return offer
        passed = self.pool.log.has_answered_since(self.annotator, offer.after, item)
        return None if passed else offer

    def _provenance(self, item: str, offer: Offer | None, prepared: bool) -> dict[str, Any]:
        """How the item came to be labeled, what was predicted before its label is learned, and how
        far the label before it had moved the predictions.
        """
        asked = self._asked
        if not prepared:
            self.stop_anticipating()
        if asked is not None and (prepared or self._is_as_asked(asked, item)):
            prediction = asked.prediction
        else:
            (prediction,) = predict_items(self._replay, [item], self._vote)
        return provenance(offer, prediction, self._stability.look())

    def _is_as_asked(self, asked: Question, item: str) -> bool:
        """Whether the question is about the item, and nothing has happened since it was asked."""
        return asked.item == item and self._asked_after == self.ledger.last_seq


def stored_geometry(pool: Pool, narrator: Narrator | None = None) -> PoolIndex:
    """What is known of a pool's vectors, from the files in its folder."""
    live = pool.live
    return PoolIndex(
        pool.embeddings,
        live,
        reduced=lambda: stored_reduction(pool, live, narrator),
        graph=lambda: KernelGraph(stored_graph(pool, live, narrator)),
        views=stored_views(pool, live, narrator),
    )


def offer_of(question: Question, after: int) -> Offer | None:
    """What the log is to remember of a question's choice; None for one without a score.

    ``after`` is the number of the last event in the log by then.
    """
    score = question.score
    if score is None:
        return None
    scores = {"value": score.value, **score.factors}
    return Offer(question.origin, score.strategy, scores, after)


def provenance(
    offer: Offer | None, prediction: Prediction, agreement: float | None
) -> dict[str, Any]:
    """The fields of a label's event that tell how the item was chosen, and what was thought of it
    before; ``agreement`` is of the predictions with those before the latest label.
    """
    predicted: dict[str, Any] = {}
    if prediction.label is not None:
        predicted = {"prediction": prediction.label, "probability": prediction.probability}
    if agreement is not None:
        predicted["agreement"] = agreement
    if offer is None:
        return {"origin": NAMED, "strategy": None, "scores": predicted}
    return {
        "origin": offer.origin,
        "strategy": offer.strategy,
        "scores": {**offer.scores, **predicted},
    }
