"""Ask, tell, undo: the labeling session without a screen. Every front end drives this one."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Sequence
from typing import Concatenate, ParamSpec, TypeVar

import numpy as np

from knnal import defaults
from knnal.acquisition.state import PoolState
from knnal.acquisition.strategies.search_progress import SearchProgress, progress_of
from knnal.classifiers.vote import VoteOptions
from knnal.errors import PoolUnwritableError
from knnal.index.pool_index import PoolIndex
from knnal.names import checked_name
from knnal.pool.index_files import stored_index
from knnal.pool.labels.ledger import NAMED, Event, Ledger
from knnal.pool.pool import Pool
from knnal.pool.storage import Offer
from knnal.session.decisions import Decisions, Scores
from knnal.session.look_ahead import LookAhead
from knnal.session.predictions import predict_items, predict_vectors
from knnal.session.projection import PoolProjection
from knnal.session.question_selection import Choice, QuestionSelector
from knnal.session.questions import Question, question_for
from knnal.session.schedule import Schedule
from knnal.session.stability import Stability
from knnal.types import FloatArray, IntArray, LogNarrator, Narrator, Prediction

P = ParamSpec("P")
Result = TypeVar("Result")


def _decision(
    verb: Callable[Concatenate[Decisions, P], Result],
) -> Callable[Concatenate[Session, P], Result]:
    """The verb as a method of a session."""

    @functools.wraps(verb)
    def decide(session: Session, /, *args: P.args, **kwargs: P.kwargs) -> Result:
        return verb(session.decisions, *args, **kwargs)

    return decide


class Session:
    """Labels a pool, one answer at a time.

    The same log and ``seed`` give the same questions.

    Parameters
    ----------
    pool : Pool
        The pool to label.
    strategy : str
        A registered query strategy, or a composition such as ``cdf(margin, local)``.
    classifier : str
        A registered classifier.
    vote : VoteOptions, optional
        How neighbors vote.
    audit : float
        Share of questions, in [0, 1), that are drawn uniformly instead of by the strategy. Their
        answers are compared with what was predicted before, which estimates the accuracy.
    seed : int
        Random seed.
    annotator : str, optional
        Who labels; by default the logged-in user.
    per_group : float, optional
        Similarity, in (0, 1), from which on items are near-duplicates and asked about once: when
        one is labeled or skipped, the others wait until that is undone.
    seek : str, optional
        A rare class to search for instead of asking about the most informative items, once an item
        of it and three of other classes have labels.
    geometry : PoolIndex, optional
        The index of the pool's vectors, if it is loaded already.
    narrator : Narrator, optional
        Receives progress and remarks.

    Raises
    ------
    UnknownNameError
        For a strategy or classifier that is not registered.
    InputError
        For a share or a similarity out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from knnal import Pool, Session
    >>> X = np.array([[0.0, 1.0], [0.1, 1.0], [1.0, 0.0], [1.0, 0.1]])
    >>> session = Session(Pool.in_memory(X))
    >>> question = session.ask()
    >>> _ = session.tell(question.item, "up" if int(question.item) < 2 else "right")
    >>> len(session.candidates)
    3
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
        self.pool = pool
        self.temperature: float | None = None
        """The temperature of the probabilities that ``predict`` and ``predict_vectors`` return."""
        self._vote = vote or VoteOptions()
        self._narrator = narrator or LogNarrator()
        self._seek = None if seek is None else checked_name(seek)
        geometry = geometry or stored_index(pool, narrator)
        self._projection = PoolProjection(
            pool, geometry, classifier, self._vote, per_group, narrator
        )
        self._selector = QuestionSelector(
            self._projection, strategy, seed=seed, audit=audit, seek=self._seek
        )
        self._stability = Stability(self._projection)
        self._ahead = LookAhead(self._projection, self._selector, self._stability.look)
        self.decisions = Decisions(
            pool,
            annotator,
            predictor=_Predictor(self),
            ledger=self._projection.ledger,
            take_in=self._take_in,
        )
        self.refresh()
        self._current()

    # What is known

    @property
    def annotator(self) -> str:
        """Who decides."""
        return self.decisions.annotator

    @annotator.setter
    def annotator(self, name: str) -> None:
        self.decisions.annotator = name

    @property
    def ledger(self) -> Ledger:
        """The decisions in force."""
        return self.decisions.ledger

    @property
    def classes(self) -> list[str]:
        """The classes, in the order in which they came up."""
        return self.ledger.classes()

    def refresh(self) -> None:
        """Read what other processes have decided since."""
        self.decisions.refresh()

    @property
    def per_group(self) -> bool:
        """Whether near-duplicates are asked about once."""
        return self._projection.groups is not None

    def group_of(self, item: str) -> str | None:
        """The first item of an item's group of near-duplicates.

        None for one that is alone, and where near-duplicates are asked about one by one. Raises
        InputError for an id that the pool does not hold.
        """
        row, groups = self._projection.row(item), self._projection.groups
        if groups is None:
            return None
        members = groups.groups.members(row)
        return self.pool.catalog.at(int(members[0])).id if len(members) > 1 else None

    @property
    def search(self) -> SearchProgress | None:
        """The progress of the search for the class to seek, or None without one."""
        return None if self._seek is None else progress_of(self.ledger, self._seek)

    @property
    def geometry(self) -> PoolIndex:
        """The index of the pool's vectors, which no label changes."""
        return self._projection.state.geometry

    @property
    def state(self) -> PoolState:
        """Predictions and score terms of every row."""
        return self._current().state

    @property
    def candidates(self) -> IntArray:
        """The rows that may be asked about: live, unlabeled, not skipped."""
        return np.flatnonzero(self._current().askable)

    def predict(self, items: Sequence[str]) -> list[Prediction]:
        """Predict pool items; labeled ones by the other labels alone.

        Raises InputError for an id that the pool does not hold.
        """
        return predict_items(self._current(), items, self._vote, self.temperature)

    def predict_vectors(self, names: Sequence[str], vectors: FloatArray) -> list[Prediction]:
        """Predict embeddings ``(m, d)`` from outside the pool, which ``names`` name.

        Raises InputError for vectors of another dimension than the pool's.
        """
        return predict_vectors(self._current(), names, vectors, self._vote, self.temperature)

    def agreement(self) -> float | None:
        """Cohen's kappa of the predictions with and without the latest label.

        None with fewer than two labels, or if only one class is predicted.
        """
        self.refresh()
        return self._agreement()

    def explain(self, item: str) -> Question:
        """The question about an item, with its prediction, neighbors and score.

        Raises InputError for an id that the pool does not hold.
        """
        self.refresh()
        return self._question(self._selector.explain(self._current().row(item)))

    # What to ask

    def ask(self) -> Question | None:
        """The next item to label, or None when nothing is left to ask about."""
        self.refresh()
        question = self._ahead.following()
        if question is None:
            self._current()
            choice = self._selector.next()
            question = None if choice is None else self._question(choice)
            self._stability.look()
        return None if question is None else self._offer([question])[0]

    def ask_many(self, count: int | Schedule) -> list[Question]:
        """Choose a diverse batch to label at once.

        Parameters
        ----------
        count : int or Schedule
            Batch size, or a schedule whose next round is asked.

        Returns
        -------
        list of Question
            The first one is what ``ask`` returns. Each choice covers its neighborhood before the
            next one is made.
        """
        self.refresh()
        self._current()
        if isinstance(count, Schedule):
            count = count.size(self.ledger.label_count)
        return self._offer([self._question(c) for c in self._selector.choose(count)])

    def ask_several(
        self, count: int, taken: Collection[str] = (), *, quick: bool = False
    ) -> list[Question]:
        """Choose questions for several people.

        Parameters
        ----------
        count : int
            Batch size.
        taken : collection of str
            Items that others are labeling; none of them is asked about, and all of them count as
            labeled.
        quick : bool
            Whether to rank the items once instead of one after the other: the batch is less
            diverse.
        """
        self.refresh()
        self._current()
        rows = set(self.pool.catalog.rows_of(taken).values())
        chosen = self._selector.choose_for_several(count, rows, quick=quick)
        return self._offer([self._question(choice) for choice in chosen])

    def rank(self, count: int) -> list[Question]:
        """The ``count`` candidates of highest score, best first, ties by lower row.

        Each is scored by itself, so similar items come together; ``ask_many`` is diverse.
        """
        self.refresh()
        self._current()
        return [self._question(choice) for choice in self._selector.rank(count)]

    def anticipate(self, question: Question) -> None:
        """Prepare, in the background, what to ask after each likely answer to a question.

        ``tell`` and ``ask`` are then a look-up; their results are the same. Whatever else reads
        the state of the pool ends it first.
        """
        unlabeled = self.ledger.label(question.item) is None
        # Classes may have gone since, by an undo or for another name.
        if unlabeled and set(question.prediction.probabilities) <= set(self.classes):
            self._ahead.begin(question)

    def foreseen(self) -> list[Question]:
        """The questions that ``anticipate`` has prepared so far, after the likeliest answer first.

        May be called from another thread than the one that uses the session.
        """
        return self._ahead.foreseen()

    def finish_anticipating(self) -> None:
        """Wait until what ``anticipate`` has begun is done."""
        self._ahead.wait()

    def stop_anticipating(self) -> None:
        """End what ``anticipate`` has begun."""
        self._ahead.stop()

    # What is decided

    tell = _decision(Decisions.tell)
    tell_all = _decision(Decisions.tell_all)
    label_items = _decision(Decisions.label_items)
    skip = _decision(Decisions.skip)
    relabel = _decision(Decisions.relabel)
    unlabel = _decision(Decisions.unlabel)
    note = _decision(Decisions.note)
    review = _decision(Decisions.review)
    keep = _decision(Decisions.keep)
    withdraw = _decision(Decisions.withdraw)
    undoable = _decision(Decisions.undoable)
    undo = _decision(Decisions.undo)
    redo = _decision(Decisions.redo)
    add_class = _decision(Decisions.add_class)
    rename_class = _decision(Decisions.rename_class)
    remove_class = _decision(Decisions.remove_class)

    def _current(self) -> PoolProjection:
        """The projection, its state that of the labels in force."""
        self._ahead.stop()
        self._projection.update()
        return self._projection

    def _agreement(self) -> float | None:
        self._ahead.release_ledger()
        if not self._stability.is_known:
            self._current()
        return self._stability.look()

    def _take_in(self, event: Event) -> None:
        self._ahead.release_ledger()
        self._projection.take_in(event)

    def _question(self, choice: Choice) -> Question:
        return question_for(self._projection, choice)

    def _offer(self, questions: list[Question]) -> list[Question]:
        predicted = {"agreement": self._stability.look()} if self._stability.is_known else {}
        offers = {q.item: offer_of(q, self.ledger.last_seq, **predicted) for q in questions}
        try:
            self.pool.log.offer({item: o for item, o in offers.items() if o.strategy})
        except PoolUnwritableError as error:  # the question can be asked all the same
            self._narrator.say(f"What was asked about is not recorded. {error}")
        return questions


class _Predictor:
    """What a session predicts, for the decisions that it makes."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def predictions(self, items: Sequence[str]) -> list[Scores]:
        session = self._session
        return [_scores(p) for p in predict_items(session._current(), items, session._vote)]

    def agreement(self) -> float | None:
        return self._session._agreement()


def offer_of(question: Question, after: int, **predicted: float | None) -> Offer:
    """What the log is to remember of a question: how it was chosen, and what was predicted.

    ``after`` is the number of the last event in the log when it was asked, ``predicted`` what is
    known of the moment besides.
    """
    predictions = {**_scores(question.prediction), **predicted}
    if question.score is None:
        return Offer(NAMED, None, {}, after, predictions)
    score = question.score
    return Offer(
        question.origin, score.strategy, {"value": score.value, **score.factors}, after, predictions
    )


def _scores(prediction: Prediction) -> Scores:
    if prediction.label is None:
        return {"prediction": None}
    return {"prediction": prediction.label, "probability": prediction.probability}
