"""The tasks of a simulation, and their order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

from knnal.acquisition.strategies.search_progress import seek_name
from knnal.simulation.run_store import RunStore
from knnal.simulation.settings import Contender, Settings
from knnal.simulation.splits import Split
from knnal.simulation.workspace import Workspace

_REPORT_EVERY = 10
"""Labels between two progress reports of a process."""


@dataclass(frozen=True, slots=True)
class SplitPreparation:
    """The task to compute what all runs in a split share."""

    split: Split


@dataclass(frozen=True, slots=True)
class Run:
    """The task of one run of labeling."""

    split: Split
    contender: Contender

    def __str__(self) -> str:
        return f"The run of {self.contender} in fold {self.split.fold} of seed {self.split.seed}"

    @property
    def key(self) -> Mapping[str, Any]:
        """Identifies the run within its simulation."""
        return {"seed": self.split.seed, "fold": self.split.fold, **asdict(self.contender)}


Task: TypeAlias = SplitPreparation | Run


@dataclass(frozen=True)
class Runner:
    """Does tasks, in any process. ``example`` is the number of the class to search for, if any."""

    workspace: Workspace
    store: RunStore
    labels: int
    settings: Settings
    example: int | None

    def __call__(self, task: Task, report: Callable[[int], None]) -> None:
        if isinstance(task, SplitPreparation):
            self.workspace.prepare(task.split)
            return
        unreported = 0

        def step_done() -> None:
            nonlocal unreported
            unreported += 1
            if unreported == _REPORT_EVERY:
                report(unreported)
                unreported = 0

        settings, strategy = self.settings, task.contender.strategy
        seeks = settings.seek is not None and strategy == seek_name(settings.seek)
        outcome = self.workspace.holdout(task.split).run(
            settings.strategies[0] if seeks else strategy,
            self.labels,
            seed=task.split.seed,
            classifier=task.contender.classifier,
            vote=settings.vote,
            schedule=settings.schedule,
            near=settings.near,
            example=self.example,
            seek=seeks,
            step_done=step_done,
        )
        self.store.save(task.key, outcome)
        report(unreported)


class Queue:
    """The runs in order, each after the preparation of its split, which is as late as possible."""

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

    def next(self) -> Task | None:
        """A task that can begin, if there is one."""
        if self._ready:
            return self._ready.popleft()
        return SplitPreparation(self._waiting.popleft()[0]) if self._waiting else None

    def finish(self, task: Task, workspace: Workspace) -> None:
        """Record that a task is done."""
        place = (task.split.seed, task.split.fold)
        if isinstance(task, SplitPreparation):
            self._ready.extend(self._left[place])
            return
        self._left[place].remove(task)
        if not self._left[place]:
            del self._left[place]
            workspace.discard(task.split)
