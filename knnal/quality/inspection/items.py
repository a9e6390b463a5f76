"""Items of an inspection as a person sees them: content, label, prediction, and tables of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from knnal.session.session import Session
from knnal.types import FloatArray, IntArray

Cells = list[list[str]]

_LONGEST = 100
"""Characters of a text in a table."""


@dataclass(frozen=True, slots=True)
class InspectedItem:
    """An item and the value that it was selected by. ``prediction`` is None without any label;
    labeled items are predicted from the labels of the others.
    """

    id: str
    value: float
    path: Path | None
    text: str | None
    label: str | None
    prediction: str | None
    probability: float

    @property
    def verdicts(self) -> tuple[str, str]:
        """Prediction and label in words, "" for none."""
        predicted = "" if self.prediction is None else f"{self.prediction} {self.probability:.0%}"
        return predicted, "" if self.label is None else f"labeled {self.label}"


def inspected_items(
    session: Session, rows: IntArray, values: FloatArray
) -> tuple[InspectedItem, ...]:
    """The items of the rows ``(m,)``, in order; ``values`` are of all rows."""
    records = [session.pool.catalog.at(int(row)) for row in rows]
    predictions = session.predict([record.id for record in records])
    return tuple(
        InspectedItem(
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


def item_cells(items: tuple[InspectedItem, ...]) -> Cells:
    """A row for each: value, id, prediction, label, text; without columns that are empty."""
    rows = [
        [f"{one.value:.3f}", one.id, *one.verdicts, shortened(one.text, _LONGEST)] for one in items
    ]
    used = [place for place in range(5) if any(row[place] for row in rows)]
    return [[row[place] for place in used] for row in rows]


def aligned(cells: Cells) -> list[str]:
    """Lines of text with aligned columns, the first one to the right."""
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
