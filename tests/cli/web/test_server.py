"""The real server: killed while people label, stopped by Ctrl-C."""

from __future__ import annotations

import os
import random
import threading
import time
from contextlib import closing

import pytest

from knnal.pool.pool import Pool

from ...patience import PATIENCE_S
from .conftest import TOKEN, PoolMaker
from .server import Server

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name == "nt", reason="signals are those of a POSIX system"),
]


def test_killed_it_loses_no_label_and_ctrl_c_ends_it_cleanly(make_texts: PoolMaker) -> None:
    folder = make_texts([f"text {number}" for number in range(400)])
    server = Server(folder, "--classes", "a,b,c", token=TOKEN)
    assert server.token == TOKEN
    acknowledged: dict[str, tuple[str, str]] = {}
    sent: dict[str, str] = {}

    def label(name: str) -> None:
        rng = random.Random(name)
        try:
            seat = server.call("POST", "seats", {"annotator": name})["seat"]
            question = server.call("GET", f"seats/{seat}/question")["question"]
            while question is not None:
                item, given = question["item"]["id"], rng.choice("abc")
                sent[item] = given
                body = {"item": item, "label": given}
                step = server.call("POST", f"seats/{seat}/answers", body)
                acknowledged[item] = name, given
                question = step["question"]
        except OSError:
            return  # the server is gone

    people = [threading.Thread(target=label, args=(f"person {n}",)) for n in range(4)]
    for person in people:
        person.start()
    deadline = time.monotonic() + PATIENCE_S
    while len(acknowledged) < 60 and time.monotonic() < deadline:
        time.sleep(0.01)
    server.kill()
    for person in people:
        person.join()
    with closing(Pool.open(folder)) as pool:
        stored = {
            event.item: (event.annotator, event.label)
            for event in pool.log.events()
            if event.kind == "label"
        }
    assert len(acknowledged) >= 60
    assert acknowledged.items() <= stored.items()
    assert {item: label for item, (_, label) in stored.items()}.items() <= sent.items()
    assert len(stored) - len(acknowledged) <= len(people), "no more than was under way"

    again = Server(folder, port=server.port, token=TOKEN)
    assert again.call("GET", "status")["labeled"] == len(stored)
    code, said = again.stop()
    assert code == 0
    assert "Everything is stored" in said
    assert "Traceback" not in said
    assert TOKEN not in said
