"""What to simulate: contenders, labels, splits."""

from __future__ import annotations

from dataclasses import dataclass, field

from knnal import defaults
from knnal.acquisition.strategies.base import canonical_name, create_strategy
from knnal.acquisition.strategies.search_progress import seek_name
from knnal.classifiers.base import classifier_factory
from knnal.classifiers.vote import VoteOptions
from knnal.errors import InputError
from knnal.index.duplicates import checked_threshold
from knnal.names import checked_name
from knnal.session.schedule import Schedule
from knnal.simulation.splits import SplitPlan

BASELINE = "random"
"""The strategy that the others are compared with; it always runs too."""

DEFAULT_LABELS = 300


@dataclass(frozen=True, slots=True)
class Settings:
    """What to simulate. ``labels`` None: 300, or as many as the smallest pool has. Of items at
    least as similar as ``near``, one is asked about. With ``seek``, a class, every contender begins
    with an example of it, and there is one more that looks for the class.

    Raises InputError for less than one label, an empty list, targets outside (0, 1], a similarity
    outside (0, 1), and bootstrapped votes with a classifier that does not add labels up;
    UnknownNameError for a strategy or classifier that is not registered. Compositions of terms are
    kept under their canonical names.
    """

    strategies: tuple[str, ...] = (defaults.STRATEGY,)
    classifiers: tuple[str, ...] = (defaults.CLASSIFIER,)
    labels: int | None = None
    splits: SplitPlan = field(default_factory=SplitPlan)
    vote: VoteOptions = field(default_factory=VoteOptions)
    targets: tuple[float, ...] = (0.8, 0.9, 0.95)
    schedule: Schedule = field(default_factory=Schedule)
    near: float | None = None
    seek: str | None = None

    def __post_init__(self) -> None:
        for kind, names in (("strategy", self.strategies), ("classifier", self.classifiers)):
            if not names:
                raise InputError(f"Expected at least one {kind}, came none.")
        object.__setattr__(self, "strategies", tuple(map(canonical_name, self.strategies)))
        if self.seek is not None:
            object.__setattr__(self, "seek", checked_name(self.seek))
        for classifier in self.classifiers:
            classifier_factory(classifier, self.vote)
        if self.labels is not None and self.labels < 1:
            raise InputError(f"Expected at least 1 label, came {self.labels}.")
        if self.near is not None:
            checked_threshold(self.near)
        if not all(0.0 < target <= 1.0 for target in self.targets):
            raise InputError(f"Expected targets above 0 and up to 1, came {list(self.targets)}.")

    @property
    def needs_views(self) -> bool:
        """Whether one of the strategies does."""
        return any(create_strategy(name).needs_views for name in self.strategies)

    @property
    def contenders(self) -> list[Contender]:
        """Each strategy with each classifier, the search and the baseline among them, none
        twice.
        """
        search = () if self.seek is None else (seek_name(self.seek),)
        strategies = dict.fromkeys((*self.strategies, *search, BASELINE))
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
