"""The figures as Markdown tables, with what is claimed beside what was measured."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from benchmarks.engine.bars import TARGET, Figures, bars, exponents, target
from benchmarks.engine.check import CheckFigures
from benchmarks.engine.contenders import KNNAL
from benchmarks.engine.loop import LoopFigures, Window
from benchmarks.engine.peers import PeerFigures
from benchmarks.engine.stages import STAGES

NONE = "-"


def report(figures: Figures) -> str:
    """Every table that there are figures for."""
    tables = [_latency(figures.loops), _stages(figures.loops), _costs(figures)]
    tables += [_growth(figures.loops), _peers(figures.peers), _check(figures.check)]
    if figures.made:
        tables.append(_bars(figures))
    return "\n\n".join(table for table in tables if table)


def _latency(loops: Sequence[LoopFigures]) -> str:
    heads = (
        "items", "labels", "X @ q ms", "p50 ms", "p95 ms", "p50 / X @ q", "p95 / X @ q",
        "perceived p50 ms", "perceived p95 ms", "prepared in ms",
    )  # fmt: skip
    rows = [
        (
            f"{loop.items:,} x {loop.dimension}",
            _span(window),
            _ms(window.baseline_s),
            _ms(window.quantile_s(50)),
            _ms(window.quantile_s(95)),
            f"{window.ratio(50):.2f}",
            f"{window.ratio(95):.2f}",
            _ms(window.perceived_s(50)),
            _ms(window.perceived_s(95)),
            _ms(window.prepared_s()),
        )
        for loop in loops
        for window in (loop.early, *loop.windows)
        if window.steps
    ]
    return _table("From an answer to the next question", heads, rows)


def _stages(loops: Sequence[LoopFigures]) -> str:
    rows = [
        (
            f"{loop.items:,} x {loop.dimension}",
            _span(window),
            *(_ms(window.stage_s(stage)) for stage in STAGES),
        )
        for loop in loops
        for window in (loop.early, *loop.windows)
        if window.steps
    ]
    return _table("The same by stage, ms at p50", ("items", "labels", *STAGES), rows)


def _costs(figures: Figures) -> str:
    heads = (
        "items", "reduced copy s", "graph s", "recall", "opening s", "again s",
        "labeling GB (resident)", "opening GB", "graph GB", "fits in memory",
    )  # fmt: skip
    openings = {(o.items, o.dimension): o for o in figures.openings}
    loops = {(f.items, f.dimension): f for f in figures.loops}
    rows = []
    for made in figures.made:
        size = made.items, made.dimension
        opening, loop = openings.get(size), loops.get(size)
        rows.append(
            (
                f"{made.items:,} x {made.dimension}",
                f"{made.reduced_s:.1f}",
                f"{made.graph_s:.1f}",
                f"{made.recall:.3f}",
                f"{opening.first_s:.2f}" if opening else NONE,
                f"{opening.again_s:.2f}" if opening else NONE,
                f"{_gb(loop.memory.anonymous)} ({_gb(loop.memory.resident)})" if loop else NONE,
                _gb(opening.memory.anonymous) if opening else NONE,
                _gb(made.graph_memory.anonymous),
                {True: "yes", False: "no", None: "n/a"}[loop.fits_in_memory if loop else None],
            )
        )
    labels = ", ".join(sorted({f"{o.labels:,}" for o in figures.openings}))
    return _table(f"Making and opening a pool ({labels} labels), peak memory", heads, rows)


def _growth(loops: Sequence[LoopFigures]) -> str:
    rows = [
        (str(dimension), f"{labels:,}", f"{slope:.2f}")
        for (dimension, labels), slope in exponents(loops).items()
    ]
    return _table("Growth with the pool", ("dimensions", "labels", "exponent of p50"), rows)


def _peers(peers: Sequence[PeerFigures]) -> str:
    ours = {p.items: p.median_s for p in peers if p.name == KNNAL}
    rows = [
        (
            f"{peer.items:,}",
            peer.name,
            peer.failure or f"{peer.median_s:.4f}",
            NONE if peer.failure else f"{peer.median_s / ours[peer.items]:.1f}",
            str(len(peer.seconds)),
        )
        for peer in peers
    ]
    heads = ("items", "what", "s per query", "times knnal's", "queries timed")
    return _table("The same job by others", heads, rows)


def _check(check: CheckFigures | None) -> str:
    if check is None:
        return ""
    what = ", ".join(f"{count} {kind}" for kind, count in check.operations.items())
    wrong = sum(check.disagreements.values())
    lines = [
        f"Equality with the reference: {check.items:,} items; {what}; {check.picks} picks and "
        f"{check.states} states compared: {wrong} disagreements."
    ]
    lines += [f"- {name}: {count}" for name, count in check.disagreements.items()]
    return "\n".join(lines)


def _bars(figures: Figures) -> str:
    size = target(figures)
    rows = [
        (
            f"{bar.name} {'>=' if bar.at_least else '<='} {bar.limit:g} {bar.unit}".strip(),
            NONE if bar.measured is None else f"{bar.measured:.3g} {bar.unit}".strip(),
            NONE if bar.measured is None else "ok" if bar.held else "not ok",
        )
        for bar in bars(figures)
    ]
    title = f"Bars, measured at {size[0]:,} x {size[1]}"
    if size != TARGET:
        title += f" (they are about {TARGET[0]:,} x {TARGET[1]})"
    return _table(title, ("bar", "measured", "verdict"), rows)


def _span(window: Window) -> str:
    return f"{window.first:,}-{window.last:,}"


def _ms(seconds: float) -> str:
    return NONE if math.isnan(seconds) else f"{1e3 * seconds:.1f}"


def _gb(size: int | None) -> str:
    return "n/a" if size is None else f"{size / 1e9:.2f}"


def _table(title: str, heads: Iterable[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return ""
    heads = tuple(heads)
    lines = [f"### {title}", "", _line(heads), _line("---" for _ in heads)]
    return "\n".join([*lines, *map(_line, rows)])


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
