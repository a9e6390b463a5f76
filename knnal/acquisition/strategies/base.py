"""The strategy protocol, and what strategies see of a pool."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from typing import ClassVar, cast

import numpy as np

from knnal.acquisition.hypothetical import HypotheticalState
from knnal.acquisition.state import PoolState
from knnal.acquisition.strategies.batches import highest, spread
from knnal.acquisition.strategies.spec import Spec, parse_spec
from knnal.acquisition.strategies.terms import ALIASES, TERMS, term_of
from knnal.errors import InputError
from knnal.registry import Registry, unknown_name
from knnal.types import BoolArray, Float32Array, FloatArray, IntArray

STRATEGIES = Registry("knnal.strategies", "strategy")
COMPOSITIONS = Registry("knnal.compositions", "composition")
"""Functions from names of terms to a strategy class."""


class PoolView:
    """The unlabeled pool: its state, and the only source of randomness.

    ``allowed`` ``(rows,)`` says which of all rows may be picked. In a batch the rows ``chosen`` so
    far are no longer allowed, and count as labeled in all that labels cover.
    """

    def __init__(
        self,
        state: PoolState,
        allowed: BoolArray,
        rng: np.random.Generator,
        overlay: HypotheticalState | None = None,
    ) -> None:
        self.state = state
        self.allowed = allowed
        self.rng = rng
        self._overlay = overlay

    @cached_property
    def rows(self) -> IntArray:
        """The unlabeled rows, rising, ``(m,)``."""
        return np.flatnonzero(self.state.unlabeled)

    @property
    def chosen(self) -> tuple[int, ...]:
        """The rows of this batch so far, in order."""
        return () if self._overlay is None else tuple(self._overlay.rows)

    @property
    def taken(self) -> frozenset[int]:
        """The rows that are labeled or chosen."""
        return frozenset(self.state.labeling.neighbors.labeled).union(self.chosen)

    @property
    def covered(self) -> Float32Array:
        """How far each row is covered by those taken, ``(rows,)``: its highest kernel value."""
        return (self._overlay or self.state).coverage.covered

    def after(self, row: int) -> PoolView:
        """The pool once the row is chosen too. It takes the place of this view in the batch."""
        overlay = self._overlay or HypotheticalState(self.state)
        overlay.add(row)
        allowed = self.allowed.copy()
        allowed[row] = False
        view = PoolView(self.state, allowed, self.rng, overlay)
        view.rows = self.rows
        return view

    def term(self, name: str) -> Float32Array:
        """A named score term of the unlabeled rows, ``(m,)``."""
        return self.whole_term(name)[self.rows]

    def whole_term(self, name: str) -> Float32Array:
        """A named score term of all rows, ``(rows,)``."""
        term = term_of(name)
        if self._overlay is not None and term.with_chosen is not None:
            return term.with_chosen(self._overlay)
        return term.of(self.state)


@dataclass(frozen=True, slots=True)
class Scores:
    """Acquisition scores ``(m,)`` of the unlabeled rows, and the factors ``(m,)`` behind them."""

    values: FloatArray
    factors: Mapping[str, FloatArray] = field(default_factory=dict)

    def at(self, place: int) -> dict[str, float]:
        """The factors of one of the rows."""
        return {name: float(values[place]) for name, values in self.factors.items()}


@dataclass(frozen=True, slots=True)
class Pick:
    """A row, its score, and the factors behind it."""

    row: int
    value: float
    factors: Mapping[str, float]


class Strategy(ABC):
    """Scores the unlabeled pool; the highest score is asked about, ties by lower row.

    A subclass sets ``summary`` and ``source`` and writes ``score``; the rest has a default.

    Attributes
    ----------
    summary : str
        What is maximized, in a line.
    source : str
        Where that was published.
    formula : str
        The score in words.
    terms : mapping of str to str
        The registered term that each factor of the score is.
    needs : str
        What it needs besides the pool's vectors.
    needs_views : bool
        Whether it needs augmented views of the items.
    incremental : bool or None
        Whether a label updates the scores instead of having them computed again.
    cost : str
        What a label costs.
    covers : bool
        Whether scores fall near items that are labeled or, in a batch, chosen already.
    """

    summary: ClassVar[str]
    source: ClassVar[str]
    formula: ClassVar[str] = ""
    terms: ClassVar[Mapping[str, str]] = {}
    needs: ClassVar[str] = "nothing but the pool"
    needs_views: ClassVar[bool] = False
    incremental: ClassVar[bool | None] = None
    cost: ClassVar[str] = "not stated"
    covers: ClassVar[bool] = False

    @abstractmethod
    def score(self, pool: PoolView) -> Scores:
        """The scores of all unlabeled rows."""

    def pick(self, pool: PoolView) -> Pick | None:
        """The allowed row of the highest score, or None. Quicker ways must find the same row."""
        places = np.flatnonzero(pool.allowed[pool.rows])
        if not len(places):
            return None
        scores = self.score(pool)
        return _pick(pool, scores, int(places[np.argmax(scores.values[places])]))

    def rank(self, pool: PoolView, count: int) -> list[Pick]:
        """The allowed rows of the ``count`` highest scores, best first, ties by lower row."""
        allowed = pool.allowed[pool.rows]
        if not allowed.any():
            return []
        scores = self.score(pool)
        return [_pick(pool, scores, at) for at in highest(scores.values, allowed, count).tolist()]

    def choose(self, pool: PoolView, count: int) -> list[Pick]:
        """Up to ``count`` allowed rows to ask about at once, the first one that of ``pick``.

        Greedy: each choice covers its neighborhood before the next one. A strategy that
        ``covers`` picks as if the rows chosen were labeled. Any other one takes the highest rank
        of its score in the unlabeled pool times the share of the kernel mass that the batch has
        not covered yet; the score it tells is the plain one. The fewer rows are the first of more.
        """
        if self.covers:
            return list(islice(self._one_by_one(pool), count))
        allowed = pool.allowed[pool.rows]
        if not allowed.any():
            return []
        scores = self.score(pool)
        places = spread(scores.values, pool.rows, allowed, pool.state.geometry.graph)
        return [_pick(pool, scores, place) for place in islice(places, count)]

    def explain(self, pool: PoolView, row: int) -> Pick:
        """An unlabeled row, allowed or not, with its score."""
        return _pick(pool, self.score(pool), int(np.searchsorted(pool.rows, row)))

    def _one_by_one(self, pool: PoolView) -> Iterator[Pick]:
        while (pick := self.pick(pool)) is not None:
            yield pick
            pool = pool.after(pick.row)


def _pick(pool: PoolView, scores: Scores, place: int) -> Pick:
    return Pick(int(pool.rows[place]), float(scores.values[place]), scores.at(place))


def require_views(name: str, strategy: Strategy, *, has_views: bool) -> None:
    """Raises InputError for a strategy that needs views where there are none."""
    if strategy.needs_views and not has_views:
        raise InputError(
            f"The strategy '{name}' needs views, and the items have none. Run "
            "`Project.embed` with `views=8`."
        )


def create_strategy(name: str) -> Strategy:
    """Create a strategy by name.

    Parameters
    ----------
    name : str
        A registered name, or a composition of terms such as ``cdf(margin, local)``.

    Raises
    ------
    UnknownNameError
        For a name or a term that is not registered.
    InputError
        For a composition with unbalanced brackets or with a term twice.

    Examples
    --------
    >>> create_strategy("cdf(margin, local)").summary
    'product of the CDFs of smallest-margin, local'
    """
    return strategy_class(name)()


def strategy_class(name: str) -> type[Strategy]:
    """What ``create_strategy`` makes one of."""
    spec = resolved(name)
    if spec.terms is None:
        return cast(type[Strategy], STRATEGIES.load(spec.name))
    return cast(type[Strategy], COMPOSITIONS.load(spec.name)(spec.terms))


def canonical_name(name: str) -> str:
    """The one way to write what a name stands for. Raises as ``create_strategy`` does."""
    strategy_class(name)
    return str(resolved(name))


def resolved(name: str) -> Spec:
    """A name parsed, its terms by their full names."""
    spec = parse_spec(name)
    if spec.terms is None:
        return spec
    terms = tuple(ALIASES.get(term, term) for term in spec.terms)
    known = TERMS.names()
    for term in terms:
        if term not in known:
            raise unknown_name("term", term, sorted({*known, *ALIASES}))
        if terms.count(term) > 1:
            raise InputError(f"A composition takes each term once; '{term}' is twice in '{name}'.")
    return Spec(spec.name, terms)
