"""What comes into the JSON API."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

_LONGEST_ID = 4096
_LONGEST_NAME = 200
_LONGEST_NOTE = 4000
MOST_AT_ONCE = 200
"""Items that one request labels."""

ItemId = Annotated[str, Field(min_length=1, max_length=_LONGEST_ID, description="An item's id.")]
EventNumber = Annotated[int, Field(ge=1, le=2**53)]
Name = Annotated[str, Field(min_length=1, max_length=_LONGEST_NAME)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Join(_Body):
    annotator: Name | None = Field(None, description="Who labels; the server's user unless given.")
    item: ItemId | None = Field(None, description="What to go on with, if nobody else has it.")


class Answer(_Body):
    item: ItemId
    label: Name


class Chosen(_Body):
    item: ItemId


class Relabel(_Body):
    item: ItemId
    label: Name
    was: Name | None = Field(
        None, description="The label that was seen; another one is a conflict."
    )


class Unlabel(_Body):
    item: ItemId
    was: Name | None = Field(
        None, description="The label that was seen; another one is a conflict."
    )


class Undo(_Body):
    event: EventNumber | None = Field(
        None, description="What it is to take back; a conflict where that is not the latest."
    )


class Settlement(_Body):
    item: ItemId
    label: Name | None = Field(description="The same to keep it, another one, or null to withdraw.")
    was: Name | None = Field(
        None, description="The label that was seen; another one is a conflict."
    )


class Rename(_Body):
    old: Name
    new: Name = Field(description="That of another class merges the two.")


class NewNote(_Body):
    item: ItemId
    text: Annotated[str, Field(max_length=_LONGEST_NOTE, description="Empty to remove it.")]


class Region(_Body):
    items: Annotated[list[ItemId], Field(min_length=1, max_length=MOST_AT_ONCE)]
    label: Name
    batch: EventNumber | None = Field(
        None, description="The first event of an earlier part, which is undone together with this."
    )


class NewClass(_Body):
    name: Name


class OldClass(_Body):
    name: Name


class NewKey(_Body):
    name: Name = Field(description="A class.")
    key: Annotated[str, Field(min_length=1, max_length=1, description="One of 'class_keys'.")]


class MapBegin(_Body):
    pass
