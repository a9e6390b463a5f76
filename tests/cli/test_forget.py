"""``knnal forget``: vanished items taken out of use, and brought back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest


@pytest.fixture
def shortened(vectors: Any) -> Any:
    """Of the items "0" to "39" the last ten have vanished; of these "39" is labeled, "38" skipped,
    and of the others "0" is labeled.
    """
    for item, label in ((0, "early"), (39, "late")):
        vectors("tell", item, label)
    vectors("skip", 38)
    file = vectors.folder / "vectors.npy"
    whole = np.load(file)
    np.save(vectors.folder / "whole.npy", whole)
    np.save(file, whole[:30])
    vectors("embed", file)
    return vectors


def standing(knnal: Any) -> dict[str, Any]:
    found = knnal("status", "--json").data
    return {name: found[name] for name in ("items", "vanished", "labels", "skipped")}


def test_vanished_items_are_forgotten_and_brought_back(shortened: Any) -> None:
    before = standing(shortened)
    assert before == {"items": 30, "vanished": 10, "labels": {"early": 1, "late": 1}, "skipped": 1}
    done = shortened("forget", "--vanished")
    assert done.out == "Forgot 10 vanished items and 1 label. 'knnal undo' brings them back.\n"
    found = standing(shortened)
    assert (found["items"], found["vanished"], found["skipped"]) == (30, 0, 0)
    assert (found["labels"]["early"], found["labels"].get("late", 0)) == (1, 0)
    shortened("export", "out.jsonl")
    lines = (shortened.folder / "out.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 30
    assert shortened("forget", "--vanished", code=4).err == "No item has vanished.\n"
    assert "the forgetting of 10 vanished items" in shortened("undo").out
    assert standing(shortened) == before
    shortened("redo")
    assert standing(shortened) == found


def test_what_was_forgotten_comes_back_without_its_label(shortened: Any) -> None:
    assert shortened("forget", "--vanished", "--json").data == {"forgotten": 10, "labels": 1}
    np.save(shortened.folder / "vectors.npy", np.load(shortened.folder / "whole.npy"))
    assert "10 that had vanished are back." in shortened("embed", "vectors.npy").out
    found = standing(shortened)
    assert (found["items"], found["vanished"], found["skipped"]) == (40, 0, 0)
    assert not found["labels"].get("late")
    shortened("tell", 39, "other")
    assert standing(shortened)["labels"]["other"] == 1


def test_what_to_forget_is_named(shortened: Any) -> None:
    assert "--vanished" in shortened("forget", code=2).err
    assert standing(shortened)["vanished"] == 10
