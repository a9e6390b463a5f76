"""True labels from a table, to answer a review by."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from knnal.exchange.matching import ItemMatcher
from knnal.exchange.pairs import Wanted, read_known


def read_answers(
    file: Path,
    items: ItemMatcher,
    *,
    id_column: str | None,
    label_column: str,
    skips: Counter[str],
    encoding: str | None = None,
) -> dict[str, str]:
    """The label of each item in a table, by the item's id in the pool; in a table of texts without
    ids, the items are named by their texts.

    Rows that cannot be used are counted in ``skips``, by reason. Raises InputError for a file that
    cannot be read or lacks one of the columns.
    """
    return read_known(
        file,
        Wanted(label_column),
        items,
        id_column=id_column,
        text_column=None,
        skips=skips,
        encoding=encoding,
    )
