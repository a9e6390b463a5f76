"""What to simulate: contenders, labels, splits."""

from __future__ import annotations

from dataclasses import dataclass, field

from knnal import defaults
from knnal.classifiers.base import CLASSIFIERS
from knnal.errors import InputError
from knnal.evaluation.splits import SplitPlan
from knnal.neighbors.vote import VoteOptions
from knnal.strategies.base import STRATEGIES

BASELINE = "random"
"""The strategy that the others are compared with; it always runs too."""

DEFAULT_LABELS = 300


@dataclass(frozen=True, slots=True)
class Settings:
    """What to simulate. ``labels`` None: 300, or as many as the smallest pool has.

    Raises InputError for less than one label, an empty list, targets outside (0, 1],
    UnknownNameError for a strategy or classifier that is not registered.
    """

    strategies: tuple[str, ...] = (defaults.STRATEGY,)
    classifiers: tuple[str, ...] = (defaults.CLASSIFIER,)
    labels: int | None = None
    splits: SplitPlan = field(default_factory=SplitPlan)
    vote: VoteOptions = field(default_factory=VoteOptions)
    targets: tuple[float, ...] = (0.8, 0.9, 0.95)

    def __post_init__(self) -> None:
        for registry, names in ((STRATEGIES, self.strategies), (CLASSIFIERS, self.classifiers)):
            if not names:
                raise InputError(f"Expected at least one {registry.kind}, came none.")
            for name in names:
                registry.load(name)
        if self.labels is not None and self.labels < 1:
            raise InputError(f"Expected at least 1 label, came {self.labels}.")
        if not all(0.0 < target <= 1.0 for target in self.targets):
            raise InputError(f"Expected targets above 0 and up to 1, came {list(self.targets)}.")

    @property
    def contenders(self) -> list[Contender]:
        """Each strategy with each classifier, the baseline among them, none twice."""
        strategies = dict.fromkeys((*self.strategies, BASELINE))
        return [
            Contender(strategy, classifier)
            for classifier in dict.fromkeys(self.classifiers)
            for strategy in strategies
        ]


@dataclass(frozen=True, slots=True)
class Contender:
    """A strategy, and the classifier that it asks with and is judged by."""

    strategy: str
    classifier: str

    def __str__(self) -> str:
        return f"{self.strategy}, {self.classifier}"
