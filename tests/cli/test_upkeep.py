"""``knnal check``, ``backup`` and ``restore``, as somebody types them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..damage.files import flip


def test_a_pool_is_checked_and_repaired(labelled: Any) -> None:
    asked = labelled("next", "--json").data["id"]
    assert labelled("check").out == "Every file of the pool is sound.\n"
    vectors = labelled.folder / ".knnal" / "embeddings.npy"
    flip(vectors, -1)
    for command in (["status"], ["next"], ["tell", "5", "left"], ["embed", "vectors.npy"]):
        labelled.fails(*command, saying=["embeddings.npy is damaged", "'knnal check --repair'"])
    checked = labelled("check", code=1)
    assert "embeddings.npy: its checksums do not match in 1 row (39)" in checked.out
    assert "'knnal check --repair' repairs it." in checked.out
    data = labelled("check", "--json", code=1).data
    assert (data["sound"], data["findings"][0]["rows"]) == (False, [39])
    assert labelled("check", "--repair").out.startswith("Repaired embeddings.npy: ")
    assert labelled("check", "--json").data["sound"] is True
    assert labelled("next", "--json").data["id"] == asked


def test_what_cannot_be_repaired_is_told(labelled: Any) -> None:
    flip(labelled.folder / ".knnal" / "embeddings.npy", -1)
    np.save(labelled.folder / "vectors.npy", np.load(labelled.folder / "vectors.npy")[:39])
    repaired = labelled("check", "--repair", code=1)
    assert "Not repaired: 39: its content is gone or has changed" in repaired.out
    assert "'knnal restore FILE' brings back a backup." in repaired.out


def test_a_backup_is_restored(labelled: Any) -> None:
    assert "Backed up to copy.zip" in labelled("backup", "copy.zip").out
    labelled("tell", "5", "left")
    restored = labelled("restore", "copy.zip")
    assert "Restored 40 items and 4 events from copy.zip." in restored.out
    assert "What was there before is saved in .knnal/backups/before-restore-" in restored.out
    assert labelled("status", "--json").data["labels"] == {"left": 1, "right": 1}
    (labelled.folder / ".knnal" / "labels.sqlite").write_bytes(b"")
    labelled.fails("status", saying=["labels.sqlite is damaged", "'knnal restore FILE'"])
    assert labelled("restore", "copy.zip", "--json").data["events"] == 4
    assert labelled("status", "--json").data["labels"] == {"left": 1, "right": 1}
    labelled.fails("restore", "nothing.zip", saying=["nothing.zip cannot be read"])
    labelled.fails("check", "--pool", "nowhere", saying=["No pool in nowhere"])
