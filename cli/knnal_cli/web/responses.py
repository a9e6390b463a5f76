"""What the JSON API answers with."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from knnal.collaboration.opinions import Agreement
from knnal.quality.audit import CurvePoint
from knnal.quality.label_errors import Opinion
from knnal_cli.keymap import CLASS_KEYS, in_browsers
from knnal_cli.web.explanation import ScoreTerm

Share = Annotated[float, Field(ge=0.0, le=1.0)]


class Problem(BaseModel):
    error: str = Field(description="A word that programs tell problems apart by.")
    detail: str = Field(description="What is wrong, and what to do.")


class KeyAction(BaseModel):
    mode: str
    name: str
    keys: list[str] = Field(description="As in KeyboardEvent.key; 'class' is every class's key.")
    printed: str = Field(description="The keys as they are printed.")
    short: str
    help: str


class AboutOut(BaseModel):
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


class SeatOut(BaseModel):
    seat: str
    annotator: str
    lease_seconds: float = Field(
        description="Seconds without a request after which the seat expires and its item is free."
    )


class ItemOut(BaseModel):
    id: str
    image: bool = Field(description="Whether /api/image has a picture of it.")
    text: str | None


class Chance(BaseModel):
    label: str
    probability: Share


class NeighborOut(BaseModel):
    item: ItemOut
    label: str
    similarity: float
    share: Share = Field(description="Its part of the nearest neighbors' vote.")


class Why(BaseModel):
    origin: str
    summary: str
    strategy: str | None
    score: float | None
    terms: list[ScoreTerm]


class QuestionOut(BaseModel):
    item: ItemOut
    prediction: str | None
    probability: Share
    chances: list[Chance] = Field(description="Every class, the likeliest first.")
    neighbors: list[NeighborOut]
    why: Why
    note: str | None = Field(description="The note on the item.")


class EventOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

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


class Step(BaseModel):
    event: EventOut | None = Field(
        description="What was written, undone or redone; the first of several."
    )
    count: int = Field(description="The number of events that this was done to at once.")
    question: QuestionOut | None = Field(description="The next one; null when nothing is left.")
    remark: str | None = Field(
        None, description="That the label is a new class, and which one may be meant."
    )


class BulkStep(Step):
    events: list[EventOut] = Field(description="What was written; the first one is the batch.")
    unchanged: int = Field(description="Items that have a label, or are with somebody else.")


class UndoableOut(BaseModel):
    event: EventOut = Field(description="What an undo would take back; the first of several.")
    count: int = Field(description="The number of events that would be taken back at once.")


class HistoryEntry(BaseModel):
    event: EventOut
    item: ItemOut
    note: str | None


class History(BaseModel):
    entries: list[HistoryEntry]
    more: bool


class ItemDetail(BaseModel):
    question: QuestionOut
    decision: EventOut | None


class Conflict(BaseModel):
    item: ItemOut
    label: str
    annotator: str
    other_label: str
    other_annotator: str


class SuspectOut(BaseModel):
    item: ItemOut
    label: str
    annotator: str
    opinions: list[Opinion] = Field(description="Other labels that somebody else gave.")
    outdated: bool = Field(description="The item's content has changed since it got the label.")
    suspicion: Share
    prediction: str | None
    probability: Share
    against: list[NeighborOut]


class ClassOut(BaseModel):
    name: str
    key: str | None = Field(description="The key that gives this label, if there is one left.")
    count: int


class Accuracy(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    accuracy: Share
    low: Share
    high: Share
    audited: int


class AdviceOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    could_stop: bool
    reasons: list[str]
    outlook: str | None


class StatusOut(BaseModel):
    items: int
    labeled: int
    skipped: int
    remaining: int
    people: list[str]
    classes: list[ClassOut]
    accuracy: Accuracy | None
    curve: list[CurvePoint]
    advice: AdviceOut
    agreement: Agreement
    conflicts: int
    latest: int = Field(description="The number of the latest event in the log.")


class MapState(BaseModel):
    state: Literal["none", "working", "ready", "too-large", "failed"]
    done: Share
    detail: str = Field(description="What is under way, or why there is no map.")
    items: int


class MapPointsOut(BaseModel):
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


class RandomBaselineOut(BaseModel):
    """The accuracy that as many labels drawn at random would have reached."""

    audited: int = Field(description="Audited items, from which it is estimated.")
    needed: int = Field(description="The least number of audited items for an estimate.")
    working: bool = Field(description="Whether a newer estimate is being worked out.")
    estimate: CurvePoint | None
    curve: list[CurvePoint]


ImageSize = Literal["full", "small"]
ExportFormat = Literal["csv", "tsv", "jsonl", "parquet"]
