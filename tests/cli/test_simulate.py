"""``knnal simulate``, on labels in force and on known ones from elsewhere."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from ..patience import PATIENCE_S

QUICK = ("--labels", "4", "--seeds", "1")
ALONE = {"KNNAL_THREADS": "1"}


@pytest.fixture
def known(vectors: Any) -> Any:
    """The two clusters of 20, and a table that says so; pairs are groups."""
    write_truth(vectors.folder / "truth.csv")
    return vectors


def write_truth(file: Path) -> None:
    with file.open("w", newline="", encoding="utf-8") as stream:
        table = csv.writer(stream)
        table.writerow(["id", "label", "photo"])
        table.writerows([i, "left" if i < 20 else "right", i // 2] for i in range(40))


def test_known_labels_from_a_table(known: Any, log: Any) -> None:
    done = known("simulate", "--truth", "truth.csv", *QUICK, **ALONE)
    assert "40 items of 2 classes, 4 dimensions, 1 split" in done.out
    for phrase in ("cdf-product,", "random,", "labels to 95%", "above random, points", "macro F1"):
        assert phrase in done.out
    assert done.err == ""
    out = known.folder / "knnal-simulation"
    made = {"curves.png", "labels.parquet", "report.html", "results.json"}
    assert made <= {file.name for file in out.iterdir()}
    assert log(known.folder) == []  # nothing of it goes into the pool
    assert known("status", "--json").data["labeled"] == 0


def test_compositions_stand_beside_names(known: Any) -> None:
    both = ("--strategies", "cdf( margin,local ), maxherding")
    done = known("simulate", "--truth", "truth.csv", *both, *QUICK, "--json", **ALONE)
    expected = ["cdf(smallest-margin, local)", "maxherding", "random"]
    assert done.data["settings"]["strategies"] == expected
    same = ("--strategies", "maxherding,cdf(smallest-margin,local)")
    again = known("simulate", "--truth", "truth.csv", *same, *QUICK, "--json", **ALONE)
    by_name = [{c["strategy"]: c for c in run.data["contenders"]} for run in (done, again)]
    assert by_name[0] == by_name[1]
    refused = ("simulate", "--truth", "truth.csv", "--strategies", "maxherding,cdf(no, local)")
    known.fails(*refused, saying=["no term named 'no'"])


def test_a_search_and_near_duplicates(known: Any) -> None:
    several = ("--labels", "8", "--seeds", "1", "--per-group", "--similarity", "0.999")
    done = known("simulate", "--truth", "truth.csv", "--seek", "left", *several, **ALONE)
    for phrase in ("seek(left),", "labels to 50% of 'left'", "'left' found at 8"):
        assert phrase in done.out
    again = known("simulate", "--truth", "truth.csv", "--seek", "left", *several, "--json", **ALONE)
    settings = again.data["settings"]
    assert (settings["seek"], settings["near_duplicates"]) == ("left", 0.999)
    assert [c["found"] is not None for c in again.data["contenders"]] == [True] * 3
    known.fails("simulate", "--truth", "truth.csv", "--seek", "up", saying=["left, right, got"])


def test_the_same_for_scripts(known: Any) -> None:
    arguments = ("--truth", "truth.csv", "--group-column", "photo", "--folds", "4")
    options = ("--strategies", "article,cdf-product", "--classifiers", "knn", "--targets", "0.5")
    done = known("simulate", *arguments, *options, *QUICK, "--output", "o", "--json", **ALONE)
    settings, data = done.data["settings"], done.data["data"]
    assert settings["strategies"] == ["article", "cdf-product", "random"]
    assert (settings["labels"], settings["folds"], settings["targets"]) == (4, 4, [0.5])
    assert (data["items"], data["groups"], data["splits"]) == (40, 20, 4)
    assert data["held_out"] == [10, 10]
    assert [c["classifier"] for c in done.data["contenders"]] == ["knn"] * 3
    stored = json.loads((known.folder / "o" / "results.json").read_text(encoding="utf-8"))
    assert stored["data"] == data
    again = known("simulate", *arguments, *options, *QUICK, "--output", "o", "--json", **ALONE)
    assert again.out == done.out


def test_labels_in_force_and_what_is_left_out(known: Any) -> None:
    (known.folder / "some.csv").write_text("id,label\n0,a\n1,a\n2,b\n3,b\n")
    known("import", "some.csv")
    done = known("simulate", "--held-out", "0.5", "--labels", "2", "--seeds", "1", **ALONE)
    assert "4 items of 2 classes" in done.out
    assert "36 of 40 items are not used: their label is not known." in done.err


@pytest.mark.parametrize(
    ("arguments", "saying"),
    [
        (["--strategies", "cdf-produkt"], ["mean 'cdf-product'"]),
        ([], ["at least two classes, got 0: 0 labels"]),
        (
            ["--truth", "truth.csv", "--output", "."],
            ["contains other files", "Choose an empty folder"],
        ),
    ],
)
def test_what_cannot_be_simulated(known: Any, arguments: Any, saying: Any) -> None:
    known.fails("simulate", *arguments, saying=saying)
    assert not (known.folder / "knnal-simulation").exists()


@pytest.mark.parametrize(
    ("arguments", "saying"),
    [
        (["--split", "even"], ["--split", "stratified", "random"]),
        (["--targets", "0.8,high"], ["--targets", "got 'high'"]),
    ],
)
def test_wrong_usage(knnal: Any, arguments: Any, saying: Any) -> None:
    done = knnal("simulate", *arguments, code=2)
    for phrase in saying:
        assert phrase in done.err


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("knnal simulate --strategies random,art", ["random,article", "random,article-as-printed"]),
        ("knnal simulate --classifiers m", ["means"]),
    ],
)
def test_completion_of_names(knnal: Any, words: str, expected: list[str]) -> None:
    place = str(len(words.split()) - 1)
    environment = {"_KNNAL_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": place}
    assert knnal(**environment).out.split() == expected


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="there is no SIGKILL on Windows")
def test_a_killed_simulation_goes_on_to_the_same_results(known: Any) -> None:
    arguments = ("simulate", "--truth", "truth.csv", "--labels", "25", "--seeds", "6", "--json")
    environment = {**known.environment, "KNNAL_THREADS": "2"}
    running = subprocess.Popen(
        [known.script, *arguments, "--output", "killed"], cwd=known.folder, env=environment,
        stdout=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    runs = known.folder / "killed" / "runs"
    deadline = time.monotonic() + PATIENCE_S
    while not any(runs.glob("[!.]*.npz")):
        assert running.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    running.send_signal(signal.SIGKILL)
    running.wait()
    while True:  # what it started ends by itself, and leaves nothing half written
        try:
            os.killpg(running.pid, 0)
        except ProcessLookupError:
            break
        assert time.monotonic() < deadline
        time.sleep(0.05)
    finished = len(list(runs.glob("[!.]*.npz")))
    assert 0 < finished < 12
    resumed = known(*arguments, "--output", "killed", **ALONE)
    whole = known(*arguments, "--output", "whole", **ALONE)
    assert resumed.out == whole.out
    results = [(known.folder / out / "results.json").read_bytes() for out in ("killed", "whole")]
    assert results[0] == results[1]
    assert not (known.folder / "killed" / "work").exists()
