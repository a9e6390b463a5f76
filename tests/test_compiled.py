"""Compiled kernels on disk, which several processes share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest
from filelock import FileLock, Timeout
from numba.core.caching import IndexDataCacheFile

from knnal.compiled import kernel, reordered_kernel


@pytest.mark.parametrize("decorate", [kernel, reordered_kernel])
def test_kernels_are_read_and_written_by_one_process_at_a_time(
    decorate: Callable[[Any], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    done: list[str] = []

    def watched(name: str) -> Callable[..., Any]:
        whole = getattr(IndexDataCacheFile, name)

        def alone(file: Any, *arguments: Any) -> Any:
            with pytest.raises(Timeout):
                FileLock(Path(file._cache_path) / "kernels.lock").acquire(timeout=0)
            done.append(name)
            return whole(file, *arguments)

        return alone

    for name in ("load", "save"):
        monkeypatch.setattr(IndexDataCacheFile, name, watched(name))
    for _ in range(2):  # the second time it is there

        @decorate
        def total(values: Any) -> Any:
            return values[0] + values[1]

        assert total(np.array([1.5, 2.0])) == 3.5
        assert total(np.array([1, 2])) == 3
    assert done == ["load", "save", "load", "save", "load", "load"]
    assert len(list(tmp_path.rglob("*.nbc"))) == 2
