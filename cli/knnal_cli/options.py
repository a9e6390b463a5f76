"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from knnal import defaults

if TYPE_CHECKING:
    from knnal.project import Project
    from knnal.session import Session
    from knnal.types import Narrator

PoolOption = Annotated[
    Path,
    typer.Option("--pool", envvar="KNNAL_POOL", help="The folder that the pool lies in."),
]
StrategyOption = Annotated[
    str, typer.Option(help="How to choose what to ask; 'knnal strategies' lists them.")
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
PerGroupOption = Annotated[
    bool,
    typer.Option(
        "--per-group", help="Take near-duplicates for one: ask about them once, count them."
    ),
]
NearOption = Annotated[
    float, typer.Option("--near", help="The cosine that makes near-duplicates, for --per-group.")
]
SeekOption = Annotated[
    str | None,
    typer.Option(metavar="CLASS", help="Look for items of a rare class, instead of what teaches."),
]
SeedOption = Annotated[int, typer.Option(min=0, help="Seed of all that is random.")]
AnnotatorOption = Annotated[
    str | None, typer.Option(help="Who labels; the name you are logged in by, unless given.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")]

POOL_DEFAULT = Path(defaults.POOL)


def open_project(folder: Path, narrator: Narrator | None = None) -> Project:
    """The project in the folder, the library loaded only now."""
    from knnal.project import Project

    return Project.open(folder, narrator)


def open_session(
    folder: Path,
    narrator: Narrator,
    *,
    k: int,
    per_group: bool,
    near: float,
    **options: Any,
) -> Session:
    """A session over the pool in the folder, with the options of ``Session``."""
    from knnal.neighbors.vote import VoteOptions

    return open_project(folder, narrator).session(
        vote=VoteOptions(k=k), per_group=near if per_group else None, **options
    )
