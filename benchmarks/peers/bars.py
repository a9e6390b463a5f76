"""What is claimed of knnal against others, beside what was measured."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.article import first_at
from benchmarks.bootstrap import Interval, bootstrap_mean
from benchmarks.peers.base import COMBINED, KNN
from benchmarks.peers.contenders import CONTENDERS, PEERS
from benchmarks.peers.costs import AHEAD, YARDSTICK
from benchmarks.peers.ours import DEFAULT, RANDOM
from benchmarks.peers.sizes import Size
from benchmarks.peers.summary import Curves, SetResults
from benchmarks.sets.catalog import FRUITS, SENTIMENT140
from knnal.types import Float64Array

PAIRED_SEEDS = 10
"""So many, or nothing is claimed."""

TARGET = 0.90
FEWER = {KNN: 6, COMBINED: 3}
"""So many times the labels are needed by random ones under these judges."""

GAINS = {"cifar10": 0.08, SENTIMENT140: 0.07, "banking77": 0.05}
"""At least so much mean accuracy above random labels with kNN."""

ALONE = (FRUITS, *GAINS)
"""The sets that are claimed about without peers."""

TOLERANCE = 0.005
TIMES = 100.0
MET, NOT_MET, NOT_MEASURED = "met", "not met", "not measured"


def bars(
    found: dict[str, SetResults],
    alone: dict[tuple[str, int], SetResults],
    costs: dict[str, Any],
    size: Size,
) -> list[dict[str, str]]:
    """A claim, what was measured, and the verdict; ``alone`` are the results without peers, by
    data set and pool.
    """
    rows = []
    for pool in size.own_pools:
        fruits, of = alone.get((FRUITS, pool)), f"{FRUITS}, pool of {pool:,}"
        rows += [_fewer_labels(of, fruits, judge, times) for judge, times in FEWER.items()]
    for name, gain in GAINS.items():
        for pool in size.own_pools:
            results, of = alone.get((name, pool)), f"{name}, pool of {pool:,}"
            for judge, least in ((COMBINED, 0.0), (KNN, gain)):
                rows.append(_gain(of, results, judge, least, size.own_labels))
    rows += [row for results in found.values() for row in against_peers(results, size.labels)]
    rows.append(_above_on_most(found, size.labels))
    for items, by_name in costs.items():
        finding = f"seconds to find a query in {int(items):,} items"
        waiting = f"seconds to wait for a query in {int(items):,} items, prepared before the answer"
        rows += [_times_faster(finding, DEFAULT, by_name), _times_faster(waiting, AHEAD, by_name)]
    if size.name != "full":
        rows = [row | {"verdict": f"{NOT_MEASURED}: size {size.name}"} for row in rows]
    return rows


def _fewer_labels(of: str, results: SetResults | None, judge: str, times: int) -> dict[str, str]:
    """Of the mean curves on the fruits; a target that is not reached counts as one label more than
    there were.
    """
    claim = f"{of}: {TARGET:.0%} accuracy with at most 1/{times} of the labels of random + {judge}"
    pair = _pair(results, judge)
    if results is None or pair is None:
        return _bar(claim, "", None)
    ours, theirs = (curves.accuracy for curves in pair)
    ratio = _needed(theirs) / _needed(ours)
    low, high = _ratio_interval(ours, theirs)
    over = "" if first_at(theirs.mean(axis=0), TARGET) else "over "
    text = (
        f"{_needed(ours)} for {over}{_needed(theirs)}: 1/{ratio:.1f} (1/{low:.1f} to 1/{high:.1f})"
    )
    return _bar(claim, text, ratio >= times, len(results.seeds))


def _pair(results: SetResults | None, judge: str) -> tuple[Curves, Curves] | None:
    """The curves of knnal's default and of random labels under that judge, if both are there."""
    if results is None:
        return None
    ours = results.curves.get((DEFAULT, COMBINED))
    theirs = results.curves.get((RANDOM, judge))
    return None if ours is None or theirs is None else (ours, theirs)


def _needed(curves: Float64Array) -> int:
    return first_at(curves.mean(axis=0), TARGET) or curves.shape[1] + 1


def _ratio_interval(
    ours: Float64Array, theirs: Float64Array, draws: int = 2000
) -> tuple[float, float]:
    """The 95 % bootstrap interval of the ratio over the seeds, which are paired."""
    picked = np.random.default_rng(0).integers(0, len(ours), (draws, len(ours)))
    low, high = np.quantile([_needed(theirs[p]) / _needed(ours[p]) for p in picked], (0.025, 0.975))
    return float(low), float(high)


