"""CEAL with a kNN that nothing trains: pseudo-labels, their threshold's decay, and fusion.

Ten labels a round, from none, by the kNN classifier. As in the paper, AL_RAND is random labels,
CEAL_RAND random labels and pseudo-labels, AL_ALL every label, and TCAL uncertainty, diversity and
density without pseudo-labels. The threshold begins at 0.2, and round t takes 0.00043 t away from
it; compared with it are one that stays, a lower one, from 0.05 by 0.0033 t, which is the paper's,
and a higher one, from 0.5 by 0.00107 t. In knnal pseudo-labels vote on what is asked, not on what
is predicted; here the contenders that have them are judged with their votes, as in the paper, and
without them beside that.

    python -m benchmarks.ceal --data DIR --size full
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from benchmarks import grid, page
from benchmarks.about import about
from benchmarks.grid import Cell, Extent, Setting, curves, difference, results
from benchmarks.options import command_of, parser_of
from benchmarks.sets.catalog import DATA_SETS, embedded_set
from knnal.acquisition.state import PoolState
from knnal.acquisition.strategies.base import Pick, PoolView
from knnal.acquisition.strategies.published.ceal import (
    CealEntropy,
    CealFusion,
    CealLeastConfidence,
    CealMargin,
)
from knnal.acquisition.strategies.published.pseudo_labels import (
    PseudoLabels,
    PseudoRule,
    pseudo_labels,
)
from knnal.acquisition.strategies.published.tcal import Tcal
from knnal.index.pool_index import QueryVectors
from knnal.index.search import NO_NEIGHBOR
from knnal.pages.figures import plot_curves
from knnal.session.question_selection import question_rng
from knnal.types import Float64Array

SETS = ("cifar10", "mnist")
BATCH = 10
EVERY_LABEL = "AL_ALL"
_NEAR = 10
"""So many pool neighbors of a held-out item vote on it where they have pseudo-labels."""


@dataclass(frozen=True, slots=True)
class Contender:
    """Who chooses each round, by which pseudo-labels, and whether these vote when it is judged."""

    choose: Callable[[PoolView, int], list[Pick]]
    rule: PseudoRule
    judged_beside: bool = True


def _at_random(pool: PoolView, count: int) -> list[Pick]:
    rows = np.flatnonzero(pool.allowed)
    drawn = pool.rng.permutation(rows)[:count].tolist()
    return [Pick(row, 0.0, {}) for row in drawn]


def _contenders() -> dict[str, Contender]:
    plain, none = PseudoRule(batch=BATCH), PseudoRule(batch=BATCH, start=0.0)
    steady = PseudoRule(batch=BATCH, decay=0.0)
    low = PseudoRule(batch=BATCH, start=0.05, decay=0.0033)
    high = PseudoRule(batch=BATCH, start=0.5, decay=0.00107)
    return {
        "CEAL_FUSION": Contender(CealFusion(plain).choose, plain),
        "CEAL_MS": Contender(CealMargin(plain).choose, plain),
        "CEAL_LC": Contender(CealLeastConfidence(plain).choose, plain),
        "CEAL_EN": Contender(CealEntropy(plain).choose, plain),
        "CEAL_MS, r = 0": Contender(CealMargin(steady).choose, steady),
        "CEAL_MS, a lower threshold": Contender(CealMargin(low).choose, low),
        "CEAL_MS, a higher threshold": Contender(CealMargin(high).choose, high),
        "MS without pseudo-labels": Contender(CealMargin(none).choose, none, False),
        "TCAL": Contender(Tcal().choose, none, False),
        "CEAL_RAND": Contender(_at_random, plain),
        "AL_RAND": Contender(_at_random, none, False),
    }


CONTENDERS = _contenders()
ORDER = (EVERY_LABEL, "CEAL_FUSION", "TCAL", "CEAL_RAND", "AL_RAND")
"""From best to worst, where each of the method's parts does its work."""


def simulate(setting: Setting, name: str) -> dict[str, Any]:
    """Accuracy after each round, alone and beside pseudo-labels, and how many of them are right."""
    if name == EVERY_LABEL:
        return {"alone": [grid.with_every_label(setting, "knn")]}
    judged = QueryVectors.held_out(setting.geometry)
    truth = setting.classes[~setting.geometry.live]
    state = PoolState(setting.geometry, classifier="knn")
    contender = CONTENDERS[name]
    known: list[int] = []  # classes as they came up: their places are the state's numbers
    found: dict[str, list[float]] = {"alone": [], "beside": [], "pseudo": [], "right": []}
    for step in range(0, setting.labels, BATCH):
        view = PoolView(state, state.unlabeled.copy(), question_rng(setting.seed, step))
        for pick in contender.choose(view, min(BATCH, setting.labels - step)):
            answer = int(setting.classes[pick.row])
            if answer not in known:
                known.append(answer)
                state.declare_classes(len(known))
            state.assign(pick.row, known.index(answer))
        numbers = np.array(known)
        pseudo = pseudo_labels(state, contender.rule)
        P = state.classifier.predict(judged).astype(np.float64)
        found["alone"].append(float(np.mean(numbers[P.argmax(axis=1)] == truth)))
        P = beside(state, P, judged, pseudo, contender.rule.weight)
        found["beside"].append(float(np.mean(numbers[P.argmax(axis=1)] == truth)))
        found["pseudo"].append(len(pseudo))
        right = np.count_nonzero(numbers[pseudo.classes] == setting.classes[pseudo.rows])
        found["right"].append(int(right))
    return found


