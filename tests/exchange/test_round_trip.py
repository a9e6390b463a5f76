"""A pool's own export comes back whole, whatever its classes and items are called."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from knnal.errors import InvalidNameError
from knnal.exchange.exporting import FORMATS, export
from knnal.exchange.importing import import_labels
from knnal.names import checked_name
from knnal.pool.pool import Pool
from knnal.pool.storage import NewRecord
from knnal.session.session import Session
from knnal.types import EmbedderIdentity, Modality

_ODD = st.sampled_from(
    "\",;\t\n\r'\\=|#\u00a0\u200c\u200d\u2028\u3000\ufeffé\u0301\U0001f33e\x1b\x7f\x00 a-"
)
TEXTS = st.text(_ODD | st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)


def is_name(text: str) -> bool:
    try:
        return bool(checked_name(text))
    except InvalidNameError:
        return False


NAMES = TEXTS.filter(is_name)
IDS = TEXTS.filter(lambda text: bool(text.strip()))


def made(folder: Path, ids: list[str]) -> Pool:
    X = np.random.default_rng(0).normal(size=(len(ids), 3)).astype(np.float32)
    pool = Pool.create(folder)
    pool.adopt(EmbedderIdentity("any", "0" * 64, 3, "as given"), Modality.VECTOR)
    with pool.transaction():
        records = [NewRecord(item, "", "", text=item) for item in ids]
        X /= np.linalg.norm(X, axis=1, keepdims=True)
        pool.store(pool.catalog.source(folder / "source"), records, X)
    pool.reload()
    return pool


@settings(max_examples=25)
@given(st.dictionaries(IDS, NAMES | st.none(), min_size=1, max_size=8))
def test_labels_come_back(labels: dict[str, str | None]) -> None:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
        folder, items = Path(place), list(labels)
        pool = made(folder / "pool", items)
        session = Session(pool, annotator="ann")
        for item, label in labels.items():
            if label is not None:
                session.tell(item, label)
        expected = {item: checked_name(label) for item, label in labels.items() if label}
        assert session.ledger.labels() == expected
        for suffix in FORMATS:
            copy = made(folder / f"copy{suffix}", items)
            export(session, folder / f"out{suffix}")
            report = import_labels(copy, folder / f"out{suffix}", annotator="bob")
            assert report.added == len(expected)
            assert report.unlabeled == len(items) - len(expected)
            assert not report.skips
            assert set(report.matched) <= {"id"}
            assert Session(copy).ledger.labels() == expected
            copy.close()
        pool.close()
