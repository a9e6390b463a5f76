"""Options that several commands share."""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

import typer

from knnal import defaults
from knnal_cli.exits import AT_EXIT

if TYPE_CHECKING:
    from knnal.classifiers.vote import VoteOptions
    from knnal.exchange.truth import Truth
    from knnal.project import Project
    from knnal.session.schedule import Schedule
    from knnal.session.session import Session
    from knnal.types import Narrator

_BATCH_SIZE = 10

PoolOption = Annotated[
    Path,
    typer.Option("--pool", envvar="KNNAL_POOL", help="The folder that the pool lies in."),
]


def complete_strategies(incomplete: str) -> Iterator[str]:
    from knnal.acquisition.strategies.base import STRATEGIES

    return completed(STRATEGIES.names(), incomplete)


def complete_classifiers(incomplete: str) -> Iterator[str]:
    from knnal.classifiers.base import CLASSIFIERS

    return completed(CLASSIFIERS.names(), incomplete)


def completed(names: list[str], incomplete: str) -> Iterator[str]:
    """Names that complete the last one of a comma-separated list."""
    before, comma, begun = incomplete.rpartition(",")
    return (f"{before}{comma}{name}" for name in names if name.startswith(begun))


# An option that is None takes its value from the pool, where 'knnal config' keeps it.
StrategyOption = Annotated[
    str | None,
    typer.Option(
        envvar="KNNAL_STRATEGY",
        help="How to choose the next item; 'knnal strategies' lists the ways.",
        show_default=f"the pool's, or {defaults.STRATEGY}",
        autocompletion=complete_strategies,
    ),
]
ClassifierOption = Annotated[
    str | None,
    typer.Option(
        envvar="KNNAL_CLASSIFIER",
        help="What predicts: knn, graph, means, ridge, or combined, which weighs the first three.",
        show_default=f"the pool's, or {defaults.CLASSIFIER}",
        autocompletion=complete_classifiers,
    ),
]
AuditOption = Annotated[
    float | None,
    typer.Option(
        envvar="KNNAL_AUDIT",
        min=0.0,
        max=0.9,
        help="Share of items drawn at random, for an unbiased estimate of the accuracy.",
        show_default=f"the pool's, or {defaults.AUDIT}",
    ),
]
TargetOption = Annotated[
    float | None,
    typer.Option(
        envvar="KNNAL_TARGET",
        min=0.01,
        max=1.0,
        help="The accuracy that is enough, such as 0.95.",
        show_default="the pool's, or none",
    ),
]
SeekOption = Annotated[
    str | None,
    typer.Option(metavar="CLASS", help="Look for items of a rare class, instead of what teaches."),
]
SeedOption = Annotated[int, typer.Option(min=0, help="Seed of all that is random.")]
AnnotatorOption = Annotated[
    str | None,
    typer.Option(
        envvar="KNNAL_ANNOTATOR",
        help="Who labels.",
        show_default="the pool's, or your login name",
    ),
]
ClassesOption = Annotated[
    str | None,
    typer.Option(
        envvar="KNNAL_CLASSES",
        help="Comma-separated names of classes to begin with, quoted where a name holds a comma; "
        "more can be added while labeling.",
    ),
]
ClassOption = Annotated[
    list[str] | None,
    typer.Option(
        "--class",
        metavar="NAME",
        help="One class to begin with, whose name may contain commas. Can be repeated.",
    ),
]
KnownOnlyOption = Annotated[
    bool, typer.Option("--known-only", help="Refuse classes that the pool does not have yet.")
]
CalibratedOption = Annotated[
    bool,
    typer.Option(
        "--calibrated",
        help="Make probabilities as high as predictions are often right, by the audited items.",
    ),
]
FolderLevelOption = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Which folder below the source names the class: 1, the first; 2, the one below it. "
        "Takes labels from folders, as if so asked.",
        show_default="the first, or the one below train, val, test",
    ),
]
EncodingOption = Annotated[
    str | None,
    typer.Option(
        help="The encoding of a text file, such as cp1252 or shift_jis.",
        show_default="UTF-8, or UTF-16 where the file begins so",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")]

ScheduleOption = Annotated[
    str | None,
    typer.Option(
        help="How many to ask about before their labels are learned: one-at-a-time; constant, a "
        "batch; or doubling, as many as have a label, beginning with a batch.",
        show_default="one-at-a-time",
    ),
]
BatchSizeOption = Annotated[
    int | None, typer.Option(min=1, help="Items in a batch.", show_default="10")
]

POOL_DEFAULT = Path(defaults.POOL)
DEFAULTS: dict[str, Any] = {
    "strategy": defaults.STRATEGY,
    "classifier": defaults.CLASSIFIER,
    "target": None,
    "audit": defaults.AUDIT,
    "annotator": None,
}
"""The values of the settings that 'knnal config' keeps, where the pool has none."""


_VOTES = "How labeled neighbors vote"


class Weighting(StrEnum):
    """Whether nearer neighbors count for more."""

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
    """How labeled neighbors vote: the options of ``VoteOptions``."""

    k: Annotated[
        int,
        typer.Option("--k", min=1, help="How many neighbors vote.", rich_help_panel=_VOTES),
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
            help="Against wrong labels: part of a vote goes to what the voter's own neighbors "
            "say, by their shares (soft) or to the likeliest class (hard). Not for ridge.",
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
        from knnal.classifiers.vote import VoteOptions

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

    strategy: StrategyOption = None
    classifier: ClassifierOption = None
    seek: SeekOption = None
    seed: SeedOption = defaults.SEED

    def completed(self, project: Project) -> Self:
        """The same with the pool's settings, or else the defaults, for what was not given."""
        known = {f.name for f in dataclasses.fields(self)} & DEFAULTS.keys()
        get = project.settings.get
        return dataclasses.replace(
            self, **{name: get(name, getattr(self, name), DEFAULTS[name]) for name in known}
        )


@dataclass(frozen=True, slots=True)
class Groups:
    """Whether near-duplicates are taken for one, and what they are."""

    per_group: Annotated[
        bool,
        typer.Option(
            "--per-group", help="Take near-duplicates for one: ask about them once, count them."
        ),
    ] = False
    near: Annotated[
        float,
        typer.Option("--near", help="The cosine that makes near-duplicates, for --per-group."),
    ] = defaults.NEAR_DUPLICATE

    def similarity(self) -> float | None:
        """The same for the library; None where they are taken one by one."""
        return self.near if self.per_group else None


@dataclass(frozen=True, slots=True)
class Known:
    """Where labels come from that are known but not the pool's: the options of ``Truth``."""

    truth: Annotated[
        Path | None,
        typer.Option(
            help="A table of known labels; the labels given so far, unless named. Nothing of it "
            "goes into the pool."
        ),
    ] = None
    truth_from_folders: Annotated[
        bool, typer.Option("--truth-from-folders", help="Take folder names as known labels.")
    ] = False
    folder_level: FolderLevelOption = None
    id_column: Annotated[
        str | None, typer.Option(help="The column of ids in these tables.", show_default="id")
    ] = None
    label_column: Annotated[str, typer.Option(help="The column of known labels.")] = "label"
    text_column: Annotated[
        str | None, typer.Option(help="The column of texts, in tables without ids.")
    ] = None
    encoding: EncodingOption = None

    @property
    def named(self) -> bool:
        """Whether a table or the folders are named."""
        from_folders = self.truth_from_folders or self.folder_level is not None
        return self.truth is not None or from_folders

    def source(self, groups: Path | None = None, group_column: str | None = None) -> Truth:
        """The same for the library. Raises InputError for options that exclude each other."""
        from knnal.exchange.truth import Truth

        return Truth(
            table=self.truth,
            from_folders=self.truth_from_folders,
            folder_level=self.folder_level,
            id_column=self.id_column,
            label_column=self.label_column,
            text_column=self.text_column,
            groups=groups,
            group_column=group_column,
            encoding=self.encoding,
        )


@dataclass(frozen=True, slots=True)
class Asking(Ranking):
    """The same for commands whose questions are answered."""

    audit: AuditOption = None
    annotator: AnnotatorOption = None


def schedule_of(kind: str | None, batch_size: int | None) -> Schedule:
    """The schedule that is asked for."""
    from knnal.session.schedule import Schedule, ScheduleKind

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

    project = Project.open(folder, narrator)
    AT_EXIT.callback(project.close)
    return project


def open_session(project: Project, asking: Ranking, votes: Votes, groups: Groups) -> Session:
    """A session over a project's pool."""
    options = dataclasses.asdict(asking.completed(project))
    return project.session(vote=votes.options(), per_group=groups.similarity(), **options)


def add_classes(session: Session, classes: str | None, names: list[str] | None) -> None:
    """Declare what ``ClassesOption`` and ``ClassOption`` name."""
    for name in (*listed_names(classes or ""), *(names or ())):
        session.add_class(name)


def listed_names(text: str) -> list[str]:
    """The names in a comma-separated list, quoted where a name has a comma."""
    return [name for name in next(csv.reader([text], skipinitialspace=True), []) if name.strip()]