def beside(
    state: PoolState, P: Float64Array, judged: QueryVectors, pseudo: PseudoLabels, weight: float
) -> Float64Array:
    """Probabilities of held-out rows ``(m, C)`` once their pseudo-labeled pool neighbors vote."""
    ids = judged.pool_neighbors.ids[:, :_NEAR]
    similarities = judged.pool_neighbors.similarities[:, :_NEAR].astype(np.float64)
    temperature = state.vote.temperature
    supposed = pseudo.by_row(len(state.geometry))[ids]
    assert judged.rows is not None
    own = state.labeling.neighbors.similarities[judged.rows].astype(np.float64)
    votes = P * np.exp((own - 1) / temperature).sum(axis=1, keepdims=True)
    extra = weight * np.exp((similarities - 1) / temperature)
    rows, slots = np.nonzero((supposed != NO_NEIGHBOR) & (ids != NO_NEIGHBOR))
    np.add.at(votes, (rows, supposed[rows, slots]), extra[rows, slots])
    shares: Float64Array = votes / votes.sum(axis=1, keepdims=True)
    return shares


def summed_up(cells: list[Cell]) -> dict[str, Any]:
    """Of each contender the mean over rounds, its lead, and its pseudo-labels; and the verdict."""
    runs = {name: judged_curves(cells, name) for name in CONTENDERS}
    everything = curves(results(cells, EVERY_LABEL), "alone")
    found = {}
    for name, contender in CONTENDERS.items():
        stored = results(cells, name)
        count, right = curves(stored, "pseudo"), curves(stored, "right")
        found[name] = {
            "mean": round(float(runs[name].mean()), 4),
            "alone": round(float(curves(stored, "alone").mean()), 4),
            "last": round(float(runs[name][:, -1].mean()), 4),
            "gain": None if name == "AL_RAND" else difference(runs[name], runs["AL_RAND"]),
            "pseudo": round(float(count.mean()), 1) if contender.judged_beside else None,
            "right": round(float(right.sum() / count.sum()), 4) if count.sum() else None,
        }
    every = {**runs, EVERY_LABEL: everything}
    steps = [
        {"better": a, "worse": b, "difference": difference(every[a], every[b])}
        for a, b in pairwise(ORDER)
    ]
    return {
        "every_label": round(float(everything.mean()), 4),
        "contenders": found,
        "steps": steps,
    }


def judged_curves(cells: list[Cell], name: str) -> Float64Array:
    """As the paper judges the contender, ``(seeds, rounds)``."""
    beside_or_alone = "beside" if CONTENDERS[name].judged_beside else "alone"
    return curves(results(cells, name), beside_or_alone)


def by_label(runs: Float64Array) -> Float64Array:
    """Curves over rounds as curves over labels, ``(seeds, labels)``, for the picture."""
    return np.repeat(runs, BATCH, axis=1)


def main(arguments: list[str] | None = None) -> int:
    given = sys.argv[1:] if arguments is None else arguments
    options = parser_of("ceal", __doc__).parse_args(given)
    started = time.perf_counter()
    extent: Extent = grid.EXTENTS[options.size]
    seeds = list(range(options.seeds or extent.seeds))
    embedded = {name: embedded_set(name, options.data, options.work, extent.items) for name in SETS}
    names = (*CONTENDERS, EVERY_LABEL)
    cells = [
        Cell("ceal", name, False, seed, names, extent, options.work)
        for name in SETS
        for seed in seeds
    ]
    grid.run(simulate, cells, options.jobs)
    sections: dict[str, Any] = {}
    for name, found in embedded.items():
        own = [cell for cell in cells if cell.data_set == name]
        sections[name] = {
            "title": DATA_SETS[name].title,
            **grid.described(found, own[0]),
            **summed_up(own),
        }
        runs = {contender: by_label(judged_curves(own, contender)) for contender in CONTENDERS}
        plot_curves(page.picture_file(options, f"ceal-{name}"), runs, DATA_SETS[name].title)
    wall = time.perf_counter() - started
    page.finish(
        options,
        "ceal",
        {
            "about": about(command_of("ceal", given), options.size, seeds, wall),
            "labels": extent.labels,
            "batch": BATCH,
            "sets": sections,
        },
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
