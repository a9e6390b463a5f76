"""The status of a pool: its items and labels, its accuracy, and whether to stop labeling."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from knnal.acquisition.strategies.base import STRATEGIES, create_strategy
from knnal.acquisition.strategies.search_progress import SearchProgress, searched_classes
from knnal.index.duplicates import OpenGroups, find_duplicates
from knnal.pool.index_files import stored_index
from knnal.pool.labels.forgetting import find_vanished
from knnal.pool.labels.ledger import AUDIT, Ledger
from knnal.pool.pool import Pool
from knnal.pool.storage import ItemState
from knnal.quality.audit import (
    AccuracyEstimate,
    Audited,
    CurvePoint,
    audit_curve,
    audited_items,
    latest_estimate,
)
from knnal.quality.calibration import (
    Calibration,
    Temperature,
    calibration_of,
    temperature_of,
)
from knnal.quality.random_baseline import RandomEstimate, RandomLabels, located
from knnal.quality.stopping import Advice, advise
from knnal.session.session import Session
from knnal.types import Narrator


@dataclass(frozen=True, slots=True)
class NearDuplicates:
    """``groups`` of two or more near-duplicates with ``items`` in all. Asking once per group leaves
    ``to_ask`` questions in the pool.
    """

    similarity: float
    groups: int
    items: int
    to_ask: int


@dataclass(frozen=True, slots=True)
class Status:
    """The status of a pool. ``labels`` are counts by class; ``outdated`` counts those that are
    older than the content of their item.

    ``searches`` is the progress of searches for classes; ``near_duplicates`` is None unless asked
    for. ``curve`` is the estimated accuracy over labels. ``random``, the accuracy of random labels,
    and ``temperature``, which would calibrate the probabilities, are None unless asked for, or with
    too few audited items; ``calibration`` is of the predictions so far. ``pseudo`` is None unless a
    ``ceal-`` strategy asked the latest question of a strategy.
    """

    folder: str
    sources: tuple[str, ...]
    modality: str | None
    embedder: str | None
    graph: str | None
    views: str | None
    schema_version: int
    items: int
    vanished: int
    labeled: int
    outdated: int
    skipped: int
    labels: dict[str, int]
    searches: tuple[SearchProgress, ...]
    near_duplicates: NearDuplicates | None
    accuracy: AccuracyEstimate | None
    curve: tuple[CurvePoint, ...]
    random: RandomEstimate | None
    pseudo: PseudoLabelStatus | None
    advice: Advice
    calibration: Calibration | None
    temperature: Temperature | None

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        values = dataclasses.asdict(self)
        if self.accuracy is not None:
            values["accuracy"]["estimate"] = self.accuracy.accuracy
        return values


@dataclass(frozen=True, slots=True)
class PseudoLabelStatus:
    """The ``items`` with a pseudo-label in the next question of a strategy, by the default
    classifier: those below an entropy of ``threshold``, in nats.
    """

    strategy: str
    items: int
    threshold: float


def read_status(
    pool: Pool,
    *,
    target: float | None = None,
    compare: bool = False,
    calibrate: Mapping[str, Any] | None = None,
    per_group: float | None = None,
    narrator: Narrator | None = None,
) -> Status:
    """Read the status of a pool; the options are those of ``Project.status``."""
    ledger, counts = pool.log.read_into(Ledger()), pool.catalog.counts()
    if counts[ItemState.LIVE] and any(label.origin == AUDIT for label in ledger.pending):
        ledger = Session(pool, narrator=narrator).ledger  # works out what they were predicted as
    audited = audited_items(ledger)
    manifest = pool.manifest
    return Status(
        folder=str(pool.folder),
        sources=tuple(map(str, pool.catalog.sources())),
        modality=manifest.modality,
        embedder=str(manifest.embedder) if manifest.embedder else None,
        graph=str(manifest.graph) if manifest.graph else None,
        views=_views_line(pool),
        schema_version=manifest.schema_version,
        items=counts[ItemState.LIVE],
        vanished=len(find_vanished(pool, ledger).items),
        labeled=ledger.label_count,
        outdated=len(ledger.outdated()),
        skipped=len(ledger.skipped()),
        labels=ledger.class_counts(),
        searches=searched_classes(ledger),
        near_duplicates=None
        if per_group is None
        else _near_duplicates(pool, ledger, per_group, narrator),
        accuracy=latest_estimate(audited),
        curve=audit_curve(audited),
        random=_random(pool, audited, ledger.label_count, narrator) if compare else None,
        pseudo=_pseudo(pool, ledger, narrator) if counts[ItemState.LIVE] else None,
        advice=advise(ledger, audited, target),
        calibration=calibration_of(audited),
        temperature=None
        if calibrate is None or not counts[ItemState.LIVE]
        else temperature_of(Session(pool, narrator=narrator, **calibrate), audited),
    )


def _views_line(pool: Pool) -> str | None:
    files = pool.view_files
    facts = None if files is None else files.facts()
    if files is None or facts is None:
        return None
    made, live = files.made(), pool.live
    lacking = np.count_nonzero(live) - np.count_nonzero(live[: len(made)] & made[: len(live)])
    return f"{facts}{f', {lacking} items without' if lacking else ''}"


def _near_duplicates(
    pool: Pool, ledger: Ledger, similarity: float, narrator: Narrator | None
) -> NearDuplicates:
    geometry = stored_index(pool, narrator)
    found = pool.catalog.rows_of([*ledger.labels(), *ledger.skipped()])
    decided = np.zeros(len(geometry), dtype=np.bool_)
    decided[list(found.values())] = True
    groups = OpenGroups(find_duplicates(geometry.X, geometry.graph, similarity), decided)
    sizes = groups.groups.sizes[groups.groups.sizes > 1]
    return NearDuplicates(
        similarity=similarity,
        groups=len(sizes),
        items=int(sizes.sum()),
        to_ask=groups.count(geometry.live & ~groups.closed),
    )


def _pseudo(pool: Pool, ledger: Ledger, narrator: Narrator | None) -> PseudoLabelStatus | None:
    asked = (event.strategy for event in ledger.labeled_latest_first())
    name = next(filter(None, asked), "")
    if name not in STRATEGIES.names():
        return None
    pseudo_labels = getattr(create_strategy(name), "pseudo_labels", None)  # few strategies have any
    if pseudo_labels is None:
        return None
    found = pseudo_labels(Session(pool, strategy=name, narrator=narrator).state)
    return PseudoLabelStatus(name, len(found), found.threshold)


def _random(
    pool: Pool, audited: Sequence[Audited], labels: int, narrator: Narrator | None
) -> RandomEstimate | None:
    there, rows = located(pool, audited, len(pool.embeddings))
    return RandomLabels(lambda: stored_index(pool, narrator)).estimate(there, rows, labels)
