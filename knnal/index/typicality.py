"""How close an item's nearest neighbors are."""

from __future__ import annotations

import numpy as np

from knnal.index.compilation import kernel
from knnal.index.kernel_graph import KernelGraph
from knnal.index.parallel import over_rows
from knnal.types import Float32Array, Float64Array, IntArray

NEIGHBORS = 20
_CLOSEST = 1e-6
_FARTHEST = 2.0


def typicality(graph: KernelGraph) -> Float64Array:
    """One over the mean distance to the 20 nearest neighbors on the graph, ``(rows,)``.

    Of fewer where there are fewer, 0 where there are none. Distances are read back from the
    kernel; no mean counts as less than 1e-6, so that copies have a value.
    Source: TypiClust (arXiv 2202.02794), equation 1.
    """
    out = np.zeros(len(graph))
    over_rows(
        lambda start, stop: _fill(graph.starts, graph.kernel, graph.width, start, stop, out),
        len(graph),
    )
    return out


@kernel
def _fill(
    starts: IntArray, values: Float32Array, width: float, start: int, stop: int, out: Float64Array
) -> None:
    nearest = np.empty(NEIGHBORS, dtype=np.float32)
    for row in range(start, stop):
        count = 0
        for value in values[starts[row] : starts[row + 1]]:
            if count < NEIGHBORS or value > nearest[count - 1]:  # enters, by falling value
                free = min(count, NEIGHBORS - 1)
                count = free + 1
                while free > 0 and nearest[free - 1] < value:
                    nearest[free] = nearest[free - 1]
                    free -= 1
                nearest[free] = value
        total = 0.0
        for value in nearest[:count]:
            if value > 0:
                total += np.sqrt(max(-width * np.log(np.float64(value)), 0.0))
            else:  # too far for the kernel to tell how far
                total += _FARTHEST
        if count:
            out[row] = 1.0 / max(total / count, _CLOSEST)
