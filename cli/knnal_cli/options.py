"""Options that several commands share, and groups of them, declared once as dataclasses."""

from __future__ import annotations

import csv
import dataclasses
import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, get_type_hints

import typer

from knnal import defaults
from knnal.session.schedule import Schedule, ScheduleKind
from knnal_cli.exits import AT_EXIT

_KEYWORD = inspect.Parameter.KEYWORD_ONLY


def grouped(command: Callable[..., None]) -> Callable[..., None]:
    """The command with an option for each field of each parameter that is a dataclass."""
    hints = get_type_hints(command, include_extras=True)
    groups = {name: kind for name, kind in hints.items() if dataclasses.is_dataclass(kind)}
    parameters: list[inspect.Parameter] = []
    for parameter in inspect.signature(command).parameters.values():
        if parameter.name in groups:
            parameters += _options(groups[parameter.name])
        else:
            parameters.append(parameter.replace(kind=_KEYWORD, annotation=hints[parameter.name]))

    @wraps(command)
    def spread(**given: Any) -> None:
        made = {name: _made(group, given) for name, group in groups.items()}
        command(**given, **made)

    spread.__dict__.pop("__wrapped__")  # Typer looks for the signature there
    spread.__annotations__ = {p.name: p.annotation for p in parameters}
    spread.__dict__["__signature__"] = inspect.Signature(parameters)
    return spread


def _options(group: Any) -> list[inspect.Parameter]:
    hints = get_type_hints(group, include_extras=True)
    return [
        inspect.Parameter(f.name, _KEYWORD, default=f.default, annotation=hints[f.name])
        for f in dataclasses.fields(group)
    ]


def _made(group: Any, given: dict[str, Any]) -> Any:
    """A group of the values given, which are taken out."""
    return group(**{f.name: given.pop(f.name) for f in dataclasses.fields(group)})


if TYPE_CHECKING:
    from knnal.classifiers.vote import VoteOptions
    from knnal.exchange.truth import Truth
    from knnal.project import Project
    from knnal.session.session import Session
    from knnal.types import Narrator

_BATCH_SIZE = 10

ADVANCED = "Advanced"
"""The panel of a command's help for options that few need."""


def advanced(*names: str, **details: Any) -> Any:
    """An option in the panel "Advanced"."""
    return typer.Option(*names, rich_help_panel=ADVANCED, **details)


def complete_strategies(incomplete: str) -> Iterator[str]:
    from knnal.acquisition.strategies.base import STRATEGIES

    return _completed(STRATEGIES.names(), incomplete)


def complete_classifiers(incomplete: str) -> Iterator[str]:
    from knnal.classifiers.base import CLASSIFIERS

    return _completed(CLASSIFIERS.names(), incomplete)


def _completed(names: list[str], incomplete: str) -> Iterator[str]:
    """Names that complete the last one of a comma-separated list."""
    before, comma, begun = incomplete.rpartition(",")
    return (f"{before}{comma}{name}" for name in names if name.startswith(begun))


PoolOption = Annotated[
    Path, typer.Option("--pool", envvar="KNNAL_POOL", help="The folder of the pool.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")]
LimitOption = Annotated[
    int | None, typer.Option("--limit", "-n", min=1, help="The number of items.")
]
OutputOption = Annotated[
    Path | None, typer.Option("--output", "-o", help="Where to write the results.")
]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")]

