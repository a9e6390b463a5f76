"""How good the advice on stopping is, and the estimate of what random labels would have reached.

Known labels answer a session's questions, one at a time from none, with an audit as ``knnal label``
has it. The accuracy is that over the unlabeled rest of the pool, which is what the audit
estimates. The best accuracy within the budget is what a run could have reached; it could have
stopped at the label from which on it stays within .01 or .02 of that.

    python -m benchmarks.stopping --data DIR
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeAlias, TypeVar

import numpy as np

from benchmarks.data import add_data_option
from benchmarks.options import default_work
from benchmarks.sets.catalog import DATA_SETS, embedded_set
from knnal import defaults
from knnal.index.pool_index import PoolIndex
from knnal.pool.pool import Pool
from knnal.quality.audit import audited_items, latest_estimate
from knnal.quality.random_baseline import RandomLabels
from knnal.quality.stopping import LATEST, STABLE, advise
from knnal.session.session import Session
from knnal.types import Float32Array, Float64Array

TOLERANCES = (0.01, 0.02)
TARGETS = (0.8, 0.9)
_ITEMS = 6000
_HELD_OUT = 0.25
_JUDGED_EVERY = 5
_ESTIMATED_EVERY = 50
_RANDOM_RUNS = 3
_SMOOTHED = 5
"""Accuracies are averaged over as many points, so that a lucky one is not taken for the best."""


@dataclass(frozen=True, slots=True)
class Moment:
    """What was advised at a number of labels, and how accurate it was; ``random``: low, high."""

    labels: int
    accuracy: float
    low: float
    agreement: float | None
    gain: float | None
    random: tuple[float, float, float] | None


@dataclass(frozen=True, slots=True)
class Run:
    """One labeling of a pool, and the mean accuracy of random labels at some numbers of labels."""

    name: str
    seed: int
    moments: list[Moment]
    random: dict[int, float]


T = TypeVar("T")
Rule: TypeAlias = Callable[[Moment], bool]
RULES: dict[str, Rule] = {
    f"stable (agreement {STABLE} over {LATEST})": lambda m: (m.agreement or 0.0) >= STABLE,
    "gain below 1 point": lambda m: m.gain is not None and m.gain < 0.01,
    "stable and gain below 1": lambda m: (
        (m.agreement or 0.0) >= STABLE and m.gain is not None and m.gain < 0.01
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_data_option(parser)
    parser.add_argument("--work", type=Path, default=default_work(), help="keeps embeddings")
    parser.add_argument("--sets", default="fruits,sentiment140,banking77", help="parted by commas")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--labels", type=int, default=600)
    parser.add_argument("--pool-size", type=int, default=3000)
    parser.add_argument("--json", type=Path, help="write every run here")
    options = parser.parse_args()
    runs: list[Run] = []
    for name in options.sets.split(","):
        if name not in DATA_SETS:
            parser.error(f"Expected --sets among {', '.join(DATA_SETS)}, came '{name}'.")
        found = embedded_set(name, options.data, options.work, _ITEMS)
        for seed in range(options.seeds):
            pool = found.split(_HELD_OUT, seed, options.pool_size, 1).pool
            labels = [found.names[c] for c in found.classes[pool]]
            runs.append(follow(name, seed, found.X[pool], labels, options.labels))
            print(f"{name}, seed {seed}", file=sys.stderr)
    report(runs, options.labels)
    if options.json:
        options.json.write_text(json.dumps([asdict(run) for run in runs]))


def follow(name: str, seed: int, X: Float32Array, y: list[str], budget: int) -> Run:
    """Label with the default strategy and an audit, and note what is advised on the way."""
    geometry = PoolIndex.of(X)
    truth = np.array(y)
    random_labels = RandomLabels(lambda: geometry)

    def note(session: Session, labels: int) -> Moment:
        audited = audited_items(session.ledger)
        advice, accuracy = advise(session.ledger, audited), latest_estimate(audited)
        estimate = None
        if labels % _ESTIMATED_EVERY == 0:
            rows = [int(one.item) for one in audited]
            estimate = random_labels.estimate(audited, rows, labels)
        return Moment(
            labels,
            _accuracy(session, truth),
            accuracy.low if accuracy else 0.0,
            advice.agreement,
            advice.gain,
            None if estimate is None else (estimate.accuracy, estimate.low, estimate.high),
        )

    moments = _label(geometry, y, defaults.STRATEGY, defaults.AUDIT, seed, budget, note)
    others = [
        _label(geometry, y, "random", 0.0, seed * _RANDOM_RUNS + run, budget,
               lambda session, labels: (labels, _accuracy(session, truth)))
        for run in range(_RANDOM_RUNS)
    ]  # fmt: skip
    random = {at[0][0]: float(np.mean([a for _, a in at])) for at in zip(*others, strict=True)}
    return Run(name, seed, moments, random)


def _label(
    geometry: PoolIndex,
    y: list[str],
    strategy: str,
    audit: float,
    seed: int,
    budget: int,
    note: Callable[[Session, int], T],
) -> list[T]:
    notes = []
    with closing(Pool.in_memory(geometry.X)) as pool:
        session = Session(
            pool, strategy=strategy, audit=audit, seed=seed, annotator="s", geometry=geometry
        )
        for labels in range(1, min(budget, len(y) - 1) + 1):
            question = session.ask()
            assert question is not None
            session.tell(question.item, y[int(question.item)])
            if labels % _JUDGED_EVERY == 0:
                notes.append(note(session, labels))
    return notes


def _accuracy(session: Session, truth: np.ndarray) -> float:
    rows = np.flatnonzero(session.state.unlabeled)
    best = session.state.classifier.probabilities(rows).argmax(axis=1)
    return float(np.mean(np.array(session.classes)[best] == truth[rows]))


def smoothed(run: Run) -> Float64Array:
    """The accuracies of the moments, each the mean of those around it."""
    values = np.array([moment.accuracy for moment in run.moments])
    padded = np.pad(values, _SMOOTHED // 2, mode="edge")
    return np.convolve(padded, np.ones(_SMOOTHED) / _SMOOTHED, mode="valid")


def enough_at(run: Run, tolerance: float) -> int:
    """The label from which on the accuracy stays within the tolerance of its best."""
    accuracy = smoothed(run)
    short = np.flatnonzero(accuracy < np.max(accuracy) - tolerance)
    return run.moments[short[-1] + 1 if len(short) else 0].labels


def stop_of(run: Run, rule: Rule) -> int | None:
    """The place of the moment at which a rule first says stop, or None."""
    return next((at for at, moment in enumerate(run.moments) if rule(moment)), None)


def report(runs: list[Run], budget: int) -> None:
    names = list(dict.fromkeys(run.name for run in runs))
    for name in [*names, "all"]:
        chosen = [run for run in runs if name in (run.name, "all")]
        ends = [np.median([enough_at(run, t) for run in chosen]) for t in TOLERANCES]
        print(f"{name}: {len(chosen)} runs, within .01 from {ends[0]:.0f}, .02 from {ends[1]:.0f}")
        for rule_name, rule in RULES.items():
            print(f"  {rule_name:<36}{_judged(chosen, rule, budget)}")
        for target in TARGETS:
            print(f"  {f'interval from {target:.0%} on':<36}{_reached(chosen, target)}")
        print(f"  {'random labels, estimated':<36}{_coverage(chosen)}")


def _judged(runs: list[Run], rule: Rule, budget: int) -> str:
    stops = [stop_of(run, rule) for run in runs]
    at = [len(r.moments) - 1 if s is None else s for r, s in zip(runs, stops, strict=True)]
    lost = np.array([np.max(smoothed(r)) - smoothed(r)[a] for r, a in zip(runs, at, strict=True)])
    labels = np.array([r.moments[a].labels for r, a in zip(runs, at, strict=True)])
    stopped = np.array([stop is not None for stop in stops])
    early = [np.mean(stopped & (lost > tolerance)) for tolerance in TOLERANCES]
    wasted = [np.maximum(labels - [enough_at(r, t) for r in runs], 0).mean() for t in TOLERANCES]
    low, middle, high = np.percentile(labels, [25, 50, 75])
    return (
        f"stops {stopped.mean():.0%} by {budget}, at {middle:.0f} ({low:.0f}-{high:.0f}); "
        f"lost {lost.mean():.3f} (most {lost.max():.3f}); "
        f"too early {early[0]:.0%} / {early[1]:.0%}; wasted {wasted[0]:.0f} / {wasted[1]:.0f}"
    )


def _reached(runs: list[Run], target: float) -> str:
    stops = [(run, stop_of(run, lambda m: m.low >= target)) for run in runs]
    said = [(run, at) for run, at in stops if at is not None]
    wrong = sum(smoothed(run)[at] < target for run, at in said)
    late = [
        run.moments[at].labels - run.moments[int(np.argmax(smoothed(run) >= target))].labels
        for run, at in said
    ]
    reached = sum(bool((smoothed(run) >= target).any()) for run in runs)
    after = f", {np.median(late):.0f} labels after it was (median)" if late else ""
    return f"said {len(said)} times of {reached} that it was reached{after}, {wrong} wrongly"


def _coverage(runs: list[Run]) -> str:
    found = [
        (moment.random, run.random[moment.labels])
        for run in runs
        for moment in run.moments
        if moment.random is not None
    ]
    if not found:
        return "none: too few audited items"
    estimates, truth = np.array([e for e, _ in found]), np.array([t for _, t in found])
    inside = (estimates[:, 1] <= truth) & (truth <= estimates[:, 2])
    off = estimates[:, 0] - truth
    return (
        f"{len(found)} intervals hold the truth in {inside.mean():.0%}, "
        f"width {np.mean(estimates[:, 2] - estimates[:, 1]):.2f}; "
        f"estimate off by {off.mean():+.3f} (root mean square {np.sqrt(np.mean(off**2)):.3f})"
    )


if __name__ == "__main__":
    main()
