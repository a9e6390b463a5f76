"""What opens over a screen: a line to type, a key to press, the keys that there are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.events import Key
from textual.screen import ModalScreen
from textual.widgets import Input, Label, Static

from knnal_cli.keymap import Action
from knnal_cli.printable import printable_line


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
        lines = [Text.assemble((f"{one.shown:<15}", "bold"), one.help) for one in self._keys]
        with Vertical(classes="window wide"):
            yield Static(Text("\n").join(lines))

    def on_key(self, event: Key) -> None:
        event.stop()
        self.dismiss("")
