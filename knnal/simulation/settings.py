"""The settings of a simulation: strategies, classifiers, labels, splits."""

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
"""The strategy that all others are compared with. It always runs."""

DEFAULT_LABELS = 300


@dataclass(frozen=True, slots=True)
class Settings:
    """What to simulate.

    Parameters
    ----------
    strategies
        The query strategies to compare. Compositions of terms get their canonical names.
    classifiers
        The classifiers to compare.
    labels
        The label budget of a run. None: 300, or the size of the smallest pool if it has fewer.
    splits
        How items are held out.
    vote
        The options of the kNN vote.
    targets
        The accuracies to reach, in (0, 1].
    schedule
        The batch size by number of labels.
    near
        The cosine similarity from which items are near-duplicates, one of which is asked about.
    seek
        A rare class to search for: every run begins with an example of it, and one more contender
        searches for the class.

    Raises
    ------
    InputError
        For values out of range, an empty list, and bootstrapped votes with a classifier that does
        not add labels up.
    UnknownNameError
        For a strategy or classifier that is not registered.
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
                raise InputError(f"At least one {kind} is needed, got none.")
        object.__setattr__(self, "strategies", tuple(map(canonical_name, self.strategies)))
        if self.seek is not None:
            object.__setattr__(self, "seek", checked_name(self.seek))
        for classifier in self.classifiers:
            classifier_factory(classifier, self.vote)
        if self.labels is not None and self.labels < 1:
            raise InputError(f"`labels` must be at least 1, got {self.labels}.")
        if self.near is not None:
            checked_threshold(self.near)
        if not all(0.0 < target <= 1.0 for target in self.targets):
            raise InputError(f"`targets` must be above 0 and at most 1, got {list(self.targets)}.")

    @property
    def needs_views(self) -> bool:
        """Whether one of the strategies needs augmented views."""
        return any(create_strategy(name).needs_views for name in self.strategies)

    @property
    def contenders(self) -> list[Contender]:
        """Each strategy, the search and the baseline with each classifier, without repeats."""
        search = () if self.seek is None else (seek_name(self.seek),)
        strategies = dict.fromkeys((*self.strategies, *search, BASELINE))
        return [
            Contender(strategy, classifier)
            for classifier in dict.fromkeys(self.classifiers)
            for strategy in strategies
        ]


@dataclass(frozen=True, slots=True)
class Contender:
    """A strategy, and the classifier that it queries with and is evaluated by."""

    strategy: str
    classifier: str

    def __str__(self) -> str:
        return f"{self.strategy}, {self.classifier}"
