"""What a simulation amounts to: curves, areas, labels to targets, and differences to random."""

from __future__ import annotations

import platform
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any

import numpy as np

from knnal.simulation.bootstrap import (
    CONFIDENCE,
    RESAMPLES,
    resampling_weights,
)
from knnal.simulation.estimates import Json, by_class, estimate, target_reached
from knnal.simulation.holdout import Outcome
from knnal.simulation.measures import MEASURES, area, class_accuracy, measure
from knnal.simulation.settings import BASELINE, Contender
from knnal.simulation.simulation import Simulated
from knnal.types import Float64Array

FOUND_SHARES = (0.5, 0.9)
"""Shares of a sought class whose finding is told."""

_PACKAGES = ("knnal", "numpy", "numba", "scipy", "faiss-cpu")


@dataclass(frozen=True, slots=True)
class ContenderCurves:
    """One contender's curves: each measure ``(splits, T)``, and by class ``(splits, T, C)``.

    ``class_accuracy`` is NaN where a split holds out nothing of a class; ``chosen`` is the share of
    each class in the labels so far, ``found`` ``(splits, T)`` that of the sought class's items in
    the pool, the example aside, which are among them; None where no class is sought.
    """

    measures: dict[str, Float64Array]
    class_accuracy: Float64Array
    chosen: Float64Array
    found: Float64Array | None


def contender_curves(simulated: Simulated, contender: Contender) -> ContenderCurves:
    """The curves of one contender, from its outcomes."""
    outcomes = simulated.outcomes[contender]
    hits, predicted = (np.stack([getattr(o, f) for o in outcomes]) for f in ("hits", "predicted"))
    support = simulated.supports[:, None, :]
    return ContenderCurves(
        {name: measure(name, hits, predicted, support) for name in MEASURES},
        class_accuracy(hits, support),
        np.stack([chosen_shares(outcome, simulated) for outcome in outcomes]),
        _found_shares(outcomes, simulated),
    )


def chosen_shares(outcome: Outcome, simulated: Simulated) -> Float64Array:
    """The share of each class in the labels so far, ``(T, C)``."""
    classes = simulated.known.classes[outcome.asked]
    counts = np.cumsum(np.eye(len(simulated.known.class_names))[classes], axis=0)
    shares: Float64Array = counts / np.arange(1, len(classes) + 1)[:, None]
    return shares


def _found_shares(outcomes: list[Outcome], simulated: Simulated) -> Float64Array | None:
    known, name = simulated.known, simulated.settings.seek
    if name is None:
        return None
    of_class = known.classes == known.class_names.index(name)
    shares = []
    for outcome, split in zip(outcomes, simulated.splits, strict=True):
        others = np.count_nonzero(of_class) - np.count_nonzero(of_class[split.held_out]) - 1
        shares.append((np.cumsum(of_class[outcome.asked]) - 1) / others)
    return np.array(shares)


def summarize(simulated: Simulated) -> Json:
    """Plain values for JSON, the same for the same runs.

    Intervals are of the mean over splits, by the percentile bootstrap over them, the same
    resamples for all contenders; null where there is but one split.
    """
    n = len(simulated.splits)
    weights = resampling_weights(n, RESAMPLES, np.random.default_rng(0)) if n > 1 else None
    curves = {c: contender_curves(simulated, c) for c in simulated.outcomes}
    contenders = []
    for contender, own in curves.items():
        baseline = None
        if contender.strategy != BASELINE:
            baseline = curves[Contender(BASELINE, contender.classifier)]
        contenders.append(
            {
                "strategy": contender.strategy,
                "classifier": contender.classifier,
                **_numbers(own, baseline, simulated, weights),
                "curves": _curves(own, baseline, simulated, weights),
            }
        )
    return {
        "format": 1,
        "versions": {
            "python": platform.python_version(),
            **{package: version(package) for package in _PACKAGES},
        },
        "settings": _settings(simulated),
        "data": _data(simulated),
        "contenders": contenders,
    }


