"""What active labeling would save on known items: strategies x classifiers x seeds x folds."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from knnal import defaults
from knnal.classifiers.base import CLASSIFIERS
from knnal.errors import InputError
from knnal.evaluation.crew import Crew
from knnal.evaluation.holdout import Outcome
from knnal.evaluation.known import KnownItems
from knnal.evaluation.run_store import RunStore
from knnal.evaluation.splits import Split, SplitPlan, make_splits
from knnal.evaluation.workspace import Workspace
from knnal.neighbors.vote import VoteOptions
from knnal.parallel import thread_count
from knnal.strategies.base import STRATEGIES
from knnal.types import IntArray, LogNarrator, Narrator

BASELINE = "random"
"""The strategy that the others are compared with; it always runs too."""

DEFAULT_LABELS = 300
STAGE = "Simulating labels"
_WORK = "work"
_REPORT_EVERY = 10


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
    k: int = defaults.K
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


@dataclass(frozen=True, slots=True)
class Preparation:
    """The task to find what all runs in a split share."""

    split: Split


@dataclass(frozen=True, slots=True)
class Run:
    """The task to label once."""

    split: Split
    contender: Contender

    def __str__(self) -> str:
        return f"The run of {self.contender} in fold {self.split.fold} of seed {self.split.seed}"

    @property
    def key(self) -> Mapping[str, Any]:
        """What tells it from the simulation's other runs."""
        return {"seed": self.split.seed, "fold": self.split.fold, **asdict(self.contender)}


Task: TypeAlias = Preparation | Run


@dataclass(frozen=True, slots=True)
class Simulated:
    """All that was simulated. ``outcomes`` of each contender come in the order of ``splits``, and
    ``supports`` ``(splits, C)`` are the held-out items by class.
    """

    known: KnownItems
    settings: Settings
    labels: int
    splits: tuple[Split, ...]
    supports: IntArray
    outcomes: Mapping[Contender, list[Outcome]]


@dataclass(frozen=True)
class Runner:
    """Does tasks, in whichever process."""

    workspace: Workspace
    store: RunStore
    labels: int
    k: int

    def __call__(self, task: Task, report: Callable[[int], None]) -> None:
        if isinstance(task, Preparation):
            self.workspace.prepare(task.split)
            return
        unreported = 0

        def step_done() -> None:
            nonlocal unreported
            unreported += 1
            if unreported == _REPORT_EVERY:
                report(unreported)
                unreported = 0

        outcome = self.workspace.holdout(task.split).run(
            task.contender.strategy,
            self.labels,
            seed=task.split.seed,
            classifier=task.contender.classifier,
            vote=VoteOptions(k=self.k),
            step_done=step_done,
        )
        self.store.save(task.key, outcome)
        report(unreported)


def simulate(
    known: KnownItems, settings: Settings, out: Path, narrator: Narrator | None = None
) -> Simulated:
    """Label the known items from none, again and again, and judge on held-out ones.

    Finished runs are kept in the folder ``out``: what was interrupted goes on. Runs are spread over
    as many processes as ``knnal.parallel`` has threads; a script that calls this must therefore be
    importable, its own work guarded by ``if __name__ == "__main__"``.

    Raises InputError where the items cannot be split so, the smallest pool has fewer items than
    ``settings.labels``, or the folder holds something else.
    """
    narrator = narrator or LogNarrator()
    splits = make_splits(settings.splits, known.classes, known.groups)
    if lacking := sum(_lacks_a_class(split, known.classes) for split in splits):
        narrator.say(
            f"In {lacking} of {len(splits)} splits, items are held out of a class that no item of "
            "the pool is of: they can only be predicted wrong."
        )
    labels = _affordable(settings.labels, min(len(known) - len(s.held_out) for s in splits))
    store = RunStore(out, _identity(known, settings, labels))
    with store.open():
        runs = [Run(split, contender) for split in splits for contender in settings.contenders]
        missing = [run for run in runs if store.load(run.key) is None]
        if missing:
            workspace = Workspace.create(out / _WORK, known, splits, narrator)
            done = (len(runs) - len(missing)) * labels
            progress = _Progress(narrator, done, len(runs) * labels)
            _run(Runner(workspace, store, labels, settings.k), missing, progress)
        Workspace.remove(out / _WORK)
        return _gathered(known, settings, labels, splits, store)


