"""What the JSON API answers with."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from knnal_cli.keymap import CLASS_KEYS, in_browsers

Share = Annotated[float, Field(ge=0.0, le=1.0)]


class Problem(BaseModel):
    error: str = Field(description="A word that programs tell problems apart by.")
    detail: str = Field(description="What was expected, what came, and what to do.")


class KeyAction(BaseModel):
    mode: str
    name: str
    keys: list[str] = Field(description="As in KeyboardEvent.key; 'class' is every class's key.")
    shown: str = Field(description="The keys as they are printed.")
    short: str
    help: str


class About(BaseModel):
    pool: str
    modality: str | None
    items: int
    annotator: str = Field(description="Who labels unless somebody gives another name.")
    ask_name: bool = Field(description="Whether people come from other machines.")
    overlap: Share
    strategy: str
    classifier: str
    class_keys: str = Field(default=CLASS_KEYS, description="The keys that classes can have.")
    keymap: list[KeyAction] = Field(
        default_factory=lambda: [KeyAction.model_validate(one) for one in in_browsers()],
        description="What the page's keys do.",
    )


class Seat(BaseModel):
    seat: str
    annotator: str
    lease_seconds: float = Field(description="Silence after which the seat and its item are free.")


class Item(BaseModel):
    id: str
    image: bool = Field(description="Whether /api/image has a picture of it.")
    text: str | None


class Chance(BaseModel):
    label: str
    probability: Share


class Neighbor(BaseModel):
    item: Item
    label: str
    similarity: float
    share: Share = Field(description="Its part of the nearest neighbors' vote.")


class Term(BaseModel):
    name: str
    value: float
    share: Share | None
    words: str


class Why(BaseModel):
    origin: str
    summary: str
    strategy: str | None
    score: float | None
    terms: list[Term]


class Question(BaseModel):
    item: Item
    prediction: str | None
    probability: Share
    chances: list[Chance] = Field(description="Every class, the likeliest first.")
    neighbors: list[Neighbor]
    why: Why
    note: str | None = Field(description="What somebody has noted on the item.")


class Event(BaseModel):
    seq: int
    kind: str
    item: str | None
    label: str | None
    annotator: str
    at: str
    origin: str
    text: str | None = Field(
        description="Of a note, its words; of a rename, the name before; of an import, its source."
    )


Remark = Annotated[
    str | None, Field(description="That the label is a new class, and which one may be meant.")
]


class Step(BaseModel):
    event: Event | None = Field(
        description="What was written down, taken back or brought back; the first of several."
    )
    count: int = Field(description="The number of events that this was done to at once.")
    question: Question | None = Field(description="What is asked now; null when nothing is left.")
    remark: Remark = None


class Undoable(BaseModel):
    event: Event = Field(description="What an undo would take back; the first of several.")
    count: int = Field(description="The number of events that would be taken back at once.")


class RegionStep(BaseModel):
    events: list[Event] = Field(description="What was written down; the first one is the batch.")
    left_out: int = Field(description="Items that have a label, or are with somebody else.")
    question: Question | None = Field(description="What is asked now; null when nothing is left.")
    remark: Remark = None


class Entry(BaseModel):
    event: Event
    item: Item
    note: str | None


class History(BaseModel):
    entries: list[Entry]
    more: bool


class Looked(BaseModel):
    question: Question
    decision: Event | None


class Conflict(BaseModel):
    item: Item
    label: str
    annotator: str
    other_label: str
    other_annotator: str


class Opinion(BaseModel):
    label: str
    annotator: str


class Suspect(BaseModel):
    item: Item
    label: str
    annotator: str
    opinions: list[Opinion] = Field(description="Other labels that somebody else gave.")
    outdated: bool = Field(description="The item's content has changed since it got the label.")
    suspicion: Share
    prediction: str | None
    probability: Share
    against: list[Neighbor]


class ClassCount(BaseModel):
    name: str
    key: str | None = Field(description="The key that gives this label, if there is one left.")
    count: int


class Accuracy(BaseModel):
    accuracy: Share
    low: Share
    high: Share
    audited: int


class CurvePoint(BaseModel):
    labels: int
    accuracy: Share
    low: Share
    high: Share


class Agreement(BaseModel):
    pairs: int
    equal: int
    kappa: float | None


class Advice(BaseModel):
    could_stop: bool
    reasons: list[str]
    outlook: str | None


class Status(BaseModel):
    items: int
    labeled: int
    skipped: int
    remaining: int
    people: list[str]
    classes: list[ClassCount]
    accuracy: Accuracy | None
    curve: list[CurvePoint]
    advice: Advice
    agreement: Agreement
    conflicts: int
    latest: int = Field(description="The number of the latest event in the log.")


class MapState(BaseModel):
    state: Literal["none", "working", "ready", "too-large", "failed"]
    done: Share
    detail: str = Field(description="What is under way, or why there is none.")
    items: int


class MapPoints(BaseModel):
    ids: list[str]
    positions: str = Field(
        description="Base64 of two little-endian uint16 for each item: across, and up."
    )


class MapColors(BaseModel):
    """Of each point, in the order of ``/api/map/points``."""

    classes: list[str]
    labels: str = Field(description="Base64 of little-endian int32: places in classes, or -1.")
    predictions: str = Field(description="The same of the predictions.")
    percents: str = Field(description="Base64 of uint8: the predictions' probabilities.")


class RandomLabels(BaseModel):
    """What as many labels drawn at random would have reached."""

    audited: int = Field(description="Audited items, by which it is estimated.")
    needed: int = Field(description="It takes so many of them.")
    working: bool = Field(description="Whether a newer estimate is being worked out.")
    estimate: CurvePoint | None
    curve: list[CurvePoint]


ImageSize = Literal["full", "small"]
ExportFormat = Literal["csv", "tsv", "jsonl", "parquet"]
