"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from knnal import defaults

if TYPE_CHECKING:
    from knnal.project import Project
    from knnal.schedule import Schedule
    from knnal.session import Session
    from knnal.types import Narrator

_BATCH_SIZE = 10

PoolOption = Annotated[
    Path,
    typer.Option("--pool", envvar="KNNAL_POOL", help="The folder that the pool lies in."),
]
StrategyOption = Annotated[
    str,
    typer.Option(
        help="How to choose what to ask; 'knnal strategies' lists them. Terms are composed as in "
        "'cdf(margin, local, uncovered)'."
    ),
]
ClassifierOption = Annotated[
    str, typer.Option(help="What predicts: knn, graph, means, or combined, which weighs all three.")
]
KOption = Annotated[int, typer.Option("--k", min=1, help="How many labelled neighbours vote.")]
AuditOption = Annotated[
    float,
    typer.Option(
        min=0.0,
        max=0.9,
        help="Share of questions drawn at random, to estimate the accuracy honestly.",
    ),
]
TargetOption = Annotated[
    float | None,
    typer.Option(min=0.01, max=1.0, help="An accuracy that would be enough, such as 0.95."),
]
SeedOption = Annotated[int, typer.Option(min=0, help="Seed of all that is random.")]
AnnotatorOption = Annotated[
    str | None, typer.Option(help="Who labels; the name you are logged in by, unless given.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")]

ScheduleOption = Annotated[
    str | None,
    typer.Option(
        help="How many to ask about before their labels are learnt: one-at-a-time; constant, a "
        "batch; or doubling, as many as have a label, beginning with a batch.",
        show_default="one-at-a-time",
    ),
]
BatchSizeOption = Annotated[
    int | None, typer.Option(min=1, help="Items in a batch.", show_default="10")
]

POOL_DEFAULT = Path(defaults.POOL)


def schedule_of(kind: str | None, batch_size: int | None) -> Schedule:
    """The schedule that is asked for."""
    from knnal.schedule import Schedule, ScheduleKind

    try:
        chosen = ScheduleKind(kind or ScheduleKind.ONE_AT_A_TIME)
    except ValueError:
        raise typer.BadParameter(
            f"Expected {', '.join(ScheduleKind)}, came '{kind}'.", param_hint="--schedule"
        ) from None
    if chosen is not ScheduleKind.ONE_AT_A_TIME:
        return Schedule(chosen, _BATCH_SIZE if batch_size is None else batch_size)
    return Schedule(chosen, 1 if batch_size is None else batch_size)


def open_project(folder: Path, narrator: Narrator | None = None) -> Project:
    """The project in the folder, the library loaded only now."""
    from knnal.project import Project

    return Project.open(folder, narrator)


def open_session(folder: Path, narrator: Narrator, *, k: int, **options: Any) -> Session:
    """A session over the pool in the folder, with the options of ``Session``."""
    from knnal.neighbors.vote import VoteOptions

    return open_project(folder, narrator).session(vote=VoteOptions(k=k), **options)
