"""Windows that ask for one of many: what is typed narrows the list."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input, Label, OptionList
from textual.widgets.option_list import Option

from knnal.names import did_you_mean
from knnal_cli.printable import printable_line
from knnal_cli.tui.app.dialogs import Dialog
from knnal_cli.tui.app.matching import matches
from knnal_cli.tui.app.shown import Past

_LISTED = 200
"""Past items at most in the list at once."""


class Choice(NamedTuple):
    """An answer, and how it is listed."""

    answer: str
    shown: Text


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
        self._choices: list[Choice] = []

    @abstractmethod
    def choices(self, typed: str) -> list[Choice]:
        """What there is to choose from by what is typed so far, the likeliest first."""

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
        options.add_options([Option(choice.shown) for choice in self._choices])
        options.highlighted = 0 if self._choices else None


class ClassDialog(ChoiceDialog):
    """Asks for a class by what is typed of it; if ``new``, for another name too: what is typed,
    where it is no class.
    """

    def __init__(self, title: str, classes: Sequence[str], *, new: bool) -> None:
        super().__init__(title, takes_unseen=not new)
        self._names = list(classes)
        self._new = new

    def choices(self, typed: str) -> list[Choice]:
        found = matches(typed, self._names)
        choices = [Choice(name, Text(printable_line(name))) for name in found]
        if self._new and typed and typed not in self._names:
            # A class that begins so is rather meant than a new one; other likenesses are not.
            place = sum(name.casefold().startswith(typed.casefold()) for name in found)
            hint = f"  a new class{did_you_mean(typed, self._names)}"
            shown = Text.assemble(printable_line(typed), (printable_line(hint), "dim"))
            choices.insert(place, Choice(typed, shown))
        return choices


class PastDialog(ChoiceDialog):
    """Asks for an item that was decided on, by parts of its name and its label."""

    def __init__(self, past: Sequence[Past]) -> None:
        title = "Which item? By letters of it or its class, latest first:"
        super().__init__(title, takes_unseen=True)
        self._past = [(one, f"{one.label or _ASIDE} {one.item}".casefold()) for one in past]

    def choices(self, typed: str) -> list[Choice]:
        words = typed.casefold().split()
        found = [one for one, text in self._past if all(word in text for word in words)]
        return [Choice(one.item, _listed(one)) for one in found[:_LISTED]]


_ASIDE = "set aside"


def _listed(past: Past) -> Text:
    return Text.assemble(
        (printable_line(past.label or _ASIDE), "bold"),
        f"  {printable_line(past.item)}",
        no_wrap=True,
        overflow="ellipsis",
    )
