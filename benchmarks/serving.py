"""Many people at one server: how long an answer takes, and whether the log has them all.

    python -m benchmarks.serving
    python -m benchmarks.serving --data DIR --seeds data --dims 1280
    python -m benchmarks.serving --items 2000 --people 1,4 --answers 10 --think 0.1

The pool is one of ``benchmarks.engine``, kept in the folder --work. ``knnal serve`` runs in a
process of its own on a copy of its log, and each person is a thread that speaks HTTP to it: thinks
for a while, drawn evenly between half and one and a half times --think, answers with the true
class, and gets the next question by the same request, whose time is what is told. Afterwards the
log must be what the people saw: each acknowledged answer once, by who gave it, and nothing else.
"""

from __future__ import annotations

import argparse
import http.client
import json
import random
import signal
import subprocess
import sys
import time
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

_START = "from knnal_cli.main import app; app()"


@dataclass(slots=True)
class Person:
    """What somebody answered, in order, and how long the server took for each, in seconds."""

    name: str
    answers: list[tuple[str, str]] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


class Client:
    """One connection to the server."""

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        self._token = parse_qs(parts.query)["token"][0]
        self._connection = http.client.HTTPConnection(parts.netloc, timeout=600)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def __call__(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        self._connection.request(
            method, f"/api/{path}", None if body is None else json.dumps(body), headers
        )
        answer = self._connection.getresponse()
        content = json.loads(answer.read())
        if answer.status >= 400:
            raise RuntimeError(f"{method} {path}: {content['detail']}")
        return content


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
        milliseconds = 1000 * np.array([s for person in people for s in person.seconds])
        p50, p95, p99 = np.percentile(milliseconds, [50, 95, 99])
        answers = len(milliseconds)
        rows.append(
            (count, answers, f"{answers / wall:.1f}", *(f"{ms:.0f}" for ms in (p50, p95, p99)))
        )
    print(f"{options.items:,} x {options.dims}, think {options.think} s, times in ms.\n")
    print(table(("people", "answers", "answers a second", "p50", "p95", "p99"),
                [tuple(map(str, row)) for row in rows]))  # fmt: skip
    print("\nNo item went to two people; the log is equal to what they saw.")
    return 0


def _label(
    pool: BenchmarkPool, truth: list[str], count: int, options: argparse.Namespace
) -> tuple[list[Person], float]:
    people = [Person(f"person {number}") for number in range(count)]
    with pool.copied() as folder:
        with _served(folder) as address, ThreadPoolExecutor(count) as threads:
            started = time.perf_counter()
            work = [threads.submit(_answer, person, address, truth, options) for person in people]
            for one in work:
                one.result()
            wall = time.perf_counter() - started
        check(folder, people)
    return people, wall


def _answer(person: Person, address: str, truth: list[str], options: argparse.Namespace) -> None:
    rng = random.Random(f"{options.seed} {person.name}")  # noqa: S311 - only the thinking
    with Client(address) as call:
        seat = call("POST", "seats", {"annotator": person.name})["seat"]
        question = call("GET", f"seats/{seat}/question")["question"]
        for _ in range(options.answers):
            time.sleep(options.think * rng.uniform(0.5, 1.5))
            item = question["item"]["id"]
            body = {"item": item, "label": truth[int(item)]}
            started = time.perf_counter()
            question = call("POST", f"seats/{seat}/answers", body)["question"]
            person.seconds.append(time.perf_counter() - started)
            person.answers.append((item, body["label"]))


def check(folder: Path, people: Sequence[Person]) -> None:
    """Leave the program where the log is not what the people saw."""
    with closing(Pool.open(folder)) as pool:
        events = [event for event in pool.log.events() if event.kind == "label"]
    items = [event.item for event in events]
    if len(items) != len(set(items)):
        sys.exit("An item was labeled twice.")
    for person in people:
        logged = [(e.item, e.label) for e in events if e.annotator == person.name]
        if logged != person.answers:
            sys.exit(f"The log of {person.name} differs from what they saw.")
    if len(items) != sum(len(person.answers) for person in people):
        sys.exit("The log holds labels that nobody gave.")


@contextmanager
def _served(folder: Path) -> Iterator[str]:
    """``knnal serve`` on the folder; the address that it prints."""
    command = [sys.executable, "-c", _START, "serve", "--pool", str(folder), "--port", "0"]
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
    parser.add_argument("--answers", type=int, default=50, help="by each person")
    parser.add_argument("--think", type=float, default=1.0, help="mean seconds before an answer")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
