"""Prediction, neighbors, reason and keys as text. Color never carries meaning alone."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence

from rich.cells import cell_len
from rich.text import Text

from knnal.pages import palette
from knnal.pool.labels.ledger import AUDIT
from knnal.quality.label_errors import Suspect
from knnal_cli.keymap import CLASS, Front, KeyMode, actions
from knnal_cli.printable import printable, printable_line
from knnal_cli.tui.model import NeighborView, Subject

BLUE, ORANGE = palette.SKY_BLUE, palette.ORANGE
_EIGHTHS = " ▏▎▍▌▋▊▉█"
_REST = len("and 999 by n")
_TERMS = {
    "u": ("uncertainty", ((0.7, "unsure"), (0.3, "fairly sure"), (0.0, "sure"))),
    "i": ("density", ()),
    "d": ("diversity", ((0.9, "far from labels"), (0.5, "some labels near"), (0.0, "near labels"))),
}
"""The terms of a score: their names, and words from a value on."""


def bars(probabilities: Mapping[str, float], width: int, most: int) -> Text:
    """The likeliest classes with a bar each, within a number of lines of a width."""
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
    """One line of a width in cells: cut off with an ellipsis, or padded with blanks."""
    line = Text(printable_line(text), no_wrap=True)
    line.truncate(width, overflow="ellipsis", pad=True)
    return line.plain


def neighbor_text(near: NeighborView, width: int) -> Text:
    """Two lines: the share of the vote, the label, the similarity; and what the item is."""
    neighbor = near.neighbor
    similar = f" {neighbor.similarity:.2f}"
    what = neighbor.item if near.text is None else near.text
    return Text.assemble(
        (f"{neighbor.share:>4.0%} ", f"bold {ORANGE}"),
        (fitted(neighbor.label, max(width - 5 - len(similar), 3)), "bold"),
        (f"{similar}\n", "dim"),
        (f"     {fitted(what, max(width - 5, 3)).rstrip()}", "dim"),
        no_wrap=True,
    )


def why(subject: Subject) -> list[str]:
    """Why an item is asked about, or what speaks against a label."""
    if isinstance(subject, Suspect):
        lines = [f"suspicion {subject.suspicion:.2f}"]
        if subject.outdated:
            lines.append("the item has changed since it was labeled")
        if subject.prediction.label != subject.label:
            lines.append("the other labels say otherwise")
        return [*lines, "confidently of another class"] if subject.confident else lines
    if subject.origin == AUDIT:
        return ["drawn at random, to estimate the accuracy"]
    if subject.score is None:
        return ["you opened it"]
    lines = [f"{subject.score.strategy} {subject.score.value:.3f}"]
    for factor, (name, levels) in _TERMS.items():
        if (value := subject.score.factors.get(factor)) is not None:
            words = next((f" {words}" for least, words in levels if value >= least), "")
            lines.append(f"{name} {value:.2f}{words}")
    return lines


def given_label(suspect: Suspect) -> Text:
    """The label that may be wrong."""
    return Text.assemble("Label  ", (printable_line(suspect.label), f"bold {ORANGE}"), no_wrap=True)


def top_lines(lines: Sequence[str], width: int) -> list[Text]:
    """The progress and what follows it, a line each."""
    found = []
    for number, line in enumerate(lines):
        text = Text(printable_line(line), style="dim" if number else "bold", no_wrap=True)
        text.truncate(width, overflow="ellipsis")
        found.append(text)
    return found


def class_line(
    keys: Mapping[str, str],
    counts: Mapping[str, int],
    predicted: str | None,
    width: int,
    most: int,
) -> Text:
    """The key of each class and its number of labels, within a number of lines."""
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


def footer(mode: KeyMode, front: Front, width: int, **words: str) -> Text:
    """As many keys with their meaning as there is room for; the last one always.

    ``words`` take the place of an action's own.
    """
    line = Text(no_wrap=True)
    *others, last = (
        (one.printed, words.get(one.name, one.short))
        for one in actions(mode, front)
        if one.name != CLASS
    )
    room = width - len(f"{last[0]} {last[1]}")
    for key, meaning in others:
        if line.cell_len + len(f"{key} {meaning}  ") <= room:
            line.append(key, style="bold").append(f" {meaning}  ", style="dim")
    return line.append(last[0], style="bold").append(f" {last[1]}", style="dim")
