"""Items as a person would look at them: what they hold, their label, what is predicted of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from knnal.session.session import Session
from knnal.types import FloatArray, IntArray

Cells = list[list[str]]

_LONGEST = 100
"""Letters of a text that a table shows."""


@dataclass(frozen=True, slots=True)
class Look:
    """An item and the value that it was chosen by. ``prediction`` is None without any label;
    labeled items are predicted by the labels of the others.
    """

    id: str
    value: float
    path: Path | None
    text: str | None
    label: str | None
    prediction: str | None
    probability: float


def look_at(session: Session, rows: IntArray, values: FloatArray) -> tuple[Look, ...]:
    """The items of the rows ``(m,)``, in order; ``values`` are of all rows."""
    records = [session.pool.catalog.at(int(row)) for row in rows]
    predictions = session.predict([record.id for record in records])
    return tuple(
        Look(
            id=record.id,
            value=float(values[record.row]),
            path=record.path,
            text=record.text,
            label=session.ledger.label(record.id),
            prediction=prediction.label,
            probability=prediction.probability,
        )
        for record, prediction in zip(records, predictions, strict=True)
    )


def look_cells(looks: tuple[Look, ...]) -> Cells:
    """A row for each: value, id, prediction, label, text; parts that none of them has left out."""
    rows = [[f"{look.value:.3f}", look.id, *verdicts(look), shortened(look.text)] for look in looks]
    used = [place for place in range(5) if any(row[place] for row in rows)]
    return [[row[place] for place in used] for row in rows]


def aligned(cells: Cells) -> list[str]:
    """Rows of text whose columns begin below each other, the first one aligned to the right."""
    if not cells:
        return []
    widths = np.max([[len(cell) for cell in row] for row in cells], axis=0)
    return [
        "  ".join(
            cell.rjust(width) if place == 0 else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths.tolist(), strict=True))
        ).rstrip()
        for row in cells
    ]


def shortened(text: str | None, longest: int = _LONGEST) -> str:
    """A text on one line, cut with an ellipsis where it is too long; "" for None."""
    line = " ".join((text or "").split())
    return line if len(line) <= longest else f"{line[: longest - 1]}\N{HORIZONTAL ELLIPSIS}"


def verdicts(look: Look) -> tuple[str, str]:
    """The prediction and the label in words, "" for none."""
    predicted = "" if look.prediction is None else f"{look.prediction} {look.probability:.0%}"
    return predicted, "" if look.label is None else f"labeled {look.label}"