# An option that is None takes its value from the pool, where 'knnal config' keeps it.
StrategyOption = Annotated[
    str | None,
    typer.Option(
        envvar="KNNAL_STRATEGY",
        help="How to choose the next item; see 'knnal strategies'.",
        show_default=f"the pool's, or {defaults.STRATEGY}",
        autocompletion=complete_strategies,
    ),
]
ClassifierOption = Annotated[
    str | None,
    advanced(
        envvar="KNNAL_CLASSIFIER",
        help="What predicts: knn, graph, means, ridge, or combined (the first three, weighted).",
        show_default=f"the pool's, or {defaults.CLASSIFIER}",
        autocompletion=complete_classifiers,
    ),
]
AuditOption = Annotated[
    float | None,
    advanced(
        envvar="KNNAL_AUDIT",
        min=0.0,
        max=0.9,
        help="Share of items drawn at random, for an unbiased estimate of the accuracy.",
        show_default=f"the pool's, or {defaults.AUDIT}",
    ),
]
TargetOption = Annotated[
    float | None,
    advanced(
        envvar="KNNAL_TARGET",
        min=0.01,
        max=1.0,
        help="The accuracy that is enough, such as 0.95.",
        show_default="the pool's, or none",
    ),
]
AnnotatorOption = Annotated[
    str | None,
    advanced(
        envvar="KNNAL_ANNOTATOR", help="Who labels.", show_default="the pool's, or your login name"
    ),
]
ClassesOption = Annotated[
    str | None,
    typer.Option(
        envvar="KNNAL_CLASSES",
        help="Classes to start with, comma-separated; more can be added while labeling.",
    ),
]
ClassOption = Annotated[
    list[str] | None,
    advanced(
        "--class", metavar="NAME", help="One class to start with, commas included. Repeatable."
    ),
]
SeekOption = Annotated[
    str | None,
    advanced(
        metavar="CLASS",
        help="Search for a rare class instead of the most informative items.",
    ),
]
SeedOption = Annotated[int, advanced(min=0, help="Random seed.")]
KnownOnlyOption = Annotated[
    bool, advanced("--known-only", help="Refuse classes that the pool does not have yet.")
]
CalibratedOption = Annotated[
    bool, typer.Option("--calibrated", help="Calibrate probabilities on the audited items.")
]
IdColumnOption = Annotated[str | None, typer.Option(help="The column of ids.", show_default="id")]
LabelColumnOption = Annotated[str, typer.Option(help="The column of labels.")]
FolderLevelOption = Annotated[
    int | None,
    advanced(
        min=1,
        help="The folder below the source that names the class: 1 for the first, 2 for the next. "
        "Implies labels from folders.",
        show_default="1, or 2 below train, val and test",
    ),
]
EncodingOption = Annotated[
    str | None,
    advanced(
        help="The encoding of a text file, such as cp1252 or shift_jis.",
        show_default="UTF-8, or UTF-16 with its byte-order mark",
    ),
]
ScheduleOption = Annotated[
    ScheduleKind,
    advanced(help="Items between updates: one, a constant batch, or as many as have labels."),
]
BatchSizeOption = Annotated[
    int | None, advanced(min=1, help="Items in a batch.", show_default=f"{_BATCH_SIZE}")
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


@dataclass(frozen=True, slots=True)
class Votes:
    """How labeled neighbors vote: the options of ``VoteOptions``."""

    k: Annotated[int, advanced("--k", min=1, help="The number of neighbors that vote.")] = (
        defaults.K
    )
    temperature: Annotated[
        float,
        advanced(help="How fast votes fade with distance: exp((similarity - 1) / temperature)."),
    ] = defaults.TEMPERATURE
    votes: Annotated[
        Literal["distance", "uniform"], advanced(help="Weight votes by distance, or all alike.")
    ] = "distance"
    class_weights: Annotated[
        Literal["none", "guided"], advanced(help="guided: votes for rare classes count more.")
    ] = "none"
    bootstrap: Annotated[
        Literal["soft", "hard"] | None,
        advanced(
            help="Against wrong labels: part of a vote goes to what the voter's own neighbors "
            "predict, by probability (soft) or to the likeliest class (hard). Not for ridge."
        ),
    ] = None
    beta: Annotated[
        float,
        advanced(min=0.0, max=1.0, help="With --bootstrap: the part that the voter's label keeps."),
    ] = defaults.BETA

    def options(self) -> VoteOptions:
        """The same for the library. Raises InputError for what it does not take."""
        from knnal.classifiers.vote import VoteOptions

        return VoteOptions(
            k=self.k,
            temperature=self.temperature,
            uniform=self.votes == "uniform",
            balanced=self.class_weights == "guided",
            bootstrap=self.bootstrap,
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
    """Whether near-duplicates are asked about once, and what they are."""

    per_group: Annotated[bool, advanced("--per-group", help="Ask about near-duplicates once.")] = (
        False
    )
    similarity: Annotated[
        float, advanced(help="The cosine similarity from which items are near-duplicates.")
    ] = defaults.NEAR_DUPLICATE

    def threshold(self) -> float | None:
        """The same for the library; None where they are asked about one by one."""
        return self.similarity if self.per_group else None


@dataclass(frozen=True, slots=True)
class KnownItemsOptions:
    """Where labels come from that are known but not the pool's: the options of ``Truth``."""

    truth: Annotated[
        Path | None,
        typer.Option(
            help="A table of known labels, which stay out of the pool.",
            show_default="the pool's labels",
        ),
    ] = None
    truth_from_folders: Annotated[
        bool, advanced("--truth-from-folders", help="Take folder names as known labels.")
    ] = False
    folder_level: FolderLevelOption = None
    id_column: Annotated[str | None, advanced(help="The column of ids.", show_default="id")] = None
    label_column: Annotated[str, advanced(help="The column of labels.")] = "label"
    text_column: Annotated[
        str | None, advanced(help="The column of texts, in tables without ids.")
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


def schedule_of(kind: ScheduleKind, batch_size: int | None) -> Schedule:
    """The schedule that is asked for."""
    usual = 1 if kind is ScheduleKind.ONE_AT_A_TIME else _BATCH_SIZE
    return Schedule(kind, usual if batch_size is None else batch_size)


def open_project(folder: Path, narrator: Narrator | None = None) -> Project:
    """The project in the folder, the library loaded only now."""
    from knnal.project import Project

    project = Project.open(folder, narrator)
    AT_EXIT.callback(project.close)
    return project


def open_session(project: Project, asking: Ranking, votes: Votes, groups: Groups) -> Session:
    """A session over a project's pool."""
    options = dataclasses.asdict(asking.completed(project))
    return project.session(vote=votes.options(), per_group=groups.threshold(), **options)


def add_classes(session: Session, classes: str | None, names: list[str] | None) -> None:
    """Declare what ``ClassesOption`` and ``ClassOption`` name."""
    for name in (*listed_names(classes or ""), *(names or ())):
        session.add_class(name)


def listed_names(text: str) -> list[str]:
    """The names in a comma-separated list, quoted where a name has a comma."""
    return [name for name in next(csv.reader([text], skipinitialspace=True), []) if name.strip()]
