"""Many people at one server: how long each request takes, and whether the log has all of them.

    python -m benchmarks.serving
    python -m benchmarks.serving --data DIR --seeds data --dims 1280
    python -m benchmarks.serving --items 2000 --people 1,4 --answers 10 --think 0.1

The pool is one of ``benchmarks.engine``, kept in the folder --work. ``knnal serve`` runs in a
process of its own on a copy of its log, and each person is a thread that speaks HTTP to it: thinks
for a while, drawn evenly between half and one and a half times --think, then answers with the true
class, undoes their latest answer, or renames a class. Each request returns the next question, and
its time is what is measured.

Afterwards the log must be what the people saw: each acknowledged decision once, by who made it,
and nothing else; no item labeled while it had a label. No two people may hold an item at once.
"""

from __future__ import annotations

import argparse
import http.client
import json
import random
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np

from benchmarks.data import add_data_option
from benchmarks.engine.pools import BenchmarkPool, make_pool, pool_of, require_room
from benchmarks.engine.seeds import load_seeds
from benchmarks.options import default_work
from benchmarks.tables import table
from knnal.pool.pool import Pool

Decision = tuple[str, str | None, str | None, int | None]
"""The kind, item, label and target of an event."""

_KEEP_ALIVE_S = 4.0
_START = "from knnal_cli.main import app; app()"


@dataclass(slots=True)
class Person:
    """What somebody decided, in order, as the log must have it, and each request's seconds."""

    name: str
    decisions: list[Decision] = field(default_factory=list)
    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))


class Client:
    """One person's connection to the server."""

    def __init__(self, address: str, person: Person) -> None:
        parts = urlsplit(address)
        self._person = person
        self._token = parse_qs(parts.query)["token"][0]
        self._connection = http.client.HTTPConnection(parts.netloc, timeout=600)
        self._last = 0.0

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def __call__(self, what: str, method: str, path: str, body: Any = None) -> Any:
        """The answer to a request, which is timed as one of its kind, ``what``."""
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        started = time.perf_counter()
        if started - self._last > _KEEP_ALIVE_S:
            self._connection.close()  # and opened again, as the server may have closed it
        self._connection.request(
            method, f"/api/{path}", None if body is None else json.dumps(body), headers
        )
        answer = self._connection.getresponse()
        content = json.loads(answer.read() or "null")
        self._last = time.perf_counter()
        self._person.seconds[what].append(self._last - started)
        if answer.status >= 400:
            raise RuntimeError(f"{method} {path}: {content['detail']}")
        return content


class Room:
    """What the people share: the class names of today, and who holds which item."""

    def __init__(self, truth: list[str]) -> None:
        self._truth = truth
        self._names = {name: name for name in sorted(set(truth))}
        self._holders: dict[str, str] = {}
        self._lock = threading.Lock()

    def label(self, item: str) -> str:
        return self._names[self._truth[int(item)]]

    @contextmanager
    def renaming(self, rng: random.Random) -> Iterator[tuple[str, str]]:
        """The name of a class and its next one; one rename at a time."""
        with self._lock:
            name = rng.choice(list(self._names))
            old = self._names[name]
            new = f"{name}.{int(old.partition('.')[2] or 0) + 1}"
            yield old, new
            self._names[name] = new

    def take(self, item: str, person: str) -> None:
        if self._holders.setdefault(item, person) != person:
            raise RuntimeError(f"Item {item} went to {person} and to {self._holders[item]}.")

    def give_back(self, item: str) -> None:
        """Before the request that lets somebody else have the item."""
        del self._holders[item]


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parse(arguments)
    pool = pool_of(options.work, options.seeds, options.items, options.dims, options.seed)
    if not pool.finished:
        print(f"Making {options.items:,} x {options.dims} ...", file=sys.stderr, flush=True)
        require_room(options.work, options.items, options.dims)
        seeds = load_seeds(options.seeds, options.dims, options.data, options.work, options.seed)
        make_pool(pool, seeds, options.items, options.dims, options.seed)
    truth = pool.truth()
    rows = []
    for count in options.people:
        people, wall = _label(pool, truth, count, options)
        kinds = sorted({kind for person in people for kind in person.seconds})
        for what in ("all", *kinds):
            milliseconds = [
                1000 * seconds
                for person in people
                for kind, times in person.seconds.items()
                for seconds in times
                if what in ("all", kind)
            ]
            percentiles = np.percentile(milliseconds, [50, 95, 99, 100])
            rate = f"{len(milliseconds) / wall:.1f}"
            rows.append((count, what, len(milliseconds), rate, *(f"{p:.0f}" for p in percentiles)))
    print(f"{options.items:,} x {options.dims}, think {options.think} s, {options.undo:.0%} undo, "
          f"{options.rename:.0%} rename, times in ms.\n")  # fmt: skip
    print(table(("people", "request", "count", "per s", "p50", "p95", "p99", "max"),
                [tuple(map(str, row)) for row in rows]))  # fmt: skip
    print("\nNo item went to two people; the log is equal to what they saw.")
    return 0


