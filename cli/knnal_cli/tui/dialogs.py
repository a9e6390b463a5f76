"""Windows over a screen: a line to type, a key to press, one of many to choose, the keys."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.events import Key
from textual.screen import ModalScreen
from textual.widgets import Input, Label, OptionList, Static
from textual.widgets.option_list import Option

from knnal.names import did_you_mean
from knnal_cli.keymap import Action
from knnal_cli.printable import printable_line
from knnal_cli.tui.model import PastItem


def matches(typed: str, names: Sequence[str]) -> list[str]:
    """The names that are meant, best first, ties in their order: those that are the same, begin
    with it, have a word that does, contain it, or have its letters in their order.
    """
    wanted = typed.strip().casefold()
    ranked = [(_rank(wanted, name.casefold()), name) for name in names]
    return [name for rank, name in sorted(ranked, key=lambda pair: pair[0]) if rank < _NONE]


_NONE = 5


def _rank(wanted: str, name: str) -> int:
    if name == wanted:
        return 0
    if name.startswith(wanted):
        return 1
    if any(word.startswith(wanted) for word in name.replace("-", " ").replace("_", " ").split()):
        return 2
    if wanted in name:
        return 3
    letters = iter(name)
    return 4 if all(letter in letters for letter in wanted) else _NONE


class Dialog(ModalScreen[str]):
    """A window whose answer is a text; "" for none."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", show=False)]

    def action_leave(self) -> None:
        self.dismiss("")


class TextDialog(Dialog):
    """Asks for a line; ``given`` is there to begin with. The answer is the line
    behind a leading ".", so that an empty line differs from None.
    """

    def __init__(self, title: str, given: str = "") -> None:
        super().__init__()
        self._title = title
        self._given = given

    def compose(self) -> ComposeResult:
        with Vertical(classes="window"):
            yield Label(Text(printable_line(self._title)))
            yield Input(self._given, compact=True)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self.dismiss(f".{event.value}")


class KeyDialog(Dialog):
    """Asks for one key."""

    def __init__(self, title: str) -> None:
        super().__init__()
        self._title = title

    def compose(self) -> ComposeResult:
        with Vertical(classes="window"):
            yield Label(Text(printable_line(self._title)))

    def on_key(self, event: Key) -> None:
        if event.is_printable and event.character:
            event.stop()
            self.dismiss(event.character)


class ConfirmDialog(Dialog):
    """Asks whether something is meant, which y alone says."""

    def __init__(self, question: str) -> None:
        super().__init__()
        self._question = question

    def compose(self) -> ComposeResult:
        with Vertical(classes="window"):
            yield Label(Text(printable_line(f"{self._question} y: yes, n: no")))

    def on_key(self, event: Key) -> None:
        if event.is_printable:
            event.stop()
        if event.character in ("y", "n"):
            self.dismiss("y" if event.character == "y" else "")


class HelpDialog(Dialog):
    """Every key; any of them goes back."""

    def __init__(self, keys: Sequence[Action]) -> None:
        super().__init__()
        self._keys = keys

    def compose(self) -> ComposeResult:
        lines = [Text.assemble((f"{one.printed:<15}", "bold"), one.help) for one in self._keys]
        with Vertical(classes="window wide"):
            yield Static(Text("\n").join(lines))

    def on_key(self, event: Key) -> None:
        event.stop()
        self.dismiss("")


_LISTED = 200
"""PastItem items at most in the list at once."""


class ListChoice(NamedTuple):
    """An answer, and how it is listed."""

    answer: str
    line: Text


class ChoiceDialog(Dialog):
    """Asks for one of a list. Arrows mark, Enter takes the one that is marked."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "move(1)", show=False, priority=True),
        Binding("up", "move(-1)", show=False, priority=True),
    ]

    def __init__(self, title: str, *, takes_unseen: bool) -> None:
        """``takes_unseen``: whether Enter takes the marked one though nothing was typed."""
        super().__init__()
        self._title = title
        self._takes_unseen = takes_unseen
        self._choices: list[ListChoice] = []

    @abstractmethod
    def choices(self, typed: str) -> list[ListChoice]:
        """The choices that match what is typed, the likeliest first."""

    def compose(self) -> ComposeResult:
        with Vertical(classes="window tall"):
            yield Label(Text(printable_line(self._title)))
            yield Input(compact=True)
            yield OptionList()

    def on_mount(self) -> None:
        self.query_one(OptionList).can_focus = False
        self._list("")

    def on_input_changed(self, event: Input.Changed) -> None:
        self._list(event.value.strip())

    def on_input_submitted(self, event: Input.Submitted) -> None:
        marked = self.query_one(OptionList).highlighted
        takes = self._takes_unseen or bool(event.value.strip())
        self.dismiss("" if marked is None or not takes else self._choices[marked].answer)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._choices[event.option_index].answer)

    def action_move(self, by: int) -> None:
        options = self.query_one(OptionList)
        if self._choices:
            options.highlighted = ((options.highlighted or 0) + by) % len(self._choices)

    def _list(self, typed: str) -> None:
        self._choices = self.choices(typed)
        options = self.query_one(OptionList)
        options.clear_options()
        options.add_options([Option(choice.line) for choice in self._choices])
        options.highlighted = 0 if self._choices else None


class ClassDialog(ChoiceDialog):
    """Asks for a class by what is typed of it; if ``new``, for another name too: what is typed,
    where it is no class.
    """

    def __init__(self, title: str, classes: Sequence[str], *, new: bool) -> None:
        super().__init__(title, takes_unseen=not new)
        self._names = list(classes)
        self._new = new

    def choices(self, typed: str) -> list[ListChoice]:
        found = matches(typed, self._names)
        choices = [ListChoice(name, Text(printable_line(name))) for name in found]
        if self._new and typed and typed not in self._names:
            # A class that begins so is rather meant than a new one; other likenesses are not.
            place = sum(name.casefold().startswith(typed.casefold()) for name in found)
            hint = f"  a new class{did_you_mean(typed, self._names)}"
            line = Text.assemble(printable_line(typed), (printable_line(hint), "dim"))
            choices.insert(place, ListChoice(typed, line))
        return choices


class PastDialog(ChoiceDialog):
    """Asks for an item that was decided on, by parts of its name and its label."""

    def __init__(self, past: Sequence[PastItem]) -> None:
        title = "Which item? By letters of it or its class, latest first:"
        super().__init__(title, takes_unseen=True)
        self._past = [(one, f"{one.label or _ASIDE} {one.item}".casefold()) for one in past]

    def choices(self, typed: str) -> list[ListChoice]:
        words = typed.casefold().split()
        found = [one for one, text in self._past if all(word in text for word in words)]
        return [ListChoice(one.item, _listed(one)) for one in found[:_LISTED]]


_ASIDE = "set aside"


def _listed(past: PastItem) -> Text:
    return Text.assemble(
        (printable_line(past.label or _ASIDE), "bold"),
        f"  {printable_line(past.item)}",
        no_wrap=True,
        overflow="ellipsis",
    )
