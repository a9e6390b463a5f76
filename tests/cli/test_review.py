"""``knnal review`` in scripts: lists, votes and oracles."""

from __future__ import annotations

import json
from contextlib import closing
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from knnal.pool.pool import Pool
from knnal.quality.review import Review
from knnal.session.decisions import Decisions
from knnal.session.session import Session
from knnal_cli.keymap import KeyMode
from knnal_cli.tui.model import ReviewModel
from knnal_cli.tui.plain import screen_of

WRONG = {"3": "right", "7": "right", "25": "left"}
TRUTH = {str(i): "left" if i < 20 else "right" for i in range(40)}


@pytest.fixture
def mislabeled(vectors: Any) -> Any:
    """All but two items labeled, three of them with the other cluster's class."""
    labels = {item: WRONG.get(item, label) for item, label in TRUTH.items()}
    lines = [
        json.dumps({"id": i, "label": name}) for i, name in labels.items() if i not in ("19", "39")
    ]
    vectors("tell", stdin="\n".join(lines))
    return vectors


def labels_of(knnal: Any, *items: str) -> list[str | None]:
    knnal("export", "out.jsonl")
    lines = (knnal.folder / "out.jsonl").read_text(encoding="utf-8").splitlines()
    found = {row["id"]: row["label"] for row in map(json.loads, lines)}
    return [found[item] for item in items]


