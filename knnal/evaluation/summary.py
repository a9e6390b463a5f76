"""What a simulation amounts to: curves, areas, labels to targets, and differences to random."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, TypeAlias

import numpy as np

from knnal.evaluation.bootstrap import (
    CONFIDENCE,
    RESAMPLES,
    mean_interval,
    percentile_interval,
    resampling_weights,
)
from knnal.evaluation.holdout import Outcome
from knnal.evaluation.measures import MEASURES, area, class_accuracy, labels_to, measure
from knnal.evaluation.simulation import BASELINE, Contender, Simulated
from knnal.types import Float64Array, IntArray

Json: TypeAlias = dict[str, Any]

_DIGITS = 6
_PACKAGES = ("knnal", "numpy", "numba", "scipy", "faiss-cpu")


@dataclass(frozen=True, slots=True)
class ContenderCurves:
    """One contender's curves: each measure ``(splits, T)``, and by class ``(splits, T, C)``.

    ``class_accuracy`` is NaN where a split holds out nothing of a class; ``chosen`` is the share of
    each class in the labels so far.
    """

    measures: dict[str, Float64Array]
    class_accuracy: Float64Array
    chosen: Float64Array


def contender_curves(simulated: Simulated, contender: Contender) -> ContenderCurves:
    """The curves of one contender, from its outcomes."""
    outcomes = simulated.outcomes[contender]
    hits, predicted = (np.stack([getattr(o, f) for o in outcomes]) for f in ("hits", "predicted"))
    support = simulated.supports[:, None, :]
    return ContenderCurves(
        {name: measure(name, hits, predicted, support) for name in MEASURES},
        class_accuracy(hits, support),
        np.stack([chosen_shares(outcome, simulated) for outcome in outcomes]),
    )


def chosen_shares(outcome: Outcome, simulated: Simulated) -> Float64Array:
    """The share of each class in the labels so far, ``(T, C)``."""
    classes = simulated.known.classes[outcome.asked]
    counts = np.cumsum(np.eye(len(simulated.known.class_names))[classes], axis=0)
    shares: Float64Array = counts / np.arange(1, len(classes) + 1)[:, None]
    return shares


def summarise(simulated: Simulated) -> Json:
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
        "k": settings.k,
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
        difference = None if others is None else _estimate(samples - others, weights)
        return {**_estimate(samples, weights), "difference": difference}

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
        "targets": [_target(t, accuracy, random, weights) for t in simulated.settings.targets],
        "class_accuracy": _by_class(names, own.class_accuracy[:, -1]),
        "chosen": _by_class(names, own.chosen[:, -1]),
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
            name: _estimate(curves - baseline.measures[name], weights)
            for name, curves in own.measures.items()
        }
    return {
        **{name: _estimate(curves, weights) for name, curves in own.measures.items()},
        "differences": differences,
        "class_accuracy": _by_class(names, own.class_accuracy),
        "chosen": _by_class(names, own.chosen),
    }


def _estimate(samples: Float64Array, weights: Float64Array | None) -> Json:
    """The mean over splits of samples ``(splits, ...)`` and the ends of its interval."""
    low, high = (None, None) if weights is None else mean_interval(samples, weights)
    return {"mean": _plain(samples.mean(axis=0)), "low": _plain(low), "high": _plain(high)}


def _target(
    target: float,
    accuracy: Float64Array,
    random: Float64Array | None,
    weights: Float64Array | None,
) -> Json:
    """Labels until the mean curve reaches a target accuracy, and how many fewer than random's.

    ``low`` and ``high`` are null where the interval ends beyond the budget. Of ``saved``, curves
    that do not reach the target count as reaching it one label after the last; ``at_least`` says
    that random's own mean curve does not.
    """
    budget = accuracy.shape[1]
    labels = labels_to(accuracy.mean(axis=0), target)
    resampled = None if weights is None else _resampled_labels(accuracy, target, weights)
    low, high = _ends(resampled)
    found: Json = {
        "target": target,
        "labels": labels,
        "low": low if low is not None and low <= budget else None,
        "high": high if high is not None and high <= budget else None,
        "splits_reached": int((accuracy >= target).any(axis=1).sum()),
        "saved": None,
    }
    if random is not None and labels is not None:
        other = labels_to(random.mean(axis=0), target)
        if resampled is not None and weights is not None:
            low, high = _ends(_resampled_labels(random, target, weights) - resampled)
        found["saved"] = {
            "labels": (budget + 1 if other is None else other) - labels,
            "at_least": other is None,
            "low": low,
            "high": high,
        }
    return found


def _resampled_labels(curves: Float64Array, target: float, weights: Float64Array) -> IntArray:
    """Labels to the target on each resample's mean curve, one after the last if never,
    ``(splits, T), (resamples, splits) -> (resamples,)``.
    """
    reached = weights @ curves >= target
    steps: IntArray = np.where(reached.any(axis=1), reached.argmax(axis=1), curves.shape[1])
    return steps + 1


def _ends(resampled: IntArray | None) -> tuple[int | None, int | None]:
    if resampled is None:
        return None, None
    low, high = percentile_interval(resampled.astype(np.float64))
    return int(np.floor(low)), int(np.ceil(high))


def _by_class(names: tuple[str, ...], shares: Float64Array) -> Json:
    """Means over the splits that have the class, ``(splits, ..., C)``; null where none has."""
    there = ~np.isnan(shares)
    counts = there.sum(axis=0)
    totals = np.where(there, shares, 0.0).sum(axis=0)
    means = np.divide(totals, counts, out=np.full(totals.shape, np.nan), where=counts > 0)
    return {name: _plain(means[..., c]) for c, name in enumerate(names)}


def _plain(values: Float64Array | None) -> Any:
    """Numbers for JSON, rounded; None for NaN."""
    if values is None:
        return None
    rounded = np.asarray(np.round(values, _DIGITS))
    plain = rounded.astype(object)
    plain[np.isnan(rounded)] = None
    return plain.tolist()
