"""The summary of a simulation: curves, areas, labels to targets, differences from random."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version

import numpy as np

from knnal.simulation.estimates import (
    CONFIDENCE,
    RESAMPLES,
    Json,
    by_class,
    estimate,
    resampling_weights,
    target_reached,
)
from knnal.simulation.measures import MEASURES, area, class_accuracy, measure
from knnal.simulation.settings import BASELINE, Contender
from knnal.simulation.simulation import Simulated
from knnal.types import Float64Array

FOUND = "found"
FOUND_SHARES = (0.5, 0.9)
"""Shares of the class searched for, to report the labels until they are found."""

_PACKAGES = ("knnal", "numpy", "numba", "scipy", "faiss-cpu")


@dataclass(frozen=True, slots=True)
class ContenderCurves:
    """One contender's curves: ``series`` ``(splits, T)``, and by class ``(splits, T, C)``.

    ``series`` are the measures and, in a search, the labeled share of the pool's items of the class
    searched for, without the example. ``class_accuracy`` is NaN where a split holds out no item of
    a class. ``chosen`` is the share of each class among the labels so far.
    """

    series: dict[str, Float64Array]
    class_accuracy: Float64Array
    chosen: Float64Array


def contender_curves(simulated: Simulated, contender: Contender) -> ContenderCurves:
    """The curves of one contender, from its outcomes."""
    known, outcomes = simulated.known, simulated.outcomes[contender]
    asked, hits, predicted = (
        np.stack([getattr(o, field) for o in outcomes]) for field in ("asked", "hits", "predicted")
    )
    support = simulated.supports[:, None, :]
    counts = np.cumsum(np.eye(len(known.class_names))[known.classes[asked]], axis=1)
    series = {name: measure(name, hits, predicted, support) for name in MEASURES}
    if simulated.settings.seek is not None:
        number = known.class_names.index(simulated.settings.seek)
        in_pools = np.count_nonzero(known.classes == number) - simulated.supports[:, number]
        series[FOUND] = (counts[:, :, number] - 1) / (in_pools - 1)[:, None]
    return ContenderCurves(
        series, class_accuracy(hits, support), counts / np.arange(1, counts.shape[1] + 1)[:, None]
    )


def summarize(simulated: Simulated) -> Json:
    """The summary as plain values for JSON, the same for the same runs.

    Intervals are of the mean over splits, by the percentile bootstrap with the same resamples for
    all contenders; null with only one split.
    """
    n = len(simulated.splits)
    weights = resampling_weights(n, RESAMPLES, np.random.default_rng(0)) if n > 1 else None
    curves = {c: contender_curves(simulated, c) for c in simulated.outcomes}
    return {
        "format": 1,
        "versions": {
            "python": platform.python_version(),
            **{package: version(package) for package in _PACKAGES},
        },
        "settings": _settings(simulated),
        "data": _data(simulated),
        "contenders": [_contender(c, curves, simulated, weights) for c in curves],
    }


def without_curves(summary: Json) -> Json:
    """The summary without its curves."""
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
        "excluded": known.excluded,
        "dimension": int(known.vectors.shape[1]),
        "classes": dict(zip(known.class_names, counts.tolist(), strict=True)),
        "groups": None if known.groups is None else len(np.unique(known.groups)),
        "splits": len(simulated.splits),
        "held_out": [min(held_out), max(held_out)],
        "digest": known.digest,
    }


def _contender(
    contender: Contender,
    curves: Mapping[Contender, ContenderCurves],
    simulated: Simulated,
    weights: Float64Array | None,
) -> Json:
    """The numbers of one contender, compared with the baseline."""
    names, own = simulated.known.class_names, curves[contender]
    series, others = own.series, dict[str, Float64Array]()
    if contender.strategy != BASELINE:
        others = curves[Contender(BASELINE, contender.classifier)].series

    def compared(reduce: Callable[[Float64Array], Float64Array], name: str) -> Json:
        samples = reduce(series[name])
        difference = estimate(samples - reduce(others[name]), weights) if others else None
        return {**estimate(samples, weights), "difference": difference}

    def targets(name: str, levels: Sequence[float]) -> list[Json]:
        return [target_reached(t, series[name], others.get(name), weights) for t in levels]

    differences = {name: estimate(series[name] - others[name], weights) for name in others}
    differences.pop(FOUND, None)
    found = None
    if FOUND in series:
        found = {"final": compared(_last, FOUND), "targets": targets(FOUND, FOUND_SHARES)}
    return {
        "strategy": contender.strategy,
        "classifier": contender.classifier,
        "area": {name: compared(area, name) for name in MEASURES},
        "final": {name: compared(_last, name) for name in MEASURES},
        "targets": targets("accuracy", simulated.settings.targets),
        "class_accuracy": by_class(names, own.class_accuracy[:, -1]),
        "chosen": by_class(names, own.chosen[:, -1]),
        "found": found,
        "curves": {
            FOUND: None,
            **{name: estimate(values, weights) for name, values in series.items()},
            "differences": differences,
            "class_accuracy": by_class(names, own.class_accuracy),
            "chosen": by_class(names, own.chosen),
        },
    }


def _last(curves: Float64Array) -> Float64Array:
    return curves[:, -1]
