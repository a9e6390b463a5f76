"""True labels from a table, to answer a review by."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from knnal.errors import InputError
from knnal.exchange.pairs import read_known
from knnal.recording import checked_label


def read_answers(
    file: Path,
    *,
    id_column: str | None,
    label_column: str,
    skips: Counter[str],
    encoding: str | None = None,
) -> dict[str, str]:
    """The label of each id in a table; of a table of texts without ids, that of each text.

    Rows that cannot be used are counted in ``skips``, by reason. Raises InputError for a file that
    cannot be read or lacks one of the columns.
    """
    known = read_known(
        file,
        label_column,
        id_column=id_column,
        text_column=None,
        option="--label-column",
        role="label",
        skips=skips,
        encoding=encoding,
    )
    answers = {}
    for item, label in known.items():
        try:
            answers[item] = checked_label(label)
        except InputError:
            skips["label with unprintable characters"] += 1
    return answers
