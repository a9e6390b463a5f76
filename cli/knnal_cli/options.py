"""Options that several commands share."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from knnal import defaults

if TYPE_CHECKING:
    from knnal.neighbors.vote import VoteOptions
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

POOL_DEFAULT = Path(defaults.POOL)


_VOTES = "How labelled neighbours vote"


class Weighting(StrEnum):
    """Whether nearer neighbours count for more."""

    DISTANCE = "distance"
    UNIFORM = "uniform"


class ClassWeights(StrEnum):
    """Whether votes for rare classes count for more."""

    NONE = "none"
    GUIDED = "guided"


class Bootstrap(StrEnum):
    """What the rest of a bootstrapped vote goes to."""

    SOFT = "soft"
    HARD = "hard"


@dataclass(frozen=True, slots=True)
class Votes:
    """How labelled neighbours vote: the options of ``VoteOptions``."""

    k: Annotated[
        int,
        typer.Option("--k", min=1, help="How many neighbours vote.", rich_help_panel=_VOTES),
    ] = defaults.K
    temperature: Annotated[
        float,
        typer.Option(
            help="How fast votes fade with distance, exp((similarity - 1) / temperature).",
            rich_help_panel=_VOTES,
        ),
    ] = defaults.TEMPERATURE
    votes: Annotated[
        Weighting,
        typer.Option(help="By distance, or each the same.", rich_help_panel=_VOTES),
    ] = Weighting.DISTANCE
    class_weights: Annotated[
        ClassWeights,
        typer.Option(help="guided: votes for rare classes count more.", rich_help_panel=_VOTES),
    ] = ClassWeights.NONE
    bootstrap: Annotated[
        Bootstrap | None,
        typer.Option(
            help="Against wrong labels: part of a vote goes to what the voter's own neighbours "
            "say, by their shares (soft) or to the likeliest class (hard). For knn and combined.",
            rich_help_panel=_VOTES,
        ),
    ] = None
    beta: Annotated[
        float,
        typer.Option(
            min=0.0,
            max=1.0,
            help="With --bootstrap: the part that stays with the voter's label.",
            rich_help_panel=_VOTES,
        ),
    ] = defaults.BETA

    def options(self) -> VoteOptions:
        """The same for the library. Raises InputError for what it does not take."""
        from knnal.neighbors.vote import VoteOptions

        return VoteOptions(
            k=self.k,
            temperature=self.temperature,
            uniform=self.votes is Weighting.UNIFORM,
            balanced=self.class_weights is ClassWeights.GUIDED,
            bootstrap=None if self.bootstrap is None else self.bootstrap.value,
            beta=self.beta,
        )


@dataclass(frozen=True, slots=True)
class Ranking:
    """What asks and what predicts: options of ``Session``."""

    strategy: StrategyOption = defaults.STRATEGY
    classifier: ClassifierOption = defaults.CLASSIFIER
    seed: SeedOption = defaults.SEED


@dataclass(frozen=True, slots=True)
class Asking(Ranking):
    """The same for commands whose questions are answered."""

    audit: AuditOption = defaults.AUDIT
    annotator: AnnotatorOption = None


def open_project(folder: Path, narrator: Narrator | None = None) -> Project:
    """The project in the folder, the library loaded only now."""
    from knnal.project import Project

    return Project.open(folder, narrator)


def open_session(folder: Path, narrator: Narrator, asking: Ranking, votes: Votes) -> Session:
    """A session over the pool in the folder."""
    project = open_project(folder, narrator)
    return project.session(vote=votes.options(), **dataclasses.asdict(asking))
