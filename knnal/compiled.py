"""How kernels are compiled: to machine code, cached on disk, and free of Python's lock.

A cached kernel is compiled anew when its own file changes, not when a kernel that it calls from
another file does: after changing such a one, delete the ``__pycache__`` folders.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import numba

Kernel = TypeVar("Kernel", bound=Callable[..., object])


def kernel(function: Kernel) -> Kernel:
    """Compile a function as written: sums run in the order in which they stand."""
    return cast(Kernel, numba.njit(nogil=True, cache=True, error_model="numpy")(function))


def reordered_kernel(function: Kernel) -> Kernel:
    """Compile a function whose float sums may run in any order, which lets them use SIMD.

    The order is settled when it is compiled and is the same at every call.
    """
    compiled = numba.njit(
        nogil=True, cache=True, error_model="numpy", fastmath={"reassoc", "contract"}
    )
    return cast(Kernel, compiled(function))