def write_oracle(knnal: Any, rows: dict[str, str], head: str = "id,label") -> str:
    lines = [head, *(f"{item},{label}" for item, label in rows.items())]
    (knnal.folder / "truth.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return "truth.csv"


def test_suspicious_labels_with_what_speaks_against_them(mislabeled: Any, log: Any) -> None:
    found = mislabeled("review", "--json").data
    assert {record["id"] for record in found[:3]} == set(WRONG)
    first = found[0]
    assert set(first) == {
        "id", "label", "annotator", "opinions", "outdated", "suspicion", "confident", "voted",
        "prediction", "neighbors",
    }  # fmt: skip
    assert (first["annotator"], first["opinions"]) == ("ann", [])
    assert first["label"] == WRONG[first["id"]]
    assert first["prediction"]["label"] == TRUTH[first["id"]]
    assert first["confident"]
    assert first["neighbors"][0]["label"] == TRUTH[first["id"]]
    suspicions = [record["suspicion"] for record in found]
    assert suspicions == sorted(suspicions, reverse=True)
    p = first["prediction"]["probabilities"]
    margin = p[TRUTH[first["id"]]] - p[first["label"]]
    assert first["suspicion"] == pytest.approx((1 + margin) / 2)
    assert len(mislabeled("review", "--json", "--limit", "2").data) == 2
    assert len(log(mislabeled.folder)) == 38, "looking changes nothing"


def test_labels_that_two_people_disagree_on_come_first(mislabeled: Any) -> None:
    before = [record["id"] for record in mislabeled("review", "--json").data]
    with closing(Pool.open(mislabeled.folder / ".knnal")) as pool:
        first = next(event for event in pool.log.events() if event.item == "10")
        Decisions(pool, "eve").opinion("10", "right", first)
    found = mislabeled("review", "--json").data
    assert [record["id"] for record in found] == ["10", *before]
    assert (found[0]["label"], found[0]["annotator"]) == ("left", "ann")
    assert found[0]["opinions"] == [{"label": "right", "annotator": "eve"}]
    with closing(Pool.open(mislabeled.folder / ".knnal")) as pool:
        view = ReviewModel(Review(Session(pool, annotator="ann"))).next()
        assert view.subject is not None
        console = Console(width=90, height=30, record=True, file=StringIO())
        console.print(screen_of(view, view.subject, KeyMode.REVIEW, console))
        shown = console.export_text()
    assert f"{len(found)} labels to review, 1 disputed, " in shown
    assert "ann says left · eve says right" in shown
    assert len(shown.splitlines()) <= 30
    oracle = write_oracle(mislabeled, {"10": "right"})
    assert mislabeled("review", "--oracle", oracle, "--json").data["changed"] == 1
    assert "10" not in [record["id"] for record in mislabeled("review", "--json").data]


def test_voting_lists_and_on_demand_decides(mislabeled: Any, log: Any) -> None:
    done = mislabeled("review", "--mode", "voting")
    assert set(WRONG) <= {line.split("\t")[1] for line in done.out.splitlines()}
    assert "right -> left" in done.out
    assert "Nothing is changed; --apply does it" in done.err
    assert len(log(mislabeled.folder)) == 38
    listed = mislabeled("review", "--mode", "voting", "--json").data
    changed = sum(record["voted"] is not None for record in listed)
    report = mislabeled("review", "--mode", "voting", "--apply", "--json").data
    aside = len(listed) - changed
    assert report == {"kept": 0, "changed": changed, "set_aside": aside, "skipped": {}}
    assert labels_of(mislabeled, *WRONG) == [TRUTH[item] for item in WRONG]
    for _ in listed:
        mislabeled("undo")
    assert labels_of(mislabeled, *WRONG) == [*WRONG.values()]


def test_an_oracle_answers(mislabeled: Any, log: Any) -> None:
    oracle = write_oracle(mislabeled, TRUTH)
    done = mislabeled("review", "--oracle", oracle, "--mode", "slim", "--limit", "1")
    assert done.out == "0 labels kept, 1 changed, 0 set aside.\n"
    event = log(mislabeled.folder)[-1]
    assert (event["kind"], event["origin"], event["annotator"]) == ("relabel", "review", "ann")
    report = mislabeled("review", "--oracle", oracle, "--json").data
    assert report["changed"] == 2
    assert labels_of(mislabeled, *WRONG) == [TRUTH[item] for item in WRONG]
    exported = (mislabeled.folder / "out.jsonl").read_text(encoding="utf-8").splitlines()
    origins = {row["id"]: row["origin"] for row in map(json.loads, exported)}
    assert (origins["3"], origins["4"]) == ("review", "named")
    kept = [event for event in log(mislabeled.folder) if event["kind"] == "keep"]
    assert report["kept"] == len(kept)
    again = mislabeled("review", "--oracle", oracle, code=4)
    assert "No label was reviewed." in again.err
    assert mislabeled("status", "--json").data["labels"] == {"left": 19, "right": 19}


def test_active_asks_about_what_no_two_agree_on(mislabeled: Any) -> None:
    oracle = write_oracle(mislabeled, {"25": "right", "nobody": "left", "3": ""})
    done = mislabeled("review", "--mode", "active", "--oracle", oracle, "--apply", code=3)
    assert "Skipped 1: empty label" in done.err
    assert labels_of(mislabeled, *WRONG) == [TRUTH[item] for item in WRONG]


@pytest.mark.parametrize(
    ("arguments", "saying"),
    [
        (["--mode", "voting", "--oracle", "truth.csv"], "'voting' asks nobody"),
        (["--apply"], "--apply needs 'voting'"),
        (["--mode", "active", "--apply"], "with --oracle"),
        (["--mode", "voting", "--apply", "--limit", "2"], "it takes no --limit"),
        (["--mode", "guess"], "guess"),
    ],
)
def test_what_does_not_go_together(knnal: Any, arguments: list[str], saying: str) -> None:
    assert saying in " ".join(knnal("review", *arguments, code=2).err.split())


def test_without_a_terminal_and_without_anything_to_review(vectors: Any, told: str) -> None:
    vectors.fails("review", "--pool", told, saying=["needs a terminal", "--json", "--oracle"])
    done = vectors("review", "--pool", told, "--json", code=4)
    assert done.data == []
    assert "No label is left to review" in done.err
    vectors.fails("review", "--pool", told, "--oracle", "none.csv", saying=["none.csv"])
