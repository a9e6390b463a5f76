"""``--per-group`` and ``--seek`` of ``next``, ``rank`` and ``status``."""

from __future__ import annotations

import csv
import json
from typing import Any

import numpy as np
import pytest
from pyarrow import parquet


@pytest.fixture
def copies(knnal: Any) -> Any:
    """Commands beside a pool of items "0" to "11": four points, three copies of each."""
    X = np.repeat(np.eye(4, 6, dtype=np.float32), 3, axis=0)
    X += 0.05 * np.random.default_rng(0).normal(size=X.shape).astype(np.float32)
    np.save(knnal.folder / "copies.npy", X)
    knnal("embed", "copies.npy")
    return knnal


def test_near_duplicates_are_asked_about_once(copies: Any) -> None:
    batch = copies("next", "-n", "12", "--per-group", "--json").data
    assert sorted(int(record["id"]) // 3 for record in batch) == [0, 1, 2, 3]
    assert {record["near_duplicates"] for record in batch} == {2}
    first = batch[0]["id"]
    assert copies("next", "--per-group").out == f"{first}\n  stands for 2 near-duplicates\n"
    copies("tell", first, "a")
    ranked = copies("rank", "--per-group", "--json").data
    assert sorted({int(r["id"]) // 3 for r in ranked}) == [
        n for n in range(4) if n != int(first) // 3
    ]
    assert len(ranked) == 3
    copies("undo")
    assert copies("next", "--per-group", "--json").data["id"] == first


def test_without_it_nothing_is_said_of_them(copies: Any) -> None:
    record = copies("next", "--json").data
    assert "near_duplicates" not in record
    assert len(copies("rank", "--json").data) == 12
    assert copies("status", "--json").data["near_duplicates"] is None
    assert "Groups" not in copies("status").out


def test_how_similar_they_are_can_be_said(copies: Any) -> None:
    assert len(copies("rank", "--per-group", "--similarity", "0.9999", "--json").data) == 12
    copies.fails(
        "next", "--per-group", "--similarity", "1.5", saying=["above 0 and below 1", "1.5"]
    )


def test_nothing_is_left_when_every_group_has_a_label(copies: Any) -> None:
    for item in ("0", "3", "6"):
        copies("tell", item, "a")
    copies("skip", "9")
    done = copies("next", "--per-group", code=4)
    assert "labeled or skipped, or a near-duplicate of one that is." in done.err
    assert "labeled or skipped.\n" not in done.err
    copies("next")


def test_the_status_counts_them(copies: Any) -> None:
    copies("tell", "0", "a")
    copies("skip", "4")
    found = copies("status", "--per-group", "--json").data["near_duplicates"]
    assert found == {"similarity": 0.95, "groups": 4, "items": 12, "to_ask": 2}
    assert (
        "Groups    12 items in 4 groups of near-duplicates (similarity 0.95 or more); 2 left to "
        "ask about with --per-group\n"
    ) in copies("status", "--per-group").out


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_a_table_says_which_belong_together(copies: Any, ending: str) -> None:
    copies("tell", "4", "a")
    copies("export", f"items.{ending}", "--per-group", "--similarity", "0.95")
    file = copies.folder / f"items.{ending}"
    if ending == "parquet":
        rows = parquet.read_table(file).to_pylist()
    else:
        text = file.read_text(encoding="utf-8")
        rows = list(csv.DictReader(text.splitlines()))
        if ending == "jsonl":
            rows = [json.loads(line) for line in text.splitlines()]
    assert {row["id"]: row["group"] for row in rows} == {str(n): str(n - n % 3) for n in range(12)}
    assert list(rows[0])[-2:] == ["group", "p:a"]
    copies("export", "plain.csv")
    assert "group" not in (copies.folder / "plain.csv").read_text(encoding="utf-8")


def test_a_search_says_what_it_takes_and_how_it_goes(vectors: Any) -> None:
    done = vectors("next", "--seek", "left", "--json")
    assert done.data["seek"] == {"name": "left", "found": 0, "asked": 0, "phase": "waiting"}
    assert done.data["score"]["strategy"] == "cdf-product"
    assert "it takes one example of it, and three of other classes" in done.err
    assert "knnal tell ID left" in done.err
    for item in (20, 21, 22):
        vectors("tell", item, "right")
    vectors("tell", 0, "left")
    for found in range(3):
        done = vectors("next", "--seek", "left", "--audit", "0", "--json")
        assert done.data["score"]["strategy"] == "seek(left)"
        assert done.data["seek"] == {
            "name": "left", "found": found, "asked": found, "phase": "finding",
        }  # fmt: skip
        assert done.err == f"Seeking 'left': {found} found of {found} asked\n"
        assert int(done.data["id"]) < 20
        vectors("tell", done.data["id"], "left")
    ranked = vectors("rank", "--limit", "3", "--seek", "left", "--json").data
    assert [record["score"]["value"] for record in ranked] == [
        record["prediction"]["probabilities"]["left"] for record in ranked
    ]
    assert vectors("status", "--json").data["searches"] == [
        {"name": "left", "found": 3, "asked": 3, "phase": "finding"}
    ]
    assert "Search    Seeking 'left'" not in vectors("status").out
    assert "Search    'left': 3 found of 3 asked\n" in vectors("status").out


def test_without_a_search_nothing_is_said_of_it(vectors: Any) -> None:
    done = vectors("next", "--json")
    assert "seek" not in done.data
    assert done.err == ""
    assert vectors("status", "--json").data["searches"] == []
    assert "Sought" not in vectors("status").out
