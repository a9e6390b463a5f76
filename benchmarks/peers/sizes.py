"""How much is measured: a look within minutes, or what is claimed."""

from __future__ import annotations

from dataclasses import dataclass, replace

HELD_OUT = 0.25


@dataclass(frozen=True, slots=True)
class Size:
    """``items`` are embedded of each set (None: all), ``pool`` of them are asked about, for
    ``labels`` labels; by knnal and random labels without peers, ``own_labels`` in pools of
    ``own_pools``. Queries are timed ``queries`` times a round, for ``query_seconds`` at most, with
    ``start`` labels in hand, in pools of ``cost_pools`` items.
    """

    name: str
    items: int | None
    pool: int
    held_out: int
    labels: int
    own_pools: tuple[int, ...]
    own_labels: int
    seeds: int
    cost_pools: tuple[int, ...]
    start: int
    queries: int
    query_seconds: float
    with_peers: bool = True

    def alone(self, pool: int) -> Size:
        """That of knnal and random labels without peers, in pools of one of ``own_pools``."""
        return replace(
            self,
            name=f"{self.name}-alone-{pool}",
            pool=pool,
            labels=self.own_labels,
            with_peers=False,
        )

    def settings(self) -> dict[str, object]:
        """What a curve depends on."""
        return {
            "items": self.items,
            "pool": self.pool,
            "held_out": self.held_out,
            "labels": self.labels,
        }


SIZES = {
    "small": Size("small", 1500, 600, 600, 60, (600,), 60, 2, (600,), 60, 10, 5.0),
    "full": Size(
        "full", None, 1500, 2000, 150, (1500, 3000), 300, 20, (1500, 10_000), 100, 30, 30.0
    ),
}
