"""The loop: show an item, read a key, do what it means."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from knnal.errors import InputError, LabelConflictError, NothingToUndoError
from knnal.pool.labels.ledger import Event
from knnal.session.question_selection import Question
from knnal.session.session import Session
from knnal_cli.class_keys import keys_of
from knnal_cli.keymap import Front, Mode, action_of
from knnal_cli.printable import printable_line
from knnal_cli.tui import keys
from knnal_cli.tui.outlook import Outlook
from knnal_cli.tui.screen import class_keys, help_screen, question_screen
from knnal_cli.wording import described, label_remark, nothing_left, taken_back

_RECENT = 9


class LabelLoop:
    """Drives one session from one terminal until the user quits or nothing is left."""

    def __init__(
        self,
        session: Session,
        console: Console | None = None,
        keyboard: keys.Keyboard | None = None,
        target: float | None = None,
    ) -> None:
        self._session = session
        self._outlook = Outlook(session, target)
        self._console = console or Console(highlight=False)
        self._keyboard = keyboard or keys.Keyboard()
        self._note = ""
        self._quit = False

    def run(self, question: Question | None) -> None:
        """Ask about one item after the other, beginning with the given one."""
        try:
            while question is not None and not self._quit:
                question = self._answer(question)
        except (KeyboardInterrupt, EOFError):
            self._quit = True
        self._session.stop_anticipating()
        self._outlook.close()
        if self._quit:
            self._say("Stopped. Everything is stored; 'knnal label' goes on from here.")
        else:
            self._say(nothing_left(self._session.per_group))

    def _answer(self, question: Question) -> Question | None:
        """Show a question until a key settles it; the question that follows."""
        self._show(question)
        self._outlook.work()
        self._session.anticipate(question)
        key = self._keyboard.key()
        action, classes = action_of(key, Mode.LABEL, Front.PLAIN), keys_of(self._session)
        try:
            if key in classes:
                return self._tell(question, classes[key])
            if action == "type":
                name = self._type_class()
                return self._tell(question, name) if name else question
            if action == "skip":
                self._session.skip(question.item)
                return self._next(f"Skipped {question.item}.")
            if action == "undo":
                return self._undo(question)
            if action == "relabel":
                return self._relabel(question)
        except (InputError, LabelConflictError, NothingToUndoError) as error:
            self._note = str(error)
            taken = isinstance(error, LabelConflictError)
            return self._session.ask() if taken else question
        self._quit = action == "quit"
        if action == "help":
            self._console.clear()
            self._console.print(help_screen(Mode.LABEL))
            self._keyboard.key()
        return question

    def _tell(self, question: Question, label: str) -> Question | None:
        remark = label_remark(label, self._session.classes)
        self._session.tell(question.item, label)
        return self._next(f"{question.item}: {remark}")

    def _next(self, note: str) -> Question | None:
        self._note = note
        return self._session.ask()

    def _undo(self, question: Question) -> Question | None:
        first = self._session.undoable()
        events = self._session.ledger.batch_of(first)
        if len(events) > 1:
            asked = f"Take back {described(events)}? y does; any other key goes back."
            self._console.print(printable_line(asked), markup=False)
            if self._keyboard.key() != "y":
                self._note = "Nothing was taken back."
                return question
        self._session.undo(first.seq)
        decided = first.item and self._session.ledger.decision(first.item)
        if len(events) > 1 or first.item is None or decided:
            return self._next(f"{taken_back(events)}.")  # of several, of a relabel or a rename
        self._note = f"{taken_back(events)}. Here is the item again."
        return self._session.explain(first.item)

    def _relabel(self, question: Question) -> Question:
        """Choose one of the latest labeled items and its new class; then back to the question."""
        chosen = self._choose_recent()
        if chosen is not None and chosen.item is not None:
            self._console.print(class_keys(self._session))
            asked = f"New class of {chosen.item} (was {chosen.label}); {keys.UNLABEL} for none:"
            self._console.print(printable_line(asked), markup=False)
            key = self._keyboard.key()
            if key == keys.UNLABEL:
                self._session.unlabel(chosen.item)
                self._note = f"{chosen.item} has no label any more."
                return self._session.explain(question.item)
            classes = keys_of(self._session)
            label = classes.get(key) or (
                self._type_class() if action_of(key, Mode.LABEL, Front.PLAIN) == "type" else ""
            )
            if not label:
                self._note = "Nothing relabeled."
            else:
                remark = label_remark(label, self._session.classes, was=chosen.label)
                self._session.relabel(chosen.item, label)
                self._note = f"{chosen.item}: {remark}"
        return self._session.explain(question.item)

    def _choose_recent(self) -> Event | None:
        labeled = [e for e in self._session.ledger.decisions() if e.label is not None]
        recent = labeled[: -_RECENT - 1 : -1]
        if not recent:
            self._note = "Nothing is labeled yet."
            return None
        self._console.clear()
        for number, event in enumerate(recent, start=1):
            self._console.print(
                Text(
                    printable_line(f"{number}  {event.label}  {event.item}"),
                    overflow="ellipsis",
                    no_wrap=True,
                )
            )
        self._console.print("Which one? Any other key goes back.")
        key = self._keyboard.key()
        if key.isdecimal() and 1 <= int(key) <= len(recent):
            return recent[int(key) - 1]
        self._note = "Nothing relabeled."
        return None

    def _type_class(self) -> str:
        """The name that was typed, or "" for Enter alone."""
        prompt = "Class (Enter alone goes back): "
        return self._keyboard.line(lambda: self._console.input(prompt, markup=False)).strip()

    def _show(self, question: Question) -> None:
        self._console.clear()
        outlook = self._outlook.lines()
        self._console.print(question_screen(self._session, question, self._console, outlook))
        if self._note:
            self._console.print(Text(printable_line(self._note), style="italic"))
        self._note = ""

    def _say(self, message: str) -> None:
        self._console.print(message, markup=False)
