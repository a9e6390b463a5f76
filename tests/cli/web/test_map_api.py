"""The map over the API: laid out when asked for, what its points are, and regions labeled."""

from __future__ import annotations

import time
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from knnal.collaboration.multi_user import MultiUserSession
from knnal.pool.index_files import stored_layout
from knnal.pool.pool import Pool
from knnal.quality.inspection.map import grid_positions
from knnal.session.session import Session
from knnal_cli.web.pool_map import PoolMap

from ...patience import PATIENCE_S
from .conftest import PICTURES
from .test_api import answer, ask, join, log_of, truth


@pytest.fixture
def people(pictures: Path) -> Iterator[MultiUserSession]:
    people = MultiUserSession(Session(Pool.open(pictures)), Pool.open(pictures))
    yield people
    people.close()


def laid_out(client: TestClient) -> None:
    """Have the map, however long it takes."""
    assert client.post("/api/map", json={}).json()["state"] in ("working", "ready")
    deadline = time.monotonic() + PATIENCE_S
    while (now := client.get("/api/map").json())["state"] == "working":
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert now["state"] == "ready", now


def unpacked(text: str, kind: str) -> Any:
    return np.frombuffer(b64decode(text), dtype=kind)


def test_the_map_is_laid_out_when_asked_for(client: TestClient, pictures: Path) -> None:
    assert client.get("/api/map").json()["state"] == "none"
    early = client.get("/api/map/points")
    assert (early.status_code, early.json()["error"]) == (409, "no-map")
    laid_out(client)
    packed = client.get("/api/map/points")
    plain = client.get("/api/map/points", headers={"accept-encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.json() == plain.json()
    with closing(Pool.open(pictures)) as pool:
        ids = [record.id for record in pool.catalog.records()]
        expected = grid_positions(stored_layout(pool, pool.live))
    assert packed.json()["ids"] == ids
    positions = unpacked(packed.json()["positions"], "<u2").reshape(-1, 2)
    np.testing.assert_array_equal(positions, expected)


def test_the_points_are_colored_as_a_session_predicts(
    serve: Callable[..., TestClient], mapped: Path
) -> None:
    client = serve(mapped)
    laid_out(client)
    seat = join(client)
    before = client.get("/api/map/colors").json()
    assert set(unpacked(before["predictions"], "<i4")) == {-1}
    for _ in range(4):
        item = ask(client, seat)["item"]["id"]
        answer(client, seat, item, truth(item))
    ids = client.get("/api/map/points").json()["ids"]
    told = client.get("/api/map/colors").json()
    names = [*told["classes"], None]
    with closing(Pool.open(mapped)) as pool:
        session = Session(pool)
        expected = session.predict(ids)
        labels = [session.ledger.label(item) for item in ids]
    assert [names[place] for place in unpacked(told["labels"], "<i4")] == labels
    predicted = [names[place] for place in unpacked(told["predictions"], "<i4")]
    assert predicted == [prediction.label for prediction in expected]
    percents = unpacked(told["percents"], "<u1").astype(float)
    np.testing.assert_allclose(percents, [100 * p.probability for p in expected], atol=0.51)


def test_a_region_is_labeled_and_taken_back(client: TestClient, pictures: Path) -> None:
    ann, bob = join(client, "ann"), join(client, "bob")
    mine, theirs = (ask(client, seat)["item"]["id"] for seat in (ann, bob))
    done = next(i for i in map("red/{:02}.png".format, range(12)) if i not in (mine, theirs))
    answer(client, ann, done, "red")
    region = [done, mine, theirs]
    region += [i for i in map("blue/{}.png".format, range(12, 18)) if i not in region]
    step = client.post(f"{ann}/regions", json={"items": region, "label": "both"}).json()
    labeled = [event["item"] for event in step["events"]]
    assert labeled == [i for i in region if i not in (done, theirs)]
    assert step["unchanged"] == 2
    assert step["question"]["item"]["id"] not in region
    assert ask(client, bob)["item"]["id"] == theirs, "nobody's item is taken from them"
    assert [e[:3] for e in log_of(pictures)[1:]] == [("label", i, "both") for i in labeled]

    batch = step["events"][0]["seq"]
    told = client.get(f"{ann}/undo").json()
    assert (told["event"]["seq"], told["count"]) == (batch, len(labeled))
    back = client.post(f"{ann}/undo", json={"event": batch}).json()
    assert (back["event"]["seq"], back["count"]) == (batch, len(labeled))
    assert client.get("/api/status").json()["labeled"] == 1
    again = client.post(f"{ann}/redo", json={}).json()
    assert (again["event"]["seq"], again["count"]) == (batch, len(labeled))


def test_a_region_in_parts_is_taken_back_as_one(client: TestClient, pictures: Path) -> None:
    seat, other = join(client), join(client, "bob")
    answer(client, seat, "red/09.png", "red")
    first = {"items": ["red/00.png", "red/01.png"], "label": "red"}
    batch = client.post(f"{seat}/regions", json=first).json()["events"][0]["seq"]
    second = {"items": ["red/02.png", "red/03.png"], "label": "red", "batch": batch}
    for body in (second, {**second, "items": ["red/04.png"]}):
        assert client.post(f"{seat}/regions", json=body).json()["unchanged"] == 0
    theirs = {"items": ["red/05.png"], "label": "red", "batch": batch}
    assert client.post(f"{other}/regions", json=theirs).status_code == 200
    assert client.post(f"{seat}/undo", json={"event": batch}).json()["count"] == 5
    with closing(Pool.open(pictures)) as pool:
        assert set(Session(pool).ledger.labels()) == {"red/05.png", "red/09.png"}


def test_a_region_is_not_taken_back_across_later_decisions(client: TestClient) -> None:
    seat = join(client)
    body = {"items": ["red/00.png", "red/01.png"], "label": "red"}
    batch = client.post(f"{seat}/regions", json=body).json()["events"][0]["seq"]
    answer(client, seat, "red/02.png", "red")
    late = client.post(f"{seat}/undo", json={"event": batch})
    assert (late.status_code, late.json()["error"]) == (409, "conflict")
    client.post(f"{seat}/undo", json={})
    assert client.post(f"{seat}/undo", json={"event": batch}).json()["count"] == 2


def test_a_region_of_unknown_items_changes_nothing(client: TestClient, pictures: Path) -> None:
    seat = join(client)
    for items, label in ((["red/00.png", "nowhere"], "red"), (["red/00.png"], " ")):
        done = client.post(f"{seat}/regions", json={"items": items, "label": label})
        assert (done.status_code, done.json()["error"]) == (422, "input")
    assert log_of(pictures) == []


def test_a_pool_too_large_for_a_map_says_so(people: MultiUserSession, pictures: Path) -> None:
    large = PoolMap(people, pictures, PICTURES, most=PICTURES - 1)
    large.begin()
    state = large.state()
    assert (state.state, state.detail) == (
        "too-large",
        "The map is for pools of at most 23 items; this one has 24.",
    )


def test_a_map_that_fails_says_why(people: MultiUserSession, tmp_path: Path) -> None:
    lost = PoolMap(people, tmp_path / "nowhere", PICTURES)
    lost.begin()
    deadline = time.monotonic() + PATIENCE_S
    while lost.state().state == "working":
        assert time.monotonic() < deadline
        time.sleep(0.02)
    lost.close()
    assert lost.state().state == "failed"
    assert "nowhere" in lost.state().detail


def test_a_snippet(visitor: TestClient) -> None:
    told = visitor.get("/api/snippet", params={"id": "red/00.png"}).json()
    assert told == {"id": "red/00.png", "image": True, "text": None}
