"""The plain loop, for any terminal: show an item or a label, read a key, do what it means."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.panel import Panel
from rich.text import Text
from rich_pixels import Pixels

from knnal.embedders.images import open_thumbnail
from knnal.errors import ItemError
from knnal.quality.label_errors import Suspect
from knnal_cli.keymap import Front, KeyMode, action_of, actions
from knnal_cli.printable import printable, printable_line
from knnal_cli.tui import drawing
from knnal_cli.tui.keyboard import Keyboard
from knnal_cli.tui.model import LabelModel, Model, NeighborView, Subject, View

_RECENT = 9
_NEIGHBORS = 3
_CLASS_LINES = 4
_LINES_AROUND = 11
"""The item's frame, prediction, neighbors, reason, opinions, keys, a remark, the cursor."""
_SMALLEST_ITEM = 4


class PlainLoop:
    """Drives a model from one terminal until the user quits or no subject is left."""

    def __init__(
        self, model: Model, console: Console | None = None, keyboard: Keyboard | None = None
    ) -> None:
        self._model = model
        self._console = console or Console(highlight=False)
        self._keyboard = keyboard or Keyboard()

    def run(self, view: View) -> bool:
        """Ask about one subject after the other; whether the user quit."""
        try:
            while view.subject is not None:
                following = self._ask(view, view.subject)
                if following is None:
                    return True
                view = following
        except (KeyboardInterrupt, EOFError):
            return True
        finally:
            self._model.close()
        return False

    def _ask(self, view: View, subject: Subject) -> View | None:
        """Show a subject and do what a key says; what comes next, or None to quit."""
        model, keyboard = self._model, self._keyboard
        self._console.clear()
        self._console.print(screen_of(view, subject, model.mode, self._console))
        model.work_ahead(subject)
        key = keyboard.key()
        action = action_of(key, model.mode, Front.PLAIN)
        if key in view.keys:
            return model.answer(subject, view.keys[key])
        if action is not None and action in model.simple:
            return model.simple[action](subject)
        if action == "type":
            name = keyboard.line(
                lambda: str(self._console.input("Class (Enter alone goes back): ", markup=False))
            ).strip()
            return model.answer(subject, name) if name else model.view(subject)
        if action == "undo":
            return self._undo(subject)
        if action == "relabel" and isinstance(model, LabelModel):
            return self._go_back(model, subject)
        if action == "quit":
            return None
        if action == "help":
            lines = [f"{a.printed:<15}{a.help}" for a in actions(model.mode, Front.PLAIN)]
            help_text = "\n".join([*lines, "", "Press any key to go back."])
            self._console.clear()
            self._console.print(Panel(help_text, title="Keys"))
            keyboard.key()
        return model.view(subject)

    def _undo(self, subject: Subject) -> View:
        undoable = self._model.undoable()
        if undoable is None or undoable.count == 1:
            return self._model.undo(subject)
        question = f"Take back {undoable.words}? y: yes, any other key: no."
        self._console.print(printable_line(question), markup=False)
        if self._keyboard.key() == "y":
            return self._model.undo(subject, undoable.first)
        return self._model.view(subject, "Nothing was taken back.")

    def _go_back(self, model: LabelModel, subject: Subject) -> View:
        """One of the latest items, which the next key may relabel."""
        recent = model.past()[:_RECENT]
        if not recent:
            return model.view(subject, "Nothing is labeled yet.")
        self._console.clear()
        for number, past in enumerate(recent, start=1):
            line = f"{number}  {past.label or 'set aside'}  {past.item}"
            self._console.print(_line(line))
        self._console.print("Which one? Any other key goes back.")
        key = self._keyboard.key()
        if key.isdecimal() and 1 <= int(key) <= len(recent):
            return model.go_back(recent[int(key) - 1].item)
        return model.view(subject)


def screen_of(view: View, subject: Subject, mode: KeyMode, console: Console) -> RenderableType:
    """A view within the height of the terminal."""
    width = console.width
    top = drawing.top_lines(view.lines, width)
    predicted = subject.prediction.label
    classes = drawing.class_line(view.keys, view.counts, predicted, width, _CLASS_LINES)
    around = _LINES_AROUND + len(top) + classes.plain.count("\n") + 1
    remark = " ".join([view.remark, f"Note: {view.note}" if view.note else ""]).strip()
    parts: list[RenderableType] = [
        *top,
        _item(subject, width, max(console.height - around, _SMALLEST_ITEM)),
        *(_label_lines(subject) if isinstance(subject, Suspect) else _prediction(subject)),
        *(_neighbor(near) for near in view.neighbors[:_NEIGHBORS]),
        _line(f"Why: {' · '.join(drawing.why(subject))}", "dim"),
        classes,
        drawing.footer(mode, Front.PLAIN, width),
    ]
    return Group(*parts, _line(remark, "italic")) if remark else Group(*parts)


def _line(text: str, style: str = "") -> Text:
    return Text(printable_line(text), style=style, overflow="ellipsis", no_wrap=True)


def _item(subject: Subject, width: int, height: int) -> RenderableType:
    """The item's picture or text in a frame that has its id."""
    content: RenderableType = Text("(an embedding, with nothing to show)")
    if subject.path is not None:
        path = _line(str(_relative(subject.path)))
        content = Group(path, _preview(subject.path, width - 4, height - 1))
    elif subject.text is not None:
        lines = Text(printable(subject.text)).wrap(Console(width=width), width - 4)
        content = Text("\n").join(lines[:height])
    return Panel(content, title=escape(printable_line(subject.item)), title_align="left")


def _relative(path: Path) -> Path:
    """The path from where the command runs, if it lies below."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _prediction(subject: Subject) -> Iterator[Text]:
    prediction = subject.prediction
    if prediction.label is None:
        yield Text("No prediction before the first label.")
    else:
        yield _line(f"Prediction: {prediction.label} {prediction.probability:.0%}", "bold")


def _label_lines(suspect: Suspect) -> Iterator[Text]:
    """The label, what is predicted without it, and who says otherwise."""
    prediction = suspect.prediction
    predicted = f"{prediction.label or ''} {prediction.probability:.0%}"
    yield _line(f"Label: {suspect.label} · without it: {predicted}", "bold")
    if suspect.opinions:
        said = [(suspect.annotator, suspect.label)]
        said += [(opinion.annotator, opinion.label) for opinion in suspect.opinions]
        yield _line(" · ".join(f"{annotator} says {label}" for annotator, label in said))


def _neighbor(near: NeighborView) -> Text:
    """Share of the vote, label, similarity, id."""
    n = near.neighbor
    return _line(f"  {n.share:>4.0%}  {n.label}  (similarity {n.similarity:.2f})  {n.item}")


def _preview(path: Path, width: int, height: int) -> RenderableType:
    """The image fitted into ``width x height`` character cells, or a line that says why not."""
    try:
        image = open_thumbnail(path, (width, 2 * height))  # a cell shows two pixels, one below
    except (ItemError, OSError) as error:
        return Text(f"(no preview: {error})", style="yellow")
    pixels: RenderableType = Pixels.from_image(image)
    return pixels
