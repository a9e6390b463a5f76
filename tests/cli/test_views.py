"""``knnal embed --views`` and what asks by views, and rounds of a schedule."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image

GUIDED = ("--strategy", "guided")


def embed_views(texts: Any, *options: Any, **expected: Any) -> Any:
    return texts("embed", "reviews.csv", "--id-column", "id", *options, **expected)


def test_views_are_made_kept_up_changed_and_removed(texts: Any) -> None:
    assert texts("status", "--json").data["views"] is None
    assert "Views made of 8 items." in embed_views(texts, "--views", 3).out
    assert "Views     3 an item (drop, swap)\n" in texts("status").out
    stored = np.load(texts.folder / ".knnal" / "views.npy", mmap_mode="r")
    assert stored.shape == (8, 4, 512)
    np.testing.assert_allclose(np.linalg.norm(stored, axis=2), 1.0, atol=1e-5)
    first = np.array(stored[3])

    table = texts.folder / "reviews.csv"
    table.write_text(table.read_text(encoding="utf-8") + "r8,one more text of some words,\n")
    assert embed_views(texts, "--json").data["viewed"] == 1  # without --views: as the pool has them

    changed = embed_views(texts, "--views", 2, "--augment", "swap,drop", "--json")
    assert changed.data["viewed"] == 9
    assert "are replaced by 2 an item (drop, swap)" in changed.err
    stored = np.load(texts.folder / ".knnal" / "views.npy")
    np.testing.assert_allclose(stored[3], first[:3], atol=1e-5)

    embed_views(texts, "--views", 0)
    assert texts("status", "--json").data["views"] is None
    assert not list((texts.folder / ".knnal").glob("views*"))


def test_guided_asks_once_there_are_views(texts: Any) -> None:
    saying = ["'guided' needs views", "'knnal embed SOURCE' with --views 8"]
    texts.fails("next", *GUIDED, saying=saying)
    embed_views(texts, "--views", 3)
    texts("tell", "r0", "good")
    texts("tell", "r1", "bad")
    asked = texts("next", *GUIDED, "--audit", 0, "--json").data
    assert asked["score"]["strategy"] == "guided"
    assert 0.0 < asked["score"]["value"] <= 1.0
    ranked = texts("rank", *GUIDED, "--json", "--limit", 3).data
    assert ranked[0]["id"] == asked["id"]
    scores = [one["score"]["value"] for one in ranked]
    assert scores == sorted(scores, reverse=True)


def test_views_are_removed(texts: Any) -> None:
    embed_views(texts, "--views", 2)
    embed_views(texts, "--views", 0)
    assert texts("status", "--json").data["views"] is None
    assert not list((texts.folder / ".knnal").glob("views*"))


def test_damaged_views_are_refused(texts: Any) -> None:
    embed_views(texts, "--views", 2)
    file = texts.folder / ".knnal" / "views.npy"
    whole = file.read_bytes()
    for damaged in (whole[:-100], whole[:-1] + bytes([whole[-1] ^ 1])):
        file.write_bytes(damaged)
        for command in (("status",), ("next", *GUIDED), ("tell", "r0", "good")):
            texts.fails(*command, saying=["views.npy", "Repair the pool"])
    file.write_bytes(whole)
    assert texts("status", "--json").data["labeled"] == 0
    texts("next", *GUIDED)


def test_a_round_doubles(vectors: Any) -> None:
    sizes = []
    for _ in range(3):
        asked = vectors("next", "--schedule", "doubling", "--batch-size", 4, "--json").data
        sizes.append(len(asked))
        lines = "".join(f'{{"id": "{one["id"]}", "label": "a"}}\n' for one in asked)
        vectors("tell", stdin=lines)
    assert sizes == [4, 4, 8]
    assert len(vectors("next", "--schedule", "constant", "--json").data) == 10
    assert isinstance(vectors("next", "--schedule", "one-at-a-time", "--json").data, dict)


@pytest.mark.parametrize(
    ("options", "phrase"),
    [
        (("--schedule", "tripling"), "'constant'"),
        (("-n", 3, "--schedule", "constant"), "--limit and --schedule exclude"),
    ],
)
def test_schedules_that_make_no_sense(vectors: Any, options: Any, phrase: str) -> None:
    done = vectors("next", *options, code=2)
    assert phrase in " ".join(done.err.replace("│", " ").split())


def test_a_batch_size_alone(vectors: Any) -> None:
    vectors.fails("next", "--batch-size", 3, saying=["constant or doubling"])


def test_a_simulation_in_batches(texts: Any) -> None:
    embed_views(texts, "--views", 2)
    verdicts = [f"r{i},{'good' if i % 2 else 'bad'}" for i in range(8)]
    (texts.folder / "truth.csv").write_text("id,label\n" + "\n".join(verdicts) + "\n")
    options = ("--truth", "truth.csv", "--seeds", 1, "--labels", 5, "--classifiers", "knn")
    done = texts(
        "simulate", *options, "--strategies", "guided", "--schedule", "doubling",
        "--batch-size", 2, "--json", KNNAL_THREADS="1",
    )  # fmt: skip
    assert done.data["settings"]["schedule"] == "doubling from 2"
    assert {one["strategy"] for one in done.data["contenders"]} == {"guided", "random"}


def test_ready_vectors_have_no_views(vectors: Any, knnal: Any) -> None:
    vectors.fails("embed", "vectors.npy", "--views", 4, saying=["ready vectors have no content"])
    np.save(knnal.folder / "v.npy", np.eye(3, dtype=np.float32))
    knnal.fails("embed", "v.npy", "--views", 4, saying=["ready vectors"])
    assert not (knnal.folder / ".knnal").exists()


def test_slips_in_augmentations_leave_no_pool_behind(knnal: Any) -> None:
    (knnal.folder / "lines.txt").write_text("one line\nanother\n", encoding="utf-8")
    knnal.fails(
        "embed", "lines.txt", "--views", 2, "--augment", "mirror",
        saying=["must be among drop, swap, got 'mirror'"],
    )  # fmt: skip
    assert not (knnal.folder / ".knnal").exists()


@pytest.mark.model
@pytest.mark.slow
def test_images_get_views_of_their_own_network(knnal: Any) -> None:
    from knnal.embedders.base import create_embedder
    from knnal.errors import ModelUnavailableError
    from knnal.types import LogNarrator

    try:
        create_embedder("mobilenet-v2").load(LogNarrator())
    except ModelUnavailableError as error:
        pytest.skip(str(error))
    rng = np.random.default_rng(0)
    (knnal.folder / "images").mkdir()
    for i in range(6):
        coarse = rng.integers(0, 256, (5, 5, 3), dtype=np.uint8)
        picture = Image.fromarray(coarse).resize((64, 48))
        picture.save(knnal.folder / "images" / f"{i}.png")
    (knnal.folder / "images" / "broken.png").write_bytes(b"no picture")
    report = knnal("embed", "images", "--views", 3, "--json", code=3).data
    assert (report["added"], report["viewed"]) == (6, 6)
    V = np.load(knnal.folder / ".knnal" / "views.npy")
    assert V.shape == (6, 4, 1280)
    own = np.einsum("rd,rvd->rv", V[:, 0], V[:, 1:])
    others = np.einsum("rd,qvd->rqv", V[:, 0], V[:, 1:])
    others[np.arange(6), np.arange(6)] = -1.0
    assert own.max() < 0.9999, "a view is the picture itself"
    assert np.mean(own) > np.mean(others[others > -1]), "views are no nearer than other pictures"
