"""How long tests wait for threads, processes and screens before they give up.

It takes none of them that long: on a busy machine, with kernels to be compiled, seconds become a
minute.
"""

from __future__ import annotations

PATIENCE_S = 240