class _Progress:
    """Label steps, summed over all processes."""

    def __init__(self, narrator: Narrator, done: int, total: int) -> None:
        self._narrator, self._done, self._total = narrator, done, total
        self(0)

    def __call__(self, steps: int) -> None:
        self._done += steps
        self._narrator.progress(STAGE, self._done, self._total)


def _run(runner: Runner, runs: list[Run], progress: _Progress) -> None:
    queue = _Queue(runs)
    workers = min(thread_count(), len(runs))
    if workers == 1:
        while (task := queue.next()) is not None:
            runner(task, progress)
            queue.finish(task, runner.workspace)
        return
    with Crew(workers, runner, progress) as crew:
        while queue.unfinished:
            while crew.has_room and (task := queue.next()) is not None:
                crew.begin(task)
            for done in crew.finished():
                queue.finish(done, runner.workspace)


class _Queue:
    """The runs in order, each split's after its preparation, which comes as late as it can."""

    def __init__(self, runs: list[Run]) -> None:
        self._waiting: deque[tuple[Split, list[Run]]] = deque()
        self._ready: deque[Run] = deque()
        self._left: dict[tuple[int, int], list[Run]] = {}
        for run in runs:
            place = (run.split.seed, run.split.fold)
            if place not in self._left:
                self._left[place] = []
                self._waiting.append((run.split, self._left[place]))
            self._left[place].append(run)

    @property
    def unfinished(self) -> bool:
        return bool(self._left)

    def next(self) -> Task | None:
        """A task that can begin, if there is one."""
        if self._ready:
            return self._ready.popleft()
        return Preparation(self._waiting.popleft()[0]) if self._waiting else None

    def finish(self, task: Task, workspace: Workspace) -> None:
        """Take note that a task is done."""
        place = (task.split.seed, task.split.fold)
        if isinstance(task, Preparation):
            self._ready.extend(self._left[place])
            return
        self._left[place].remove(task)
        if not self._left[place]:
            del self._left[place]
            workspace.discard(task.split)


def _lacks_a_class(split: Split, classes: IntArray) -> bool:
    """Whether a held-out item is of a class that the pool has nothing of."""
    pool = np.delete(classes, split.held_out)
    return not set(classes[split.held_out]) <= set(pool)


def _affordable(labels: int | None, smallest: int) -> int:
    if labels is None:
        return min(DEFAULT_LABELS, smallest)
    if labels > smallest:
        raise InputError(
            f"Expected at most {smallest} labels, the items of the smallest pool, came {labels}. "
            "Ask for fewer labels, or hold out less."
        )
    return labels


def _identity(known: KnownItems, settings: Settings, labels: int) -> dict[str, Any]:
    """What all runs of a simulation have in common; strategies, classifiers and seeds may be added
    to a folder later.
    """
    plan = settings.splits
    return {
        "format": 1,
        "knnal": version("knnal"),
        "data": known.digest,
        "labels": labels,
        "k": settings.k,
        "split": plan.kind.value,
        "folds": plan.folds,
        "held-out share": None if plan.folds else plan.share,
        "groups": known.groups is not None,
    }


def _gathered(
    known: KnownItems, settings: Settings, labels: int, splits: list[Split], store: RunStore
) -> Simulated:
    outcomes: dict[Contender, list[Outcome]] = {}
    for contender in settings.contenders:
        found = [store.load(Run(split, contender).key) for split in splits]
        outcomes[contender] = [outcome for outcome in found if outcome is not None]
        assert len(outcomes[contender]) == len(splits)
    supports = np.stack(
        [np.bincount(known.classes[s.held_out], minlength=len(known.class_names)) for s in splits]
    )
    return Simulated(known, settings, labels, tuple(splits), supports, outcomes)