def _label(
    pool: BenchmarkPool, truth: list[str], count: int, options: argparse.Namespace
) -> tuple[list[Person], float]:
    people = [Person(f"person {number}") for number in range(count)]
    room = Room(truth)
    with pool.copied() as folder:
        classes = sorted(set(truth))
        with (
            _served(folder, "--classes", ",".join(classes)) as address,
            ThreadPoolExecutor(count) as threads,
        ):
            _warm_up(address)
            started = time.perf_counter()
            work = [threads.submit(_work, person, address, room, options) for person in people]
            for one in work:
                one.result()
            wall = time.perf_counter() - started
        check(folder, people)
    return people, wall


def _warm_up(address: str) -> None:
    """Have the first question, which waits for what is worked out once."""
    with Client(address, Person("first")) as call:
        seat = call("join", "POST", "seats", {"annotator": "first"})["seat"]
        call("question", "GET", f"seats/{seat}/question")
        call("leave", "DELETE", f"seats/{seat}")


def _work(person: Person, address: str, room: Room, options: argparse.Namespace) -> None:
    rng = random.Random(f"{options.seed} {person.name}")  # noqa: S311 - only who does what when
    with Client(address, person) as call:
        seat = call("join", "POST", "seats", {"annotator": person.name})["seat"]
        item = call("question", "GET", f"seats/{seat}/question")["question"]["item"]["id"]
        room.take(item, person.name)
        undoable: list[int] = []  # answers since the latest rename
        for _ in range(options.answers):
            time.sleep(options.think * rng.uniform(0.5, 1.5))
            draw = rng.random() - options.rename
            if draw < 0:
                with room.renaming(rng) as (old, new):
                    body = {"old": old, "new": new}
                    step = call("rename", "POST", f"seats/{seat}/renames", body)
                decision: Decision = ("rename", None, new, None)
                undoable.clear()
            elif undoable and draw < options.undo:
                room.give_back(item)
                step = call("undo", "POST", f"seats/{seat}/undo", {"event": undoable[-1]})
                decision = ("undo", step["event"]["item"], None, undoable.pop())
            else:
                body = {"item": item, "label": room.label(item)}
                room.give_back(item)
                step = call("answer", "POST", f"seats/{seat}/answers", body)
                decision = ("label", item, body["label"], None)
                undoable.append(step["event"]["seq"])
            person.decisions.append(decision)
            item = step["question"]["item"]["id"]
            room.take(item, person.name)


def check(folder: Path, people: Sequence[Person]) -> None:
    """Exit where the log is not what the people saw."""
    with closing(Pool.open(folder)) as pool:
        events = [event for event in pool.log.events() if event.kind != "class"]
    labeled: dict[str | None, int] = {}
    for event in events:
        if event.kind == "label" and labeled.setdefault(event.item, event.seq) != event.seq:
            sys.exit(f"Item {event.item} was labeled twice.")
        if event.kind == "undo" and labeled.pop(event.item) != event.target:
            sys.exit(f"Event {event.seq} took back another label than that of its item.")
    for person in people:
        logged = [(str(e.kind), e.item, e.label, e.target) for e in events
                  if e.annotator == person.name]  # fmt: skip
        if logged != person.decisions:
            sys.exit(f"The log of {person.name} differs from what they saw.")
    if len(events) != sum(len(person.decisions) for person in people):
        sys.exit("The log holds decisions that nobody made.")


@contextmanager
def _served(folder: Path, *options: str) -> Iterator[str]:
    """``knnal serve`` on the folder; the address that it prints."""
    command = [sys.executable, "-c", _START, "serve", "--pool", str(folder), "--port", "0"]
    command += options
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        if not address:
            sys.exit("The server did not start.")
        try:
            yield address
        finally:
            process.send_signal(signal.SIGINT)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    assert __doc__ is not None
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_data_option(parser)
    parser.add_argument("--work", type=Path, default=default_work(), help="keeps the pools")
    parser.add_argument("--seeds", choices=("made", "data"), default="made")
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--dims", type=int, default=512)
    parser.add_argument(
        "--people", type=lambda text: [int(n) for n in text.split(",")], default=[1, 20]
    )
    parser.add_argument("--answers", type=int, default=50, help="requests by each person")
    parser.add_argument("--undo", type=float, default=0.05, help="share of them that undo")
    parser.add_argument("--rename", type=float, default=0.01, help="share that rename a class")
    parser.add_argument("--think", type=float, default=1.0, help="mean seconds before an answer")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
