"""How a neighbor graph was found, and how complete it is. Imports no kernels: manifests read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class GraphMethod(StrEnum):
    """Whether every pair of items was compared, or candidates only."""

    EXACT = "exact"
    APPROXIMATE = "approximate"


@dataclass(frozen=True, slots=True)
class GraphFacts:
    """How the neighbor graph was found.

    Parameters
    ----------
    method : GraphMethod
    neighbors : int
        Neighbors of each row.
    rows : int
        Live rows.
    recall : float
        Share of the true neighbors that the graph holds, measured on ``sample`` rows; 1 if exact.
    sample : int
        Rows that ``recall`` was measured on; 0 if exact.
    built : int
        Live rows when the graph was last built; it may have been updated since.
    """

    method: GraphMethod
    neighbors: int
    rows: int
    recall: float
    sample: int
    built: int

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> GraphFacts:
        """From a JSON object. Raises KeyError, TypeError or ValueError for another one."""
        if "neighbours" in data:  # the spelling of older pools
            data = {**data, "neighbors": data["neighbours"]}
        counts = {name: int(data[name]) for name in ("neighbors", "rows", "sample", "built")}
        return cls(method=GraphMethod(data["method"]), recall=float(data["recall"]), **counts)

    def __str__(self) -> str:
        if self.method is GraphMethod.EXACT:
            return f"exact, {self.neighbors} neighbors"
        return (
            f"approximate, recall@{self.neighbors} {self.recall:.3f} on {self.sample:,} of "
            f"{self.rows:,} items"
        )
