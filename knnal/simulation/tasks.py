"""The tasks that a simulation falls into, doing them, and the order to do them in."""

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
"""Labels that a process gives between two reports of them."""


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


@dataclass(frozen=True)
class Runner:
    """Does tasks, in whichever process. ``sought`` is the number of the class to seek, if any."""

    workspace: Workspace
    store: RunStore
    labels: int
    settings: Settings
    sought: int | None

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
            example=self.sought,
            seek=seeks,
            step_done=step_done,
        )
        self.store.save(task.key, outcome)
        report(unreported)


class Queue:
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
