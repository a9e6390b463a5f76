"""The API as a script uses it: what it answers, and what the log holds afterwards."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from knnal.pool.labels.importing import LabelImport
from knnal.pool.pool import Pool
from knnal.project import Project
from knnal_cli.class_keys import ClassKeys

from ...patience import PATIENCE_S
from .conftest import PICTURES, PoolMaker


def log_of(folder: Path) -> list[tuple[str, str | None, str | None, str]]:
    with closing(Pool.open(folder)) as pool:
        events = list(pool.log.events())
    return [(e.kind.value, e.item, e.label, e.annotator) for e in events if e.kind != "class"]


def join(client: TestClient, name: str = "ann") -> str:
    done = client.post("/api/seats", json={"annotator": name})
    assert done.status_code == 201
    return f"/api/seats/{done.json()['seat']}"


def ask(client: TestClient, seat: str) -> Any:
    done = client.get(f"{seat}/question")
    assert done.status_code == 200
    return done.json()["question"]


def answer(client: TestClient, seat: str, item: str, label: str) -> Any:
    done = client.post(f"{seat}/answers", json={"item": item, "label": label})
    assert done.status_code == 200, done.json()
    return done.json()


def truth(item: str) -> str:
    return item.partition("/")[0]


def test_a_script_labels_everything(client: TestClient, pictures: Path) -> None:
    seat = join(client, "script")
    question = ask(client, seat)
    given = []
    while question is not None:
        item = question["item"]["id"]
        step = answer(client, seat, item, truth(item))
        assert step["event"]["label"] == truth(item)
        given.append(("label", item, truth(item), "script"))
        question = step["question"]
    assert log_of(pictures) == given
    assert len(given) == PICTURES
    status = client.get("/api/status").json()
    assert (status["labeled"], status["remaining"]) == (PICTURES, 0)


def test_a_question_says_what_is_thought_and_why(client: TestClient) -> None:
    seat = join(client)
    first = ask(client, seat)
    assert first["prediction"] is None
    assert first["why"]["summary"].startswith("It represents more of the pool")
    for _ in range(4):
        item = ask(client, seat)["item"]["id"]
        answer(client, seat, item, truth(item))
    question = ask(client, seat)
    assert question["prediction"] in ("red", "blue")
    chances = [chance["probability"] for chance in question["chances"]]
    assert chances == sorted(chances, reverse=True)
    assert sum(chances) == pytest.approx(1)
    assert sum(n["share"] for n in question["neighbors"]) == pytest.approx(1)
    assert all(n["item"]["image"] and n["label"] for n in question["neighbors"])
    names = [term["name"] for term in question["why"]["terms"]]
    assert names == ["uncertainty", "density", "diversity"]


def test_second_thoughts(client: TestClient, pictures: Path) -> None:
    seat = join(client)
    first = ask(client, seat)["item"]["id"]
    second = answer(client, seat, first, "red")["question"]["item"]["id"]
    undone = client.post(f"{seat}/undo").status_code
    assert undone == 415, "a body is always JSON"
    step = client.post(f"{seat}/undo", json={}).json()
    assert (step["event"]["label"], step["question"]["item"]["id"]) == ("red", first)
    answer(client, seat, first, "blue")
    relabeled = client.post(
        f"{seat}/relabels", json={"item": first, "label": "red", "was": "blue"}
    ).json()
    assert relabeled["question"]["item"]["id"] == second
    stale = client.post(f"{seat}/relabels", json={"item": first, "label": "x", "was": "blue"})
    assert (stale.status_code, stale.json()["error"]) == (409, "conflict")
    skipped = client.post(f"{seat}/skips", json={"item": second}).json()
    assert skipped["event"]["kind"] == "skip"
    added = client.post(f"{seat}/classes", json={"name": "green"})
    assert added.status_code == 200
    kinds = [kind for kind, *_ in log_of(pictures)]
    assert kinds == ["label", "undo", "label", "relabel", "skip"]
    history = client.get("/api/history").json()
    assert [(e["event"]["kind"], e["item"]["id"]) for e in history["entries"]] == [
        ("skip", second),
        ("relabel", first),
    ]
    found = client.get("/api/history", params={"search": "RELABEL"}).json()["entries"]
    assert found == []
    assert len(client.get("/api/history", params={"search": first}).json()["entries"]) == 1
    looked = client.get("/api/item", params={"id": first}).json()
    assert looked["decision"]["label"] == "red"


def test_two_people_and_a_second_opinion(pictures: Path, serve: Callable[..., TestClient]) -> None:
    client = serve(pictures, overlap=1.0)
    ann, bob = join(client, "ann"), join(client, "bob")
    items = {ask(client, seat)["item"]["id"] for seat in (ann, bob)}
    assert len(items) == 2
    item = ask(client, ann)["item"]["id"]
    taken = client.post(f"{bob}/answers", json={"item": item, "label": "red"})
    assert (taken.status_code, taken.json()["error"]) == (409, "taken")
    answer(client, ann, item, "red")
    question = answer(client, bob, ask(client, bob)["item"]["id"], "blue")["question"]
    assert (question["item"]["id"], question["why"]["origin"]) == (item, "opinion")
    assert "red" not in str(question["why"]), "the first label is not told"
    answer(client, bob, item, "blue")
    (conflict,) = client.get("/api/conflicts").json()
    assert (conflict["label"], conflict["other_label"]) == ("red", "blue")
    settled = client.post(f"{ann}/settlements", json={"item": item, "label": "blue"})
    assert settled.json()["event"]["origin"] == "review"
    assert client.get("/api/conflicts").json() == []
    status = client.get("/api/status").json()
    assert status["people"] == ["ann", "bob"]
    assert status["agreement"]["pairs"] == 1


def test_conflicts_come_before_other_suspects(
    pictures: Path, serve: Callable[..., TestClient]
) -> None:
    client = serve(pictures, overlap=1.0)
    ann, bob = join(client, "ann"), join(client, "bob")
    first = ask(client, ann)["item"]["id"]
    answer(client, ann, first, truth(first))
    other = {"red": "blue", "blue": "red"}[truth(first)]
    assert ask(client, bob)["item"]["id"] == first
    answer(client, bob, first, other)
    wrong = "blue/18.png" if first != "blue/18.png" else "blue/17.png"
    rest = [f"red/{n:02}.png" for n in range(5)] + [f"blue/{n}.png" for n in range(19, 24)]
    for label in ("red", "blue"):
        items = [i for i in rest if truth(i) == label] + [wrong] * (label == "red")
        client.post(f"{ann}/regions", json={"items": items, "label": label})
    suspects = client.get("/api/suspects").json()
    assert [s["item"]["id"] for s in suspects[:2]] == [first, wrong]
    assert (suspects[0]["label"], suspects[0]["annotator"]) == (truth(first), "ann")
    assert suspects[0]["opinions"] == [{"label": other, "annotator": "bob"}]
    assert suspects[1]["opinions"] == []
    body = {"item": first, "label": truth(first), "was": truth(first)}
    assert client.post(f"{bob}/settlements", json=body).json()["event"]["kind"] == "keep"
    assert client.get("/api/suspects").json()[0]["item"]["id"] == wrong


def test_keys_of_classes(client: TestClient, pictures: Path) -> None:
    seat = join(client)

    def keys() -> dict[str, str]:
        return {c["name"]: c["key"] for c in client.get("/api/status").json()["classes"]}

    for name in ("red", "blue", "green"):
        assert client.post(f"{seat}/classes", json={"name": name}).status_code == 200
    assert keys() == {"red": "1", "blue": "2", "green": "3"}
    assert client.post(f"{seat}/keys", json={"name": "red", "key": "k"}).status_code == 200
    assert keys() == {"red": "k", "blue": "2", "green": "3"}
    ClassKeys(pictures).assign("green", "x")  # as the terminal does
    client.post(f"{seat}/renames", json={"old": "red", "new": "rouge"})
    assert keys() == {"rouge": "k", "blue": "2", "green": "x"}
    answer(client, seat, ask(client, seat)["item"]["id"], "new")
    assert keys()["new"] == "4", "at once"
    about = client.get("/api/about").json()
    assert "k" in about["class_keys"]
    assert "q" not in about["class_keys"]
    for wrong in ({"name": "red", "key": "1"}, {"name": "blue", "key": "q"}):
        done = client.post(f"{seat}/keys", json=wrong)
        assert (done.status_code, done.json()["error"]) == (422, "input")
    gone = client.post("/api/seats/nobody/keys", json={"name": "blue", "key": "1"})
    assert gone.status_code == 404


def test_a_seat_that_was_left(client: TestClient) -> None:
    seat = join(client)
    item = ask(client, seat)["item"]["id"]
    assert client.delete(seat).status_code == 204
    assert client.delete(seat).status_code == 204
    gone = client.post(f"{seat}/answers", json={"item": item, "label": "red"})
    assert (gone.status_code, gone.json()["error"]) == (404, "seat")
    assert ask(client, join(client, "bob"))["item"]["id"] == item


def test_suspicious_labels(client: TestClient) -> None:
    seat = join(client)
    wrong = ""
    for number in range(12):
        item = ask(client, seat)["item"]["id"]
        label = truth(item)
        if number == 8:
            wrong, label = item, {"red": "blue", "blue": "red"}[label]
        answer(client, seat, item, label)
    suspects = client.get("/api/suspects").json()
    assert suspects[0]["item"]["id"] == wrong
    assert suspects[0]["prediction"] == truth(wrong)
    body = {"item": wrong, "label": suspects[0]["label"]}
    assert client.post(f"{seat}/settlements", json=body).json()["event"]["kind"] == "keep"
    assert wrong not in [s["item"]["id"] for s in client.get("/api/suspects").json()]


def test_accuracy_and_its_curve(pictures: Path, serve: Callable[..., TestClient]) -> None:
    client = serve(pictures, audit=0.6)
    seat = join(client)
    for _ in range(16):
        item = ask(client, seat)["item"]["id"]
        answer(client, seat, item, truth(item))
    status = client.get("/api/status", params={"seat": seat.rpartition("/")[2]}).json()
    accuracy, curve = status["accuracy"], status["curve"]
    assert accuracy["audited"] == len(curve) > 3
    assert accuracy["low"] <= accuracy["accuracy"] <= accuracy["high"] + 1e-9
    assert curve[-1]["accuracy"] == pytest.approx(accuracy["accuracy"])
    assert {(c["name"], c["key"]) for c in status["classes"]} <= {
        ("red", "1"), ("red", "2"), ("blue", "1"), ("blue", "2")
    }  # fmt: skip


def test_export(client: TestClient) -> None:
    seat = join(client, "bob")
    item = ask(client, seat)["item"]["id"]
    answer(client, seat, item, "red")
    done = client.get("/api/export")
    assert done.headers["content-type"].startswith("text/csv")
    assert 'filename="labels.csv"' in done.headers["content-disposition"]
    (row,) = csv.DictReader(io.StringIO(done.text))
    assert (row["id"], row["label"], row["annotator"]) == (item, "red", "bob")
    whole = client.get("/api/export", params={"format": "jsonl", "labeled_only": False})
    assert len(whole.text.splitlines()) == PICTURES


def test_pictures(client: TestClient) -> None:
    full = client.get("/api/image", params={"id": "red/00.png"})
    assert full.headers["content-type"] == "image/png"
    assert Image.open(io.BytesIO(full.content)).size == (60, 40)
    small = client.get("/api/image", params={"id": "blue/23.png", "size": "small"})
    assert small.headers["content-type"] == "image/jpeg"
    red, _, blue = Image.open(io.BytesIO(small.content)).convert("RGB").getpixel((5, 5))
    assert blue > 200 > 100 > red


def test_other_formats_are_redrawn(pictures: Path, client: TestClient) -> None:
    file = pictures.parent / "photos" / "red" / "00.png"
    Image.new("RGB", (30, 20), "red").save(file, "TIFF")
    full = client.get("/api/image", params={"id": "red/00.png"})
    assert full.headers["content-type"] == "image/png"
    assert Image.open(io.BytesIO(full.content)).size == (30, 20)


def test_pictures_of_16_bits_are_redrawn_by_the_range_they_use(
    pictures: Path, client: TestClient
) -> None:
    file = pictures.parent / "photos" / "red" / "00.png"
    values = np.linspace(100, 700, 600).reshape(20, 30).astype(np.uint16)
    Image.fromarray(values).save(file)
    full = client.get("/api/image", params={"id": "red/00.png"})
    shown = np.asarray(Image.open(io.BytesIO(full.content)))
    assert (shown.dtype, shown.min(), shown.max()) == (np.uint8, 0, 255)


def test_texts_are_whole_and_neighbors_begin(
    make_texts: PoolMaker, serve: Callable[..., TestClient]
) -> None:
    texts = [f"{number} <b>bold</b> " + "word " * 200 for number in range(10)]
    client = serve(make_texts(texts))
    seat = join(client)
    first = ask(client, seat)["item"]
    assert first["text"] == texts[int(first["id"][1:])]
    (neighbor,) = answer(client, seat, first["id"], "a")["question"]["neighbors"]
    assert neighbor["item"]["text"].endswith("…")
    assert len(neighbor["item"]["text"]) < 300
    no_picture = client.get("/api/image", params={"id": first["id"]})
    assert (no_picture.status_code, no_picture.json()["error"]) == (404, "no-picture")


def test_renames_notes_and_redo(client: TestClient, pictures: Path) -> None:
    seat = join(client)
    for _ in range(6):
        item = ask(client, seat)["item"]["id"]
        answer(client, seat, item, truth(item))
    asked = ask(client, seat)
    step = client.post(f"{seat}/renames", json={"old": "red", "new": "rouge"}).json()
    assert (step["event"]["text"], step["event"]["label"]) == ("red", "rouge")
    assert step["question"]["item"] == asked["item"]
    assert {chance["label"] for chance in step["question"]["chances"]} == {"rouge", "blue"}
    unknown = client.post(f"{seat}/renames", json={"old": "red", "new": "x"})
    assert (unknown.status_code, unknown.json()["error"]) == (422, "input")
    merged = client.post(f"{seat}/renames", json={"old": "rouge", "new": "blue"}).json()
    assert [chance["label"] for chance in merged["question"]["chances"]] == ["blue"]
    parted = client.post(f"{seat}/undo", json={}).json()
    assert (parted["event"]["kind"], parted["event"]["text"]) == ("rename", "rouge")

    named = asked["item"]["id"]
    noted = client.post(f"{seat}/notes", json={"item": named, "text": " <b>odd</b> "}).json()
    assert noted["question"]["note"] == "<b>odd</b>"
    answer(client, seat, named, "rouge")
    (entry,) = client.get("/api/history", params={"search": "<B>odd"}).json()["entries"]
    assert (entry["item"]["id"], entry["note"]) == (named, "<b>odd</b>")

    back = client.post(f"{seat}/undo", json={}).json()
    assert back["question"]["item"]["id"] == named
    again = client.post(f"{seat}/redo", json={}).json()
    assert (again["event"]["item"], again["event"]["label"]) == (named, "rouge")
    assert again["question"]["item"]["id"] != named
    nothing = client.post(f"{seat}/redo", json={})
    assert (nothing.status_code, nothing.json()["error"]) == (409, "nothing-to-redo")
    kinds = [kind for kind, *_ in log_of(pictures)]
    assert kinds[6:] == ["rename", "rename", "undo", "note", "label", "undo", "redo"]


def test_labels_are_taken_away(client: TestClient, pictures: Path) -> None:
    seat, other = join(client), join(client, "bob")
    item = ask(client, seat)["item"]["id"]
    asked = answer(client, seat, item, "red")["question"]["item"]["id"]
    stale = client.post(f"{other}/unlabels", json={"item": item, "was": "blue"})
    assert (stale.status_code, stale.json()["error"]) == (409, "conflict")
    step = client.post(f"{other}/unlabels", json={"item": item, "was": "red"}).json()
    assert (step["event"]["kind"], step["event"]["item"]) == ("unlabel", item)
    assert client.get("/api/item", params={"id": item}).json()["decision"] is None
    assert client.get("/api/history").json()["entries"] == []
    gone = client.post(f"{seat}/relabels", json={"item": item, "label": "blue", "was": "red"})
    assert (gone.status_code, gone.json()["error"]) == (409, "conflict")
    nothing = client.post(f"{seat}/unlabels", json={"item": item})
    assert (nothing.status_code, nothing.json()["error"]) == (422, "input")
    client.post(f"{seat}/skips", json={"item": asked})
    client.post(f"{seat}/unlabels", json={"item": asked})
    assert ask(client, seat)["item"]["id"] in (item, asked)
    assert client.post(f"{seat}/undo", json={}).json()["event"]["kind"] == "unlabel"
    assert [kind for kind, *_ in log_of(pictures)] == [
        "label",
        "unlabel",
        "skip",
        "unlabel",
        "undo",
    ]


def test_an_empty_class_is_removed(client: TestClient) -> None:
    def classes() -> list[str]:
        return [one["name"] for one in client.get("/api/status").json()["classes"]]

    seat = join(client)
    answer(client, seat, ask(client, seat)["item"]["id"], "red")
    client.post(f"{seat}/classes", json={"name": "slip"})
    assert classes() == ["red", "slip"]
    for name in ("red", "nowhere"):
        refused = client.post(f"{seat}/classes/remove", json={"name": name})
        assert (refused.status_code, refused.json()["error"]) == (422, "input")
    step = client.post(f"{seat}/classes/remove", json={"name": "slip"}).json()
    assert (step["event"]["kind"], step["event"]["label"]) == ("remove-class", "slip")
    assert classes() == ["red"]
    client.post(f"{seat}/undo", json={})
    assert classes() == ["red", "slip"]


def test_an_import_is_undone_as_one(client: TestClient, pictures: Path) -> None:
    seat = join(client, "ann")
    nothing = client.get(f"{seat}/undo")
    assert (nothing.status_code, nothing.json()["error"]) == (409, "nothing-to-undo")
    with closing(Pool.open(pictures)) as pool, pool.transaction():
        labels = [(f"red/{n:02}.png", "wrong") for n in range(8)]
        LabelImport(pool, "ann", "wrong.csv").add(labels)
    told = client.get(f"{seat}/undo").json()
    assert (told["count"], told["event"]["origin"], told["event"]["text"]) == (
        8, "imported", "wrong.csv",
    )  # fmt: skip
    step = client.post(f"{seat}/undo", json={"event": told["event"]["seq"]}).json()
    assert (step["count"], step["event"]) == (8, told["event"])
    assert client.get("/api/status").json()["labeled"] == 0


def test_what_random_labels_would_have_reached(
    pictures: Path, serve: Callable[..., TestClient]
) -> None:
    client = serve(pictures, audit=0.999)
    seat = join(client)
    told = client.get("/api/random").json()
    assert (told["audited"], told["estimate"], told["working"]) == (0, None, False)
    for _ in range(told["needed"] + 2):
        item = ask(client, seat)["item"]["id"]
        answer(client, seat, item, truth(item))
    deadline = time.monotonic() + PATIENCE_S
    while not (told := client.get("/api/random").json())["estimate"]:
        assert told["working"]
        assert time.monotonic() < deadline
        time.sleep(0.02)
    with closing(Project.open(pictures)) as project:
        expected = project.status(compare=True).random
    assert expected is not None
    point = {name: getattr(expected, name) for name in ("labels", "accuracy", "low", "high")}
    assert told["estimate"] == pytest.approx(point)
    assert [p["labels"] for p in told["curve"]] == [p.labels for p in expected.curve]


def test_a_new_class_is_said_with_the_one_that_may_be_meant(client: TestClient) -> None:
    seat = join(client)
    first, second, third = "red/00.png", "red/01.png", "red/02.png"
    assert answer(client, seat, first, " red ")["remark"] == "New class 'red'."
    assert answer(client, seat, second, "red")["remark"] is None
    step = answer(client, seat, third, "redd")
    assert step["remark"] == "New class 'redd' (did you mean 'red'?)."
    body = {"item": second, "label": "readd", "was": "red"}
    assert (
        client.post(f"{seat}/relabels", json=body).json()["remark"].startswith("New class 'readd'")
    )
    body = {"items": ["blue/12.png", "blue/13.png"], "label": "blue"}
    assert client.post(f"{seat}/regions", json=body).json()["remark"] == "New class 'blue'."


def test_names_are_kept_in_one_form_and_controls_refused(
    client: TestClient, pictures: Path
) -> None:
    seat = join(client)
    assert (
        answer(client, seat, "red/00.png", "cafe\u0301\u200c")["event"]["label"]
        == "caf\u00e9\u200c"
    )
    for label in ("a\nb", "\x1b[31m", "\u3000"):
        done = client.post(f"{seat}/answers", json={"item": "red/01.png", "label": label})
        assert (done.status_code, done.json()["error"]) == (422, "input")
    assert len(log_of(pictures)) == 1
