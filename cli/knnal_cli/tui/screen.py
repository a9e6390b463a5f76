"""What the loop shows: the item, what is thought of it and why, the progress, and the keys."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.columns import Columns
from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.panel import Panel
from rich.text import Text

from knnal.pool.labels.ledger import AUDIT
from knnal.quality.audit import audited_items, latest_estimate
from knnal.quality.label_errors import Suspect
from knnal.session.question_selection import Question
from knnal.session.session import Session
from knnal.types import Neighbor
from knnal_cli.class_keys import keys_of
from knnal_cli.keymap import CLASS, Front, Mode, actions
from knnal_cli.printable import printable, printable_line
from knnal_cli.tui.preview import preview
from knnal_cli.wording import search_line, stands_for

_LINES_AROUND = 13
"""Everything but the item and the classes: borders, prediction, reason, keys, a note."""
_SMALLEST_ITEM = 4
_NEIGHBORS = 3


def question_screen(
    session: Session, question: Question, console: Console, outlook: Sequence[Text] = ()
) -> RenderableType:
    """Everything about one item, within the height of the terminal; ``outlook``: lines on top."""
    classes, outlook = class_keys(session), [*outlook, *particulars(session, question)]
    taken = _LINES_AROUND + len(outlook) + len(console.render_lines(classes))
    height = max(console.height - taken, _SMALLEST_ITEM)
    return Group(
        progress_line(session, question),
        *outlook,
        item_panel(question, console.width, height),
        _prediction(question),
        *neighbor_lines(question.prediction.neighbors),
        _reason(question),
        classes,
        command_line(Mode.LABEL),
    )


def progress_line(session: Session, question: Question) -> Text:
    """Labels so far, what is left, and the estimated accuracy with its interval."""
    line = Text(f"{len(session.ledger.labels())} labeled", style="bold")
    line.append(f", {question.remaining} to go", style="not bold")
    estimate = latest_estimate(audited_items(session.ledger))
    if estimate is not None:
        line.append(
            f" · accuracy {estimate.accuracy:.0%} ({estimate.low:.0%}-{estimate.high:.0%}, "
            f"{estimate.audited} audited)",
            style="not bold green",
        )
    return line


def particulars(session: Session, question: Question) -> list[Text]:
    """A line of what was asked for besides: the search for a class, near-duplicates; or none."""
    parts = [stands_for(question.near_duplicates)] if question.near_duplicates else []
    if session.sought is not None:
        parts.append(f"Seeking {search_line(session.sought)}")
    line = printable_line(" · ".join(parts))
    return [Text(line, style="dim", overflow="ellipsis", no_wrap=True)] if parts else []


def class_keys(session: Session) -> RenderableType:
    """The key of each class, and how many labels it has."""
    keys = keys_of(session)
    if not keys:
        return Text("No classes yet: press n and type the first one.", style="bold")
    counts = session.ledger.class_counts()
    entries = [
        Text.assemble(
            (f" {key} ", "reverse"), f" {printable_line(name)} ", (str(counts[name]), "dim")
        )
        for key, name in keys.items()
    ]
    if len(counts) > len(keys):
        entries.append(Text(f"and {len(counts) - len(keys)} more by n", style="dim"))
    return Columns(entries, padding=(0, 2))


def command_line(mode: Mode) -> Text:
    """The keys that are no class."""
    line = Text(style="dim")
    for action in actions(mode, Front.PLAIN):
        if action.name != CLASS:
            line.append(f"{action.shown} ", style="bold").append(f"{action.short}  ")
    return line


def help_screen(mode: Mode) -> RenderableType:
    """What each key does, in words."""
    lines = [f"{action.shown:<14}{action.help}" for action in actions(mode, Front.PLAIN)]
    return Panel("\n".join([*lines, "", "Press any key to go back."]), title="Keys")


def item_panel(shown_item: Question | Suspect, width: int, height: int) -> RenderableType:
    """The item's picture or text in a frame that has its id."""
    shown: RenderableType
    if shown_item.path is not None:
        shown = Group(
            Text(printable_line(_shown_path(shown_item.path)), overflow="ellipsis", no_wrap=True),
            preview(shown_item.path, width - 4, height - 1),
        )
    elif shown_item.text is not None:
        lines = Text(printable(shown_item.text)).wrap(Console(width=width), width - 4)
        shown = Text("\n").join(lines[:height])
    else:
        shown = Text("(an embedding, with nothing to show)")
    return Panel(shown, title=escape(printable_line(shown_item.item)), title_align="left")


def _shown_path(path: Path) -> str:
    """The path from where the command runs, if it lies below."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _prediction(question: Question) -> Text:
    prediction = question.prediction
    if prediction.label is None:
        return Text("No prediction before the first label.")
    label = printable_line(prediction.label)
    return Text(f"Prediction: {label} ", style="bold").append(
        f"{prediction.probability:.0%}", style="not bold"
    )


def neighbor_lines(neighbors: Sequence[Neighbor]) -> list[Text]:
    """The first few neighbors: share of the vote, label, similarity, id."""
    return [
        Text(
            printable_line(
                f"  {n.share:>4.0%}  {n.label}  (similarity {n.similarity:.2f})  {n.item}"
            ),
            overflow="ellipsis",
            no_wrap=True,
        )
        for n in neighbors[:_NEIGHBORS]
    ]


def _reason(question: Question) -> Text:
    if question.origin == AUDIT:
        return Text("Why: drawn at random, to estimate the accuracy.", style="dim")
    if question.score is None:
        return Text("")
    factors = question.score.factors
    shown = ", ".join(f"{name} {factors[name]:.2f}" for name in ("u", "i", "d") if name in factors)
    return Text(
        f"Why: {question.score.strategy} {question.score.value:.3f}"
        + (f" (uncertainty, density, diversity: {shown})" if len(factors) > 1 else ""),
        style="dim",
    )
