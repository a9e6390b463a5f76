"""Where a pool stands: what it holds, how good its predictions are, and whether to go on."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from knnal.acquisition.strategies.base import STRATEGIES, create_strategy
from knnal.acquisition.strategies.published.ceal import Ceal
from knnal.acquisition.strategies.search_progress import SearchProgress, sought_classes
from knnal.index.duplicates import OpenGroups, find_duplicates
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
from knnal.session.session import Session, stored_geometry
from knnal.types import Narrator


@dataclass(frozen=True, slots=True)
class NearDuplicates:
    """``groups`` of two or more ``items`` that are at least so similar; asked about once each, they
    and all other items leave ``to_ask`` questions.
    """

    similarity: float
    groups: int
    items: int
    to_ask: int


@dataclass(frozen=True, slots=True)
class Status:
    """What a pool holds. ``labels`` counts by class, ``outdated`` those of them that are older than
    their item's content, ``skipped`` are set aside by hand.

    ``sought`` says of which classes items were looked for, and how many were found;
    ``near_duplicates`` is None unless it was asked for. ``curve`` is the estimated accuracy over
    labels, and ``random`` what random labels would have reached; None unless it was asked for, or
    while too few items are audited. So is the ``temperature`` that would calibrate probabilities;
    ``calibration`` is of those given so far. ``pseudo`` is None unless a ``ceal-`` strategy asked
    for the latest label that a strategy asked for.
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
    sought: tuple[SearchProgress, ...]
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
    """So many items have a pseudo-label in the next question of a strategy, by the default
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
    """Counts, classes, the estimated accuracy, and whether one could stop.

    The options are those of ``Project.status``, which says what they take, and what it raises.
    """
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
        sought=sought_classes(ledger),
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
    geometry = stored_geometry(pool, narrator)
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
    if not name.startswith("ceal-") or name not in STRATEGIES.names():
        return None
    strategy = create_strategy(name)
    if not isinstance(strategy, Ceal):
        return None
    found = strategy.pseudo_labels(Session(pool, strategy=name, narrator=narrator).state)
    return PseudoLabelStatus(name, len(found), found.threshold)


def _random(
    pool: Pool, audited: Sequence[Audited], labels: int, narrator: Narrator | None
) -> RandomEstimate | None:
    there, rows = located(pool, audited, len(pool.embeddings))
    return RandomLabels(lambda: stored_geometry(pool, narrator)).estimate(there, rows, labels)
