"""The bodies of requests to the JSON API."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

MOST_AT_ONCE = 200
"""Items that one request labels."""

ItemId = Annotated[str, Field(min_length=1, max_length=4096, description="An item's id.")]
EventNumber = Annotated[int, Field(ge=1, le=2**53)]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Was = Annotated[
    Name | None, Field(description="The label that was seen; another one is a conflict.")
]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Nothing(_Body):
    pass


class JoinIn(_Body):
    annotator: Name | None = Field(None, description="Who labels; by default the server's user.")
    item: ItemId | None = Field(None, description="What to go on with, if nobody else has it.")


class AnswerIn(_Body):
    item: ItemId
    label: Name


class SkipIn(_Body):
    item: ItemId


class RelabelIn(AnswerIn):
    was: Was = None


class UnlabelIn(_Body):
    item: ItemId
    was: Was = None


class UndoIn(_Body):
    event: EventNumber | None = Field(
        None, description="What to take back; a conflict where that is not the latest."
    )


class ReviewIn(_Body):
    item: ItemId
    label: Name | None = Field(description="The same to keep it, another one, or null to withdraw.")
    was: Was = None


class RenameIn(_Body):
    old: Name
    new: Name = Field(description="The name of another class merges the two.")


class NoteIn(_Body):
    item: ItemId
    text: Annotated[str, Field(max_length=4000, description="Empty to remove it.")]


class BulkIn(_Body):
    items: Annotated[list[ItemId], Field(min_length=1, max_length=MOST_AT_ONCE)]
    label: Name
    batch: EventNumber | None = Field(
        None, description="The first event of an earlier part, which is undone together with this."
    )


class ClassIn(_Body):
    name: Name


class KeyIn(_Body):
    name: Name = Field(description="A class.")
    key: Annotated[str, Field(min_length=1, max_length=1, description="One of 'class_keys'.")]
