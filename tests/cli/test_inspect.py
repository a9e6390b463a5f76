"""``knnal inspect`` on vectors, texts and images: what it says, and the files that it writes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scipy.sparse.csgraph import connected_components
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from knnal.pool.pool import Pool
from knnal.pool.storage import NewRecord
from knnal.types import EmbedderIdentity, Modality

FILES = {"inspect.json", "least-confusing", "map.html", "map.png", "most-confusing", "outliers"}


def page_data(file: Path) -> Any:
    found = re.search(r'id="data">(.*?)</script>', file.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    return json.loads(found[1])


def listing(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_what_it_says_of_labeled_vectors(labeled: Any, log: Any) -> None:
    before, files = log(labeled.folder), sorted(labeled.folder.rglob("*"))
    done = labeled("inspect", "--limit", 3)
    assert done.err == ""
    for phrase in (
        "Items       40, 2 labeled",
        "Clustering  accuracy 100.0%, NMI 1.000, ARI 1.000: 2 k-means clusters against",
        "1 labeled  50.0%  left   19 predicted  50.0%",
        "Near-duplicates, similarity at least 0.95: ",
        " of near-duplicates; the largest",
        "Outliers: the lowest density",
        "Most confusing: the highest entropy",
        "Least confusing: the lowest entropy",
    ):
        assert phrase in done.out
    assert "Not known yet" not in done.out
    added = log(labeled.folder)[len(before) :]
    assert {event["kind"] for event in added} <= {"prediction"}, "of labels given before"
    made = set(labeled.folder.rglob("*")) - set(files)
    assert {file.name for file in made} <= {"reduced.npz"}  # the pool's own, if it was not there


def test_json_is_what_is_true(labeled: Any) -> None:
    found = labeled(
        "inspect", "--json", "--similarity", "0.9", "--measure", "least-confidence"
    ).data
    X = np.load(labeled.folder / "vectors.npy").astype(np.float64)
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    S = np.triu(X @ X.T, 1)
    closest = sorted(S[S >= 0.9], reverse=True)
    # Each item's list holds 20 of the 39 others, which is all of its own cluster.
    duplicates = found["duplicates"]
    assert duplicates["pairs"] == len(closest)
    _, numbers = connected_components(S >= 0.9, directed=False)
    groups = [np.flatnonzero(numbers == n).tolist() for n in range(numbers.max() + 1)]
    several = sorted((g for g in groups if len(g) > 1), key=lambda g: (-len(g), g))
    assert [list(map(int, group)) for group in duplicates["largest"]] == several
    assert (duplicates["groups"], duplicates["items"]) == (len(several), sum(map(len, several)))
    pairs = [(pair["first"], pair["second"], pair["similarity"]) for pair in duplicates["closest"]]
    assert [similarity for *_, similarity in pairs] == pytest.approx(closest[:20], abs=1e-5)
    for first, second, similarity in pairs:
        assert S[int(first), int(second)] == pytest.approx(similarity, abs=1e-5)
    predicted = {p["id"]: p for p in labeled("predict", "--pool-all", "--json").data}
    order = sorted(predicted.values(), key=lambda p: p["probability"])
    most = [look["value"] for look in found["most_confusing"]]
    assert most == pytest.approx([1 - p["probability"] for p in order[:20]], abs=1e-6)
    for look in (*found["most_confusing"], *found["least_confusing"]):
        assert look["prediction"] == predicted[look["id"]]["label"]
        assert look["label"] == {"0": "left", "20": "right"}.get(look["id"])
    assert len(found["outliers"]) == 20
    assert found["clustering"]["labels"] == 2
    assert found["missing"] == []


def test_without_labels_it_says_what_is_missing(vectors: Any) -> None:
    done = vectors("inspect", "--output", "look")
    assert "no item is labeled yet" in done.out
    assert "NMI and ARI need labels of at least two classes" in done.out
    assert "confusing: the" not in done.out
    assert "Outliers" in done.out
    written = set(listing(vectors.folder / "look"))
    assert written == {"inspect.json", "map.html", "map.png", "outliers.txt"}
    assert page_data(vectors.folder / "look" / "map.html")["color"] == "score"
    again = vectors("inspect", "--output", "look", "--color", "label")
    assert "no point of the map has a label" in again.err
    assert page_data(vectors.folder / "look" / "map.html")["color"] == "label"


def test_clusters_are_judged_by_a_truth_that_stays_outside(vectors: Any, log: Any) -> None:
    rows = [f"{i},{'left' if i < 20 else 'right'}" for i in range(0, 40, 3)]
    rows[1] = "3,right"  # a wrong one
    (vectors.folder / "truth.csv").write_text("\n".join(["id,label", *rows, "99,left"]))
    done = vectors("inspect", "--truth", "truth.csv", "--limit", 1)
    assert "Skipped 1: no such item in the pool" in done.err
    assert "26 of 40 items are not used: their label is not known." in done.err
    assert "accuracy 92.9%" in done.out
    assert "2 k-means clusters against" in done.out
    assert "against 14 known classes" in done.out
    found = vectors("inspect", "--truth", "truth.csv", "--json").data
    truth = [int(i >= 20 or i == 3) for i in range(0, 40, 3)]
    clusters = [int(i >= 20) for i in range(0, 40, 3)]
    assert found["clustering"]["nmi"] == pytest.approx(
        normalized_mutual_info_score(truth, clusters)
    )
    assert found["clustering"]["ari"] == pytest.approx(adjusted_rand_score(truth, clusters))
    assert log(vectors.folder) == []
    both = ("--truth", "truth.csv", "--truth-from-folders")
    vectors.fails("inspect", *both, saying=["exclude each other", "--truth"])


def test_the_files_of_a_pool_of_texts(texts: Any) -> None:
    texts("tell", stdin='{"id": "r0", "label": "<good>"}\n{"id": "r1", "label": "bad"}\n')
    done = texts("inspect", "--output", "a/look", "--limit", 4, "--json")
    first = listing(texts.folder / "a" / "look")
    assert {name.removesuffix(".txt") for name in first} == FILES
    assert json.loads(first["inspect.json"]) == done.data
    lines = first["most-confusing.txt"].decode().splitlines()
    assert lines[0] == "Most confusing, by entropy"
    assert len(lines) == 2 + 4
    shown = done.data["most_confusing"]
    for line, look in zip(lines[2:], shown, strict=True):
        assert look["id"] in line
        assert look["text"] in line
    data = page_data(texts.folder / "a" / "look" / "map.html")
    assert data["ids"] == [f"r{i}" for i in range(8)]
    assert data["texts"][0] == "a warm and funny film"
    assert data["classes"] == ["<good>", "bad"]
    assert data["color"] == "prediction"
    texts("inspect", "--output", "a/look", "--limit", 4)
    assert listing(texts.folder / "a" / "look") == first  # the same pool, the same files


def make_images(folder: Path) -> None:
    """A pool of pictures whose vectors are at hand; the last file is gone."""
    rng = np.random.default_rng(0)
    X = np.repeat(3 * np.eye(4)[:2], 6, axis=0) + rng.normal(size=(12, 4))
    pool = Pool.create(folder / ".knnal")
    pool.adopt(EmbedderIdentity("mobilenet-v2", "0" * 64, 4, "as given"), Modality.IMAGE)
    names = [f"{'ab'[i // 6]}/photo {i}.png" for i in range(12)]
    for name in names[:-1]:
        (folder / name).parent.mkdir(exist_ok=True)
        Image.new("RGB", (30, 20), "green").save(folder / name)
    unit = (X / np.linalg.norm(X, axis=1, keepdims=True)).astype(np.float32)
    with pool.transaction():
        source = pool.catalog.source(folder)
        pool.store(source, [NewRecord(name, "", "", path=name) for name in names], unit)
    pool.close()


def test_the_files_of_a_pool_of_images(knnal: Any) -> None:
    make_images(knnal.folder)
    labels = '{"id": "a/photo 0.png", "label": "a"}\n{"id": "b/photo 6.png", "label": "b"}\n'
    knnal("tell", stdin=labels)
    found = knnal("inspect", "--output", "look", "--json", "--color", "score").data
    assert [Path(look["path"]).name for look in found["outliers"]] == [
        look["id"].partition("/")[2] for look in found["outliers"]
    ]
    written = listing(knnal.folder / "look")
    assert {name.removesuffix(".png") for name in written} == {
        name.removesuffix(".png") for name in FILES
    }
    with Image.open(knnal.folder / "look" / "most-confusing.png") as sheet:
        greens = (np.asarray(sheet.convert("RGB")) == (0, 128, 0)).all(axis=2).sum()
    assert greens == 11 * 30 * 20  # the twelfth is gone
    data = page_data(knnal.folder / "look" / "map.html")
    assert (data["root"] + data["files"][0]).endswith("/a/photo%200.png")
    assert data["color"] == "score"


def test_what_cannot_be_done(vectors: Any, knnal: Any, tmp_path: Path) -> None:
    assert "smallest-margin" in vectors("inspect", "--measure", "margin", code=2).err
    vectors.fails("inspect", "--similarity", "95", saying=["below 1", "got 95"])
    (vectors.folder / "taken").write_text("")
    vectors.fails(
        "inspect", "--output", "taken", saying=["create the folder taken", "Choose another"]
    )
    assert "prediction" in vectors("inspect", "--output", "o", "--color", "red", code=2).err
    assert "--color is of the map" in vectors("inspect", "--color", "label", code=2).err
    Pool.create(tmp_path / "empty").close()
    knnal.fails("inspect", "--pool", "empty", saying=["has no items"])
