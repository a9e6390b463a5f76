"""What the panels beside an item hold, as text: prediction, neighbors, reason, keys.

Blue and orange stand apart for every kind of color vision, and nothing is told by color alone.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

from rich.cells import cell_len
from rich.text import Text

from knnal.pages import palette
from knnal.pool.labels.ledger import AUDIT
from knnal.quality.label_errors import Suspect
from knnal.session.question_selection import Question
from knnal_cli.keymap import Front, Mode, actions
from knnal_cli.printable import printable, printable_line
from knnal_cli.tui.app.shown import Seen, Subject

BLUE, ORANGE = palette.SKY_BLUE, palette.ORANGE
_EIGHTHS = " ▏▎▍▌▋▊▉█"
_REST = len("and 999 by n")
_FACTORS = {
    "u": "unsure prediction",
    "i": "many items like it",
    "d": "far from all labels",
}


def bars(probabilities: Mapping[str, float], width: int, most: int) -> Text:
    """The likeliest classes with a bar each, at most so many lines of such a width."""
    ranked = sorted(probabilities.items(), key=lambda pair: -pair[1])
    names = max(min(max((cell_len(name) for name, _ in ranked), default=0), width - 16), 4)
    length = max(width - names - 9, 4)
    lines = []
    for place, (name, p) in enumerate(ranked[:most]):
        style = f"bold {BLUE}" if place == 0 else "default"
        line = Text("▸ " if place == 0 else "  ", style=style)
        line.append(fitted(name, names), style=style).append(" ")
        line.append(bar(p, length), style=BLUE if place == 0 else "dim")
        lines.append(line.append(f" {p:>4.0%}", style=style))
    if len(ranked) > most:
        lines[-1:] = [Text(f"  and {len(ranked) - most + 1} classes less likely", style="dim")]
    return Text("\n").join(lines)


def bar(share: float, length: int) -> str:
    """A share in [0, 1] as blocks, to an eighth of a character, filled up with blanks."""
    eighths = round(min(max(share, 0.0), 1.0) * length * 8)
    full, rest = divmod(eighths, 8)
    return ("█" * full + (_EIGHTHS[rest] if rest else "")).ljust(length)


def fitted(text: str, width: int) -> str:
    """One line of exactly so many cells: cut off with an ellipsis, or filled up with blanks."""
    line = Text(printable_line(text), no_wrap=True)
    line.truncate(width, overflow="ellipsis", pad=True)
    return line.plain


def neighbor_text(seen: Seen, width: int) -> Text:
    """Two lines: the share of the vote, the label, the similarity; and what the item is."""
    neighbor = seen.neighbor
    similar = f" {neighbor.similarity:.2f}"
    what = neighbor.item if seen.text is None else seen.text
    return Text.assemble(
        (f"{neighbor.share:>4.0%} ", f"bold {ORANGE}"),
        (fitted(neighbor.label, max(width - 5 - len(similar), 3)), "bold"),
        (f"{similar}\n", "dim"),
        (f"     {fitted(what, max(width - 5, 3)).rstrip()}", "dim"),
        no_wrap=True,
    )


def why(subject: Subject) -> list[Text]:
    """Why an item is asked about, or a label looked at again, in words below a heading."""
    if isinstance(subject, Suspect):
        return [Text("Why this one", style="bold"), suspicion(subject)]
    return [Text("Why this one", style="bold"), reason(subject)]


def given_label(suspect: Suspect) -> Text:
    """The label that may be wrong."""
    return Text.assemble("Label  ", (printable_line(suspect.label), f"bold {ORANGE}"), no_wrap=True)


def suspicion(suspect: Suspect) -> Text:
    """What speaks against a label."""
    text = Text.assemble((f"suspicion {suspect.suspicion:.2f}", f"bold {ORANGE}"))
    if suspect.outdated:
        text.append("\nThe item has changed since it was labeled")
    if suspect.prediction.label != suspect.label:
        text.append("\nThe others' labels say otherwise")
    if suspect.confident:
        text.append("\nConfidently of another class")
    return text


def reason(question: Question) -> Text:
    """Why this item is asked about."""
    if question.origin == AUDIT:
        return Text("Drawn at random, to estimate the accuracy.")
    if question.score is None:
        return Text("You went to it.")
    text = Text(f"{question.score.strategy} {question.score.value:.3f}", style="dim")
    for name, meaning in _FACTORS.items():
        if name in question.score.factors:
            value = f"\n{name} {question.score.factors[name]:<5.2f}"
            text = Text.assemble(text, (value, f"bold {ORANGE}"), f" {meaning}")
    return text


def class_line(
    keys: Mapping[str, str],
    counts: Mapping[str, int],
    predicted: str | None,
    width: int,
    most: int,
) -> Text:
    """The key of each class and how many labels it has, in at most so many lines."""
    if not counts:
        return Text("No classes yet: press n and type the first one.", style="bold")
    line, lines, used = Text(), 1, 0
    for number, (key, name) in enumerate(keys.items()):
        entry = Text.assemble((f" {key} ", f"bold black on {BLUE}"), f" {fitted_name(name)} ")
        entry.stylize("bold", 3) if name == predicted else None
        entry.append(f"{counts[name]}  ", style="dim")
        room = width - _REST * (lines == most)
        if used and used + entry.cell_len > room:
            if lines == most:
                return line.append(f"and {len(counts) - number} by n", style="dim")
            line, lines, used = line.append("\n"), lines + 1, 0
        line.append(entry)
        used += entry.cell_len
    rest = len(counts) - len(keys)
    return line.append(f"and {rest} by n", style="dim") if rest else line


def fitted_name(name: str) -> str:
    """A class name of at most 20 cells."""
    return fitted(name, min(cell_len(name), 20))


def item_text(text: str) -> Text:
    """A text to read, from the right where its first letter is of a script that runs so."""
    justify = "right" if runs_left(text) else "left"
    return Text(printable(text), justify=justify, overflow="fold")  # type: ignore[arg-type]


def runs_left(text: str) -> bool:
    """Whether the first character that has a direction runs from right to left."""
    directions = (unicodedata.bidirectional(character) for character in text)
    return next((d for d in directions if d in ("L", "R", "AL")), "L") != "L"


def footer(mode: Mode, width: int) -> Text:
    """As many keys with their meaning as there is room for; the last one always."""
    line = Text(no_wrap=True)
    *others, last = ((action.shown, action.short) for action in actions(mode, Front.APP))
    room = width - len(f"{last[0]} {last[1]}")
    for key, meaning in others:
        if line.cell_len + len(f"{key} {meaning}  ") <= room:
            line.append(key, style="bold").append(f" {meaning}  ", style="dim")
    return line.append(last[0], style="bold").append(f" {last[1]}", style="dim")
