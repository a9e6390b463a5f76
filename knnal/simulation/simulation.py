"""Simulates labeling on known items: strategies x classifiers x seeds x folds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from knnal.acquisition.strategies.base import create_strategy, require_views
from knnal.errors import InputError
from knnal.index.parallel import thread_count
from knnal.simulation.holdout import Outcome
from knnal.simulation.known import KnownItems
from knnal.simulation.processes import run_tasks
from knnal.simulation.run_store import RunStore
from knnal.simulation.settings import DEFAULT_LABELS, Contender, Settings
from knnal.simulation.splits import Split, make_splits
from knnal.simulation.tasks import Queue, Run, Runner, Task
from knnal.simulation.workspace import Workspace
from knnal.types import IntArray, LogNarrator, Narrator

STEP = "Simulating labels"
_WORK = "work"


@dataclass(frozen=True, slots=True)
class Simulated:
    """A finished simulation. The ``outcomes`` of each contender are in the order of ``splits``;
    ``supports`` ``(splits, C)`` are the held-out items by class.
    """

    known: KnownItems
    settings: Settings
    labels: int
    splits: tuple[Split, ...]
    supports: IntArray
    outcomes: Mapping[Contender, list[Outcome]]


def simulate(
    known: KnownItems, settings: Settings, output: Path, narrator: Narrator | None = None
) -> Simulated:
    """Label the known items in repeated runs, and test the predictions on held-out items.

    Runs are spread over as many processes as ``knnal.index.parallel`` has threads. A script that
    calls this must therefore guard its own work by ``if __name__ == "__main__"``.

    Parameters
    ----------
    known
        The items and their classes.
    settings
        What to simulate.
    output
        A folder for finished runs, so that an interrupted simulation resumes.
    narrator
        Receives the progress.

    Raises
    ------
    InputError
        Where the items cannot be split as asked, the smallest pool has fewer items than
        ``settings.labels`` or fewer than two of the class to search for, or the folder contains
        something else.
    """
    narrator = narrator or LogNarrator()
    for name in settings.strategies:
        require_views(name, create_strategy(name), has_views=known.views is not None)
    splits = make_splits(settings.splits, known.classes, known.groups)
    example = None if settings.seek is None else _class_to_find(settings.seek, known, splits)
    if lacking := sum(_lacks_a_class(split, known.classes) for split in splits):
        narrator.say(
            f"In {lacking} of {len(splits)} splits, some held-out items are of a class that the "
            "pool lacks. They are always predicted incorrectly."
        )
    labels = _affordable(settings.labels, min(len(known) - len(s.held_out) for s in splits))
    store = RunStore(output, _identity(known, settings, labels))
    with store.open():
        runs = [Run(split, contender) for split in splits for contender in settings.contenders]
        missing = [run for run in runs if store.load(run.key) is None]
        if missing:
            views = known.views if settings.needs_views else None
            workspace = Workspace.create(output / _WORK, known, splits, views, narrator)
            done = (len(runs) - len(missing)) * labels
            progress = _Progress(narrator, done, len(runs) * labels)
            _run(
                Runner(workspace, store, labels, settings, example),
                missing,
                progress,
            )
        Workspace.remove(output / _WORK)
        return _gathered(known, settings, labels, splits, store)


class _Progress:
    """The number of labels given, over all processes."""

    def __init__(self, narrator: Narrator, done: int, total: int) -> None:
        self._narrator, self._done, self._total = narrator, done, total
        self(0)

    def __call__(self, steps: int) -> None:
        self._done += steps
        self._narrator.progress(STEP, self._done, self._total)


def _run(runner: Runner, runs: list[Run], progress: _Progress) -> None:
    queue = Queue(runs)

    def finish(task: Task) -> None:
        queue.finish(task, runner.workspace)

    run_tasks(min(thread_count(), len(runs)), runner, queue.next, finish, progress)


def _lacks_a_class(split: Split, classes: IntArray) -> bool:
    """Whether a held-out item is of a class that the pool lacks."""
    pool = np.delete(classes, split.held_out)
    return not set(classes[split.held_out]) <= set(pool)


def _class_to_find(name: str, known: KnownItems, splits: list[Split]) -> int:
    """The number of the class to search for."""
    if name not in known.class_names:
        raise InputError(
            f"`seek` must be one of the classes {', '.join(known.class_names)}, got '{name}'."
        )
    number = known.class_names.index(name)
    fewest = min(
        int(np.count_nonzero(np.delete(known.classes, s.held_out) == number)) for s in splits
    )
    if fewest < 2:
        raise InputError(
            f"A search for '{name}' needs at least two of its items in every pool, got {fewest}. "
            "Hold out less."
        )
    return number


def _affordable(labels: int | None, smallest: int) -> int:
    if labels is None:
        return min(DEFAULT_LABELS, smallest)
    if labels > smallest:
        raise InputError(
            f"`labels` must be at most {smallest}, the size of the smallest pool, got {labels}. "
            "Use fewer labels, or hold out less."
        )
    return labels


def _identity(known: KnownItems, settings: Settings, labels: int) -> dict[str, Any]:
    """What all runs of a simulation have in common. More strategies, classifiers and seeds may be
    added to a folder later.
    """
    plan = settings.splits
    search = None if settings.seek is None else [settings.seek, settings.strategies[0]]
    wanted = {"near-duplicates": settings.near, "search": search}
    return {
        "format": 1,
        "knnal": version("knnal"),
        "data": known.digest,
        "labels": labels,
        **asdict(settings.vote),
        "schedule": str(settings.schedule),
        "views": None if known.views is None else str(known.views.facts),
        "split": plan.kind.value,
        "folds": plan.folds,
        "held-out share": None if plan.folds else plan.share,
        "groups": known.groups is not None,
        **{name: value for name, value in wanted.items() if value is not None},
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
