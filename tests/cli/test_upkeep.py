"""``knnal check``, ``backup`` and ``restore``, as somebody types them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..damage.files import flip


def test_a_pool_is_checked_and_repaired(labeled: Any) -> None:
    asked = labeled("next", "--json").data["id"]
    assert labeled("check").out == "Every file of the pool is sound.\n"
    vectors = labeled.folder / ".knnal" / "embeddings.npy"
    flip(vectors, -1)
    for command in (["status"], ["next"], ["tell", "5", "left"], ["embed", "vectors.npy"]):
        labeled.fails(*command, saying=["embeddings.npy is damaged", "'knnal check --repair'"])
    checked = labeled("check", code=1)
    assert "embeddings.npy: its checksums do not match in 1 row (39)" in checked.out
    assert "'knnal check --repair' repairs it." in checked.out
    data = labeled("check", "--json", code=1).data
    assert (data["sound"], data["findings"][0]["rows"]) == (False, [39])
    assert labeled("check", "--repair").out.startswith("Repaired embeddings.npy: ")
    assert labeled("check", "--json").data["sound"] is True
    assert labeled("next", "--json").data["id"] == asked


def test_what_cannot_be_repaired_is_told(labeled: Any) -> None:
    flip(labeled.folder / ".knnal" / "embeddings.npy", -1)
    np.save(labeled.folder / "vectors.npy", np.load(labeled.folder / "vectors.npy")[:39])
    repaired = labeled("check", "--repair", code=1)
    assert "Not repaired: 39: its content is gone or has changed" in repaired.out
    assert "'knnal restore FILE' brings back a backup." in repaired.out


def test_a_backup_is_restored(labeled: Any) -> None:
    assert "Backed up to copy.zip" in labeled("backup", "copy.zip").out
    labeled("tell", "5", "left")
    restored = labeled("restore", "copy.zip")
    assert "Restored 40 items and 4 events from copy.zip." in restored.out
    assert "What was there before is saved in .knnal/backups/before-restore-" in restored.out
    assert labeled("status", "--json").data["labels"] == {"left": 1, "right": 1}
    (labeled.folder / ".knnal" / "labels.sqlite").write_bytes(b"")
    labeled.fails("status", saying=["labels.sqlite is damaged", "'knnal restore FILE'"])
    assert labeled("restore", "copy.zip", "--json").data["events"] == 4
    assert labeled("status", "--json").data["labels"] == {"left": 1, "right": 1}
    labeled.fails("restore", "nothing.zip", saying=["nothing.zip cannot be read"])
    labeled.fails("check", "--pool", "nowhere", saying=["No pool in nowhere"])
