"""The review in a terminal: show a label that may be wrong, read a key, do what it means."""

from __future__ import annotations

from rich.console import Console, Group, RenderableType
from rich.text import Text

from knnal.errors import InputError, LabelConflictError, NothingToUndoError
from knnal.quality.label_errors import Suspect
from knnal.quality.review import Review
from knnal_cli.class_keys import keys_of
from knnal_cli.keymap import Front, Mode, action_of
from knnal_cli.printable import printable_line
from knnal_cli.tui import keys
from knnal_cli.tui.reviewing import Reviewing
from knnal_cli.tui.screen import (
    class_keys,
    command_line,
    help_screen,
    item_panel,
    neighbor_lines,
)

_LINES_AROUND = 13
"""Everything but the item and the classes: borders, label, opinions, prediction, neighbors, keys,
a note.
"""
_SMALLEST_ITEM = 4


class ReviewLoop:
    """Drives one review from one terminal until the user quits, or ``limit`` labels are through."""

    def __init__(
        self,
        review: Review,
        limit: int | None = None,
        console: Console | None = None,
        keyboard: keys.Keyboard | None = None,
    ) -> None:
        self._review = review
        self._reviewing = Reviewing(review, limit)
        self._console = console or Console(highlight=False)
        self._keyboard = keyboard or keys.Keyboard()
        self._note = ""
        self._quit = False

    def run(self) -> None:
        """Ask about one label after the other, in the order of ``Review.suspects``."""
        suspect = self._next("")
        try:
            while suspect is not None and not self._quit:
                suspect = self._ask(suspect)
        except (KeyboardInterrupt, EOFError):
            self._quit = True
        if self._quit:
            self._say("Stopped. Everything is stored; 'knnal review' goes on from here.")
        elif self._reviewing.is_through:
            self._say(f"{self._reviewing.answered} reviewed. 'knnal review' goes on from here.")
        else:
            self._say("No label is left to review.")

    def _ask(self, suspect: Suspect) -> Suspect | None:
        """Show a label until a key settles it; the one that follows."""
        self._show(suspect)
        key = self._keyboard.key()
        action, classes = action_of(key, Mode.REVIEW, Front.PLAIN), keys_of(self._review.session)
        try:
            if action == "keep":
                return self._answer(suspect, suspect.label)
            if key in classes:
                return self._answer(suspect, classes[key])
            if action == "type":
                name = self._type_class()
                return self._answer(suspect, name) if name else suspect
            if action == "skip":
                return self._answer(suspect, None)
            if action == "undo":
                return self._undo(suspect)
        except LabelConflictError as error:
            return self._next(str(error))
        except (InputError, NothingToUndoError) as error:
            self._note = str(error)
            return suspect
        self._quit = action == "quit"
        if action == "help":
            self._console.clear()
            self._console.print(help_screen(Mode.REVIEW))
            self._keyboard.key()
        return suspect

    def _answer(self, suspect: Suspect, label: str | None) -> Suspect | None:
        return self._next(self._reviewing.answer(suspect, label))

    def _next(self, note: str) -> Suspect | None:
        self._note = note
        return self._reviewing.next()

    def _undo(self, suspect: Suspect) -> Suspect:
        again = self._reviewing.undo()
        self._note = "Taken back. Here is the item again."
        return again or suspect

    def _type_class(self) -> str:
        """The name that was typed, or "" for Enter alone."""
        prompt = "Class (Enter alone goes back): "
        return self._keyboard.line(lambda: self._console.input(prompt, markup=False)).strip()

    def _show(self, suspect: Suspect) -> None:
        self._console.clear()
        self._console.print(suspect_screen(self._review, suspect, self._console))
        if self._note:
            self._console.print(Text(printable_line(self._note), style="italic"))
        self._note = ""

    def _say(self, message: str) -> None:
        self._console.print(message, markup=False)


def suspect_screen(review: Review, suspect: Suspect, console: Console) -> RenderableType:
    """Everything about one label, within the height of the terminal."""
    classes = class_keys(review.session)
    taken = _LINES_AROUND + len(console.render_lines(classes))
    height = max(console.height - taken, _SMALLEST_ITEM)
    return Group(
        left_line(review),
        item_panel(suspect, console.width, height),
        _label_line(suspect),
        *_opinion_lines(suspect),
        *neighbor_lines(suspect.against),
        classes,
        command_line(Mode.REVIEW),
    )


def left_line(review: Review) -> Text:
    """How much there is to review."""
    left = review.left()
    line = Text(f"{left.suspicious} labels to review", style="bold")
    if left.outdated:
        line.append(f", {left.outdated} of changed items", style="not bold")
    if left.disputed:
        line.append(f", on {left.disputed} of them two people disagree", style="not bold")
    return line.append(f", {left.confident} confidently wrong", style="not bold")


def _label_line(suspect: Suspect) -> Text:
    prediction = suspect.prediction
    line = Text(f"Label: {printable_line(suspect.label)}", style="bold")
    predicted = printable_line(prediction.label or "")
    line.append(f" · without it: {predicted} {prediction.probability:.0%}")
    if suspect.outdated:
        line.append(" · the item has changed since", style="not bold")
    return line.append(f" · suspicion {suspect.suspicion:.2f}", style="not bold")


def _opinion_lines(suspect: Suspect) -> list[Text]:
    """Who gave the label, and who says otherwise; nothing where all agree."""
    if not suspect.opinions:
        return []
    said = [(suspect.annotator, suspect.label), *((o.annotator, o.label) for o in suspect.opinions)]
    words = " · ".join(f"{annotator} says {label}" for annotator, label in said)
    return [Text(printable_line(words), overflow="ellipsis", no_wrap=True)]
