"""What opens over the question: typing a class or a note, going back, the keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.events import Key
from textual.screen import ModalScreen
from textual.widgets import Input, Label, OptionList, Static
from textual.widgets.option_list import Option

from knnal_cli.printable import printable_line
from knnal_cli.terminal.app.matching import matches
from knnal_cli.terminal.app.shown import Past


class Dialog(ModalScreen[str]):
    """A window whose answer is a text; "" for none."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", show=False)]

    def action_leave(self) -> None:
        self.dismiss("")


class TextDialog(Dialog):
    """Asks for a line; ``given`` is there to begin with. None is told from an empty one by a dot:
    the answer is the line behind a leading ".".
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


class ClassDialog(Dialog):
    """Asks for a class by what is typed of it. Enter takes the one that is marked, if ``new``
    another name too: what is typed, where it is no class.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "move(1)", show=False, priority=True),
        Binding("up", "move(-1)", show=False, priority=True),
    ]

    def __init__(self, title: str, classes: Sequence[str], *, new: bool) -> None:
        super().__init__()
        self._title = title
        self._names = list(classes)
        self._new = new
        self._found: list[str] = []

    def compose(self) -> ComposeResult:
        with Vertical(classes="window"):
            yield Label(Text(printable_line(self._title)))
            yield Input(compact=True)
            yield OptionList()

    def on_mount(self) -> None:
        self.query_one(OptionList).can_focus = False
        self._list("")

    def on_input_changed(self, event: Input.Changed) -> None:
        self._list(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        marked = self.query_one(OptionList).highlighted
        nothing = marked is None or (not event.value.strip() and self._new)
        self.dismiss("" if nothing or marked is None else self._found[marked])

    def action_move(self, by: int) -> None:
        options = self.query_one(OptionList)
        if self._found:
            options.highlighted = ((options.highlighted or 0) + by) % len(self._found)

    def _list(self, typed: str) -> None:
        typed = typed.strip()
        found = matches(typed, self._names)
        shown = [Text(printable_line(name)) for name in found]
        if self._new and typed and typed not in self._names:
            # A class that begins so is rather meant than a new one; other likenesses are not.
            place = sum(name.casefold().startswith(typed.casefold()) for name in found)
            found.insert(place, typed)
            shown.insert(place, Text.assemble(printable_line(typed), ("  a new class", "dim")))
        self._found = found
        options = self.query_one(OptionList)
        options.clear_options()
        options.add_options([Option(text) for text in shown])
        options.highlighted = 0 if found else None


class PastDialog(Dialog):
    """Asks for an item that was decided on."""

    def __init__(self, past: Sequence[Past]) -> None:
        super().__init__()
        self._past = list(past)

    def compose(self) -> ComposeResult:
        with Vertical(classes="window tall"):
            yield Label(Text("Which item? The latest comes first."))
            yield OptionList(
                *(
                    Option(
                        Text.assemble(
                            (printable_line(one.label or "set aside"), "bold"),
                            f"  {printable_line(one.item)}",
                            no_wrap=True,
                            overflow="ellipsis",
                        )
                    )
                    for one in self._past
                )
            )

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._past[event.option_index].item)


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


class HelpDialog(Dialog):
    """Every key; any of them goes back."""

    def __init__(self, lines: Sequence[tuple[str, str]]) -> None:
        super().__init__()
        self._keys = lines

    def compose(self) -> ComposeResult:
        lines = [Text.assemble((f"{key:<14}", "bold"), meaning) for key, meaning in self._keys]
        with Vertical(classes="window wide"):
            yield Static(Text("\n").join(lines))

    def on_key(self, event: Key) -> None:
        event.stop()
        self.dismiss("")
