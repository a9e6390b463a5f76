"""The strategy protocol, what strategies see of a pool, and the terms that scores are made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Protocol, cast

import numpy as np

from knnal.registry import Registry
from knnal.state import PoolState
from knnal.types import Float64Array, IntArray

STRATEGIES = Registry("knnal.strategies", "strategy")


@dataclass(frozen=True, slots=True)
class PoolView:
    """The unlabelled pool: its state, its rows ``(m,)``, and the only source of randomness."""

    state: PoolState
    rows: IntArray
    rng: np.random.Generator

    def term(self, name: str) -> Float64Array:
        """A named score term of the unlabelled rows, ``(m,)``."""
        return TERMS[name](self.state)[self.rows]


@dataclass(frozen=True, slots=True)
class Scores:
    """Acquisition scores ``(m,)`` of the unlabelled rows, and the factors ``(m,)`` behind them."""

    values: Float64Array
    factors: Mapping[str, Float64Array] = field(default_factory=dict)


class Strategy(Protocol):
    """Scores the unlabelled pool; the highest score is asked about, ties by lower row."""

    summary: ClassVar[str]
    source: ClassVar[str]

    def score(self, pool: PoolView) -> Scores: ...


def create_strategy(name: str) -> Strategy:
    """The strategy of a registered name.

    Raises UnknownNameError for a name that is not registered.
    """
    return cast(Strategy, STRATEGIES.load(name)())


TERMS: dict[str, Callable[[PoolState], Float64Array]] = {
    "least-confidence": lambda state: state.uncertainty("least-confidence"),
    "smallest-margin": lambda state: state.uncertainty("smallest-margin"),
    "largest-margin": lambda state: state.uncertainty("largest-margin"),
    "entropy": lambda state: state.uncertainty("entropy"),
    "local": lambda state: state.local_density,
    "global": lambda state: state.global_density,
    "uncovered": lambda state: state.uncovered(),
    "distance": lambda state: state.distance(),
    "distance-as-printed": lambda state: state.distance_as_printed(),
}
"""Every term by name, over all rows of a state, all to be maximised."""