def _gain(
    of: str, results: SetResults | None, judge: str, least: float, budget: int
) -> dict[str, str]:
    """Of mean accuracies: at least so much, or where that is nothing, surely above zero."""
    claim = f"{of}: mean accuracy to {budget} labels above random + {judge}"
    claim += f" by {least:.2f}" if least else ", surely"
    pair = _pair(results, judge)
    if results is None or pair is None:
        return _bar(claim, "", None)
    ours, theirs = (curves.areas(budget) for curves in pair)
    gain = bootstrap_mean((ours - theirs).tolist())
    text = f"{gain.mean:+.3f} ({gain.low:+.3f} to {gain.high:+.3f})"
    return _bar(claim, text, gain.mean >= least if least else gain.low > 0, len(results.seeds))


def best_peers(results: SetResults, budget: int) -> dict[str, str]:
    """By judge, the peer of the largest area among those that are judged by it."""
    best = {}
    for judge in dict.fromkeys([COMBINED, *(CONTENDERS[name].judge for name in results.peers)]):
        judged = [name for name in results.peers if (name, judge) in results.curves]
        if not judged:
            continue
        best[judge] = max(
            judged, key=lambda n: float(results.curves[n, judge].areas(budget).mean())
        )
    return best


def against_peers(results: SetResults, budget: int) -> list[dict[str, str]]:
    """A claim for each judge, where knnal's default was measured."""
    rows = []
    for judge, peer, found in _best_differences(results, budget):
        claim = f"{results.name}, judged by {judge}: area at most {TOLERANCE} below the best peer's"
        text = f"{-found.mean:+.3f} ({-found.high:+.3f} to {-found.low:+.3f}) to {peer}"
        held = -found.mean >= -TOLERANCE
        rows.append(_bar(claim, text, held, len(results.seeds), len(results.peers)))
    return rows


def _best_differences(results: SetResults, budget: int) -> Iterator[tuple[str, str, Interval]]:
    """By judge, the best peer and its area less that of knnal's default."""
    for judge, peer in best_peers(results, budget).items():
        found = results.difference(peer, judge, budget)
        if found is not None:
            yield judge, peer, found


def _above_on_most(found: dict[str, SetResults], budget: int) -> dict[str, str]:
    claim = "area above the best peer's for most pairs of a set and a judge"
    ahead = [
        difference.mean < 0
        for results in found.values()
        for _, _, difference in _best_differences(results, budget)
    ]
    if not ahead:
        return _bar(claim, "", None)
    seeds = min(len(results.seeds) for results in found.values())
    peers = min(len(results.peers) for results in found.values())
    return _bar(claim, f"{sum(ahead)} of {len(ahead)}", 2 * sum(ahead) > len(ahead), seeds, peers)


def _times_faster(what: str, name: str, by_name: dict[str, Any]) -> dict[str, str]:
    """Of what is timed under that name."""
    claim = f"{what}: 1/{TIMES:.0f} of every peer's"
    timed = {n: by_name[n]["seconds"] for n in PEERS if "seconds" in by_name.get(n, {})}
    if "seconds" not in by_name.get(name, {}) or not timed:
        return _bar(claim, "", None)
    fastest = min(timed, key=lambda peer: timed[peer])
    ours = by_name[name]["seconds"]
    beaten = sum(seconds >= TIMES * ours for seconds in timed.values())
    text = f"1/{timed[fastest] / ours:.1f} of {fastest}; so for {beaten} of {len(timed)} peers"
    if "preparing" in by_name[name]:
        text += f"; prepared in {1000 * by_name[name]['preparing']:.0f} ms"
    elif "seconds" in by_name.get(YARDSTICK, {}):
        text += f"; {YARDSTICK}: 1/{timed[fastest] / by_name[YARDSTICK]['seconds']:.0f} of the same"
    return _bar(claim, text, beaten == len(timed), peers=len(timed))


def _bar(
    claim: str,
    measured: str,
    held: bool | None,
    seeds: int = PAIRED_SEEDS,
    peers: int = len(PEERS),
) -> dict[str, str]:
    """A claim of all peers and enough seeds, or of fewer, which settles nothing."""
    if held is None:
        return {"claim": claim, "measured": "-", "verdict": NOT_MEASURED}
    if seeds < PAIRED_SEEDS:
        verdict = f"{NOT_MEASURED}: {seeds} of {PAIRED_SEEDS} seeds"
    elif peers < len(PEERS):
        verdict = f"{NOT_MEASURED}: {peers} of {len(PEERS)} peers"
    else:
        verdict = MET if held else NOT_MET
    return {"claim": claim, "measured": measured, "verdict": verdict}
