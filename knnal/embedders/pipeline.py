"""Items to vectors: reading and decoding overlap the network, and results keep their order."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

import numpy as np

from knnal.embedders.base import Content, Embedder
from knnal.errors import ItemError
from knnal.index.linalg import unit_rows, usable_rows
from knnal.sources.base import Item, Skip
from knnal.types import Float32Array

_AHEAD = 4
"""Tasks in flight for each lane."""

Task = TypeVar("Task")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Embedded:
    """An item, the sha256 of its content, and its unit-norm vector ``(d,)``."""

    item: Item
    digest: str
    vector: Float32Array


def embed_stream(
    items: Iterable[Item], embedder: Embedder
) -> Generator[Embedded | Skip, None, None]:
    """Embed items, reading and decoding on all lanes while the network runs.

    Parameters
    ----------
    items
        Drawn as they are needed, in the calling thread.
    embedder
        A loaded embedder.

    Yields
    ------
    Embedded or Skip
        For each item, in their order: its unit-norm vector, or why it has none.
    """
    source = iter(items)
    batches = iter(lambda: list(islice(source, embedder.batch_size)), [])
    return in_order(batches, lambda batch: _embed_batch(batch, embedder), embedder.lanes)


def in_order(
    tasks: Iterable[Task], work: Callable[[Task], Sequence[Result]], lanes: int
) -> Generator[Result, None, None]:
    """The results of ``work`` on each task, in the order of the tasks, on ``lanes`` threads.

    Tasks are drawn in the calling thread. Only a few are in flight, so memory does not grow with
    their number.
    """
    source = iter(tasks)
    with ThreadPoolExecutor(lanes, "knnal-embed") as executor:
        pending: deque[Future[Sequence[Result]]] = deque()
        try:
            while True:
                for task in islice(source, _AHEAD * lanes - len(pending)):
                    pending.append(executor.submit(work, task))
                if not pending:
                    return
                yield from pending.popleft().result()
        finally:
            executor.shutdown(wait=True, cancel_futures=True)


def _embed_batch(items: Sequence[Item], embedder: Embedder) -> list[Embedded | Skip]:
    results: list[Embedded | Skip] = []
    prepared, digests, places = [], [], []
    for place, item in enumerate(items):
        try:
            content = read_content(item)
            prepared.append(embedder.prepare(content))
        except ItemError as error:
            results.append(Skip(item.id, error.reason))
        else:
            digests.append(content_digest(content))
            places.append(place)
            results.append(Skip(item.id, "vector without a direction"))
    if prepared:
        vectors = np.asarray(embedder.embed(prepared))
        usable = np.flatnonzero(usable_rows(vectors))
        for row, vector in zip(usable, unit_rows(vectors[usable]), strict=True):
            results[places[row]] = Embedded(items[places[row]], digests[row], vector)
    return results


def read_content(item: Item) -> Content:
    """What the item holds. Raises ItemError for a file that cannot be read."""
    if item.path is not None:
        try:
            return item.path.read_bytes()
        except OSError as error:
            raise ItemError(f"cannot be read ({error.strerror or error})") from error
    content = item.text if item.text is not None else item.vector
    assert content is not None
    return content


def content_digest(content: Content) -> str:
    """The sha256 of an item's content: equal digests mean equal content."""
    if isinstance(content, str):
        content = content.encode("utf-8", "surrogatepass")
    elif not isinstance(content, bytes):
        content = np.ascontiguousarray(content, dtype=np.float32).tobytes()
    return hashlib.sha256(content).hexdigest()