def without_curves(summary: Json) -> Json:
    """The summary without what has a value for every label."""
    contenders = [
        {name: value for name, value in contender.items() if name != "curves"}
        for contender in summary["contenders"]
    ]
    return {**summary, "contenders": contenders}


def _settings(simulated: Simulated) -> Json:
    settings, plan = simulated.settings, simulated.settings.splits
    return {
        "strategies": list(dict.fromkeys(c.strategy for c in simulated.outcomes)),
        "classifiers": list(dict.fromkeys(settings.classifiers)),
        "labels": simulated.labels,
        **asdict(settings.vote),
        "schedule": str(settings.schedule),
        "near_duplicates": settings.near,
        "seek": settings.seek,
        "split": plan.kind.value,
        "folds": plan.folds,
        "held_out_share": None if plan.folds else plan.share,
        "by_group": simulated.known.groups is not None,
        "seeds": list(range(plan.first_seed, plan.first_seed + plan.seeds)),
        "targets": list(settings.targets),
        "resamples": RESAMPLES,
        "confidence": CONFIDENCE,
    }


def _data(simulated: Simulated) -> Json:
    known = simulated.known
    counts = np.bincount(known.classes, minlength=len(known.class_names))
    held_out = [len(split.held_out) for split in simulated.splits]
    return {
        "items": len(known),
        "left_out": known.left_out,
        "dimension": int(known.vectors.shape[1]),
        "classes": dict(zip(known.class_names, counts.tolist(), strict=True)),
        "groups": None if known.groups is None else len(np.unique(known.groups)),
        "splits": len(simulated.splits),
        "held_out": [min(held_out), max(held_out)],
        "digest": known.digest,
    }


def _numbers(
    own: ContenderCurves,
    baseline: ContenderCurves | None,
    simulated: Simulated,
    weights: Float64Array | None,
) -> Json:
    """Areas, ends and targets of one contender, each compared with the baseline."""
    names = simulated.known.class_names

    def compared(samples: Float64Array, others: Float64Array | None) -> Json:
        difference = None if others is None else estimate(samples - others, weights)
        return {**estimate(samples, weights), "difference": difference}

    def each(reduce: Any) -> Json:
        return {
            name: compared(
                reduce(curves), None if baseline is None else reduce(baseline.measures[name])
            )
            for name, curves in own.measures.items()
        }

    accuracy = own.measures["accuracy"]
    random = None if baseline is None else baseline.measures["accuracy"]
    return {
        "area": each(area),
        "final": each(lambda curves: curves[:, -1]),
        "targets": [
            target_reached(t, accuracy, random, weights) for t in simulated.settings.targets
        ],
        "class_accuracy": by_class(names, own.class_accuracy[:, -1]),
        "chosen": by_class(names, own.chosen[:, -1]),
        "found": _found(own.found, None if baseline is None else baseline.found, weights),
    }


def _found(
    found: Float64Array | None, others: Float64Array | None, weights: Float64Array | None
) -> Json | None:
    """How much of the sought class is found by the last label, and when shares of it are."""
    if found is None:
        return None
    difference = None if others is None else estimate(found[:, -1] - others[:, -1], weights)
    return {
        "final": {**estimate(found[:, -1], weights), "difference": difference},
        "targets": [target_reached(share, found, others, weights) for share in FOUND_SHARES],
    }


def _curves(
    own: ContenderCurves,
    baseline: ContenderCurves | None,
    simulated: Simulated,
    weights: Float64Array | None,
) -> Json:
    names = simulated.known.class_names
    differences = {}
    if baseline is not None:
        differences = {
            name: estimate(curves - baseline.measures[name], weights)
            for name, curves in own.measures.items()
        }
    return {
        **{name: estimate(curves, weights) for name, curves in own.measures.items()},
        "differences": differences,
        "class_accuracy": by_class(names, own.class_accuracy),
        "chosen": by_class(names, own.chosen),
        "found": None if own.found is None else estimate(own.found, weights),
    }
