"""The strategy protocol, what strategies see of a pool, and the terms that scores are made of."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar, cast

import numpy as np

from knnal.classifiers.masked import MaskedVotes
from knnal.registry import Registry
from knnal.state import PoolState
from knnal.types import BoolArray, Float32Array, FloatArray, IntArray

STRATEGIES = Registry("knnal.strategies", "strategy")


class PoolView:
    """The unlabelled pool: its state, and the only source of randomness.

    ``allowed`` ``(rows,)`` says which of all rows may be picked.
    """

    def __init__(self, state: PoolState, allowed: BoolArray, rng: np.random.Generator) -> None:
        self.state = state
        self.allowed = allowed
        self.rng = rng

    @cached_property
    def rows(self) -> IntArray:
        """The unlabelled rows, rising, ``(m,)``."""
        return np.flatnonzero(self.state.unlabelled)

    def term(self, name: str) -> Float32Array:
        """A named score term of the unlabelled rows, ``(m,)``."""
        return self.whole_term(name)[self.rows]

    def whole_term(self, name: str) -> Float32Array:
        """A named score term of all rows, ``(rows,)``."""
        return TERMS[name](self.state)


@dataclass(frozen=True, slots=True)
class Scores:
    """Acquisition scores ``(m,)`` of the unlabelled rows, and the factors ``(m,)`` behind them."""

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
    """Scores the unlabelled pool; the highest score is asked about, ties by lower row."""

    summary: ClassVar[str]
    source: ClassVar[str]

    @abstractmethod
    def score(self, pool: PoolView) -> Scores:
        """The scores of all unlabelled rows."""

    def pick(self, pool: PoolView) -> Pick | None:
        """The allowed row of the highest score, or None. Quicker ways must find the same row."""
        places = np.flatnonzero(pool.allowed[pool.rows])
        if not len(places):
            return None
        scores = self.score(pool)
        best = int(places[np.argmax(scores.values[places])])
        return Pick(int(pool.rows[best]), float(scores.values[best]), scores.at(best))

    def explain(self, pool: PoolView, row: int) -> Pick:
        """An unlabelled row, allowed or not, with its score."""
        scores = self.score(pool)
        place = int(np.searchsorted(pool.rows, row))
        return Pick(row, float(scores.values[place]), scores.at(place))


def create_strategy(name: str) -> Strategy:
    """The strategy of a registered name.

    Raises UnknownNameError for a name that is not registered.
    """
    return cast(Strategy, STRATEGIES.load(name)())


TERMS: dict[str, Callable[[PoolState], Float32Array]] = {
    "least-confidence": lambda state: state.uncertainty("least-confidence"),
    "smallest-margin": lambda state: state.uncertainty("smallest-margin"),
    "largest-margin": lambda state: state.uncertainty("largest-margin"),
    "entropy": lambda state: state.uncertainty("entropy"),
    "disagreement": lambda state: state.follower(MaskedVotes).disagreement(),
    "local": lambda state: state.local_density,
    "global": lambda state: state.global_density,
    "uncovered": lambda state: state.uncovered(),
    "coverage-gain": lambda state: state.coverage_gain(),
    "distance": lambda state: state.distance(),
    "distance-as-printed": lambda state: state.distance_as_printed(),
}
"""Every term by name, over all rows of a state, all to be maximised."""
