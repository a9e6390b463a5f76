"""The keys of every front end: one table of actions, which draws its own help.

The plain loop, the full-screen application and the page act by it, and their help texts and the
table in the docs are rendered from it. An uppercase letter is the key with shift.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, Flag, auto


class Front(Flag):
    """Where an action is: the plain loop, the full-screen application, the page."""

    PLAIN = auto()
    APP = auto()
    PAGE = auto()


class KeyMode(Enum):
    """What the keys are about."""

    LABEL = "label"
    BATCH = "batch"
    REVIEW = "review"


@dataclass(frozen=True, slots=True)
class Action:
    """``keys`` are named as in Textual; ``short`` is for a line of keys, ``help`` a sentence."""

    mode: KeyMode
    name: str
    keys: tuple[str, ...]
    short: str
    help: str
    fronts: Front

    @property
    def printed(self) -> str:
        """The keys as they are printed."""
        return "  ".join(_PRINTED.get(key, key) for key in self.keys)


CLASS = "class"
"""The name of the action that every key of a class stands for."""

_PRINTED = {
    "enter": "Enter", "escape": "Esc", "space": "Space", "arrows": "arrows",
    "left": "←", "right": "→", CLASS: "a class's key",
}  # fmt: skip
_IN_BROWSERS = {
    "enter": "Enter", "escape": "Escape", "space": " ", "left": "ArrowLeft", "right": "ArrowRight"
}  # fmt: skip
_ALL = Front.PLAIN | Front.APP | Front.PAGE
_FULL = Front.APP | Front.PAGE
_TERMINAL = Front.PLAIN | Front.APP


def _of(mode: KeyMode, *rows: tuple[str, str, str, str, Front]) -> tuple[Action, ...]:
    return tuple(
        Action(mode, name, tuple(keys.split()), short, text, fronts)
        for name, keys, short, text, fronts in rows
    )


ACTIONS = (
    *_of(
        KeyMode.LABEL,
        (CLASS, CLASS, "label", "label the item at once; there is nothing to confirm", _ALL),
        ("type", "n", "type a class", "type a class: a new one, or some letters of any", _ALL),
        ("skip", "s", "not sure", "not sure: set the item aside; it is not asked again", _ALL),
        ("undo", "u", "undo", "undo your latest label, note or rename, and the one before", _ALL),
        ("quit", "q", "quit", "stop; everything is stored, and the next start goes on here", _ALL),
        ("batch", "B", "batch", "batch: similar items of one predicted class, labeled at once",
         Front.APP),
        ("review", "V", "review", "review labels that may be wrong, most suspicious first", _FULL),
        ("relabel", "r", "go back", "go back to a past item, to see or to relabel it", _ALL),
        ("redo", "U", "redo", "redo what you undid", _ALL),
        ("note", "N", "note", "write a note on the item; exports have it", _FULL),
        ("rename", "R", "rename", "rename a class; another class's name merges the two", _FULL),
        ("unlabel", "X", "unlabel", "remove a past item's label; it may be asked again", _ALL),
        ("assign", "K", "keys", "choose the key of a class", _FULL),
        ("open", "O", "open", "open the file in the system's viewer", Front.APP),
        ("step", "left right", "past items", "step through past items", Front.PAGE),
        ("zoom", "space", "enlarge", "enlarge the picture; class keys work there too", Front.PAGE),
        ("errors", "D", "label errors", "list labels that may be wrong", Front.PAGE),
        ("progress", "P", "progress", "show accuracy, classes and people", Front.PAGE),
        ("map", "M", "map", "show the map; draw around items to label them together", Front.PAGE),
        ("leave", "escape", "back", "leave a past item, or close a window", _ALL),
        ("help", "?", "help", "show these keys", _ALL),
    ),
    *_of(
        KeyMode.BATCH,
        ("accept", "enter", "label all", "label all unmarked items as predicted", Front.APP),
        ("move", "arrows", "move", "go to another item", Front.APP),
        ("mark", "space", "exception", "mark the item as an exception, or unmark it, like a click",
         Front.APP),
        (CLASS, CLASS, "other class", "give the item this class instead", Front.APP),
        ("leave", "escape B", "back", "go back without labeling this batch", Front.APP),
        ("undo", "u", "undo", "undo the whole batch before", Front.APP),
        ("quit", "q", "quit", "stop; everything is stored", Front.APP),
        ("help", "?", "help", "show these keys", Front.APP),
    ),
    *_of(
        KeyMode.REVIEW,
        ("keep", "enter", "keep", "the label is right; it is not asked about again", _ALL),
        (CLASS, CLASS, "change", "change the label to this class", _ALL),
        ("type", "n", "type a class", "type a class: a new one, or some letters of any", _ALL),
        ("skip", "s", "not sure", "not sure: remove the label and set the item aside", _ALL),
        ("undo", "u", "undo", "undo your latest answer, and the one before", _ALL),
        ("leave", "escape V", "back", "go back to labeling", _FULL),
        ("quit", "q", "quit", "stop; everything is stored, and the next review goes on here", _ALL),
        ("help", "?", "help", "show these keys", _TERMINAL),
    ),
)  # fmt: skip

CLASS_KEYS = "".join(
    key
    for key in "1234567890abcdefghijklmnopqrstuvwxyz"
    if not any(key in action.keys for action in ACTIONS)
)
"""The keys that classes can have: digits first, then the letters that no front end uses."""


def is_class_key(key: str) -> bool:
    """Whether a class can have the key."""
    return len(key) == 1 and key in CLASS_KEYS


def actions(mode: KeyMode, front: Front) -> list[Action]:
    """All actions, the most frequent first."""
    return [action for action in ACTIONS if action.mode is mode and front in action.fronts]


def action_of(key: str, mode: KeyMode, front: Front) -> str | None:
    """The name of the action of a key; None where it has none."""
    return next((a.name for a in actions(mode, front) if key in a.keys), None)


def in_browsers(front: Front = Front.PAGE) -> list[dict[str, object]]:
    """The page's actions as plain values, their keys named as browsers do."""
    return [
        {
            "mode": mode.value,
            "name": action.name,
            "keys": [_IN_BROWSERS.get(key, key) for key in action.keys],
            "printed": action.printed,
            "short": action.short,
            "help": action.help,
        }
        for mode in KeyMode
        for action in actions(mode, front)
    ]


def as_markdown() -> str:
    """The tables of docs/keys.md."""
    lines = []
    for mode, title in (
        (KeyMode.LABEL, "Labeling"), (KeyMode.BATCH, "A batch"), (KeyMode.REVIEW, "A review")
    ):  # fmt: skip
        lines += [f"## {title}", "", "| key | what it does | where |", "|---|---|---|"]
        for action in ACTIONS:
            if action.mode is mode:
                keys = " ".join(f"`{_PRINTED.get(key, key)}`" for key in action.keys)
                lines.append(f"| {keys} | {action.help} | {_where(action.fronts)} |")
        lines.append("")
    return "\n".join(lines)


def _where(fronts: Front) -> str:
    names = {Front.PLAIN: "`--plain`", Front.APP: "terminal", Front.PAGE: "page"}
    return "everywhere" if fronts == _ALL else ", ".join(names[front] for front in fronts)
