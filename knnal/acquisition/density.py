"""How typical of the pool each item is."""

from __future__ import annotations

import numpy as np

from knnal.types import Float32Array, Float64Array


def global_density(X: Float32Array, mean: Float32Array) -> Float32Array:
    """Mean cosine similarity to the whole pool, ``(n, d), (d,) -> (n,)``.

    Since rows have unit norm, the mean of ``x . y`` over all y is ``x . mean(y)``: one pass. It
    is the density of "Learn faster with smarter data labeling" (Lyubimov); it rewards the center
    of the pool, which misleads where the pool has several clusters.
    """
    density: Float32Array = np.vecdot(X, mean)
    return density


def kernel_mass(kernel_sums: Float64Array) -> Float64Array:
    """Kernel mass of the neighborhood, ``sum_j K(x, x_j)`` with ``K(x, x) = 1``, ``(n,) -> (n,)``.

    ``kernel_sums`` are the sums over the graph neighbors of each item, itself left out.
    """
    return kernel_sums + 1.0
