"""Compiled kernels on disk, which several processes share."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest
from filelock import FileLock, Timeout
from numba.core.caching import IndexDataCacheFile

from knnal.index.compilation import kernel, reordered_kernel


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


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no process is forked on this system")
def test_a_forked_process_compiles_too(tmp_path: Path) -> None:
    program = tmp_path / "program.py"  # kernels are cached for files only
    program.write_text(_FORKING, encoding="utf-8")
    done = subprocess.run([sys.executable, program], capture_output=True, text=True, check=True)
    assert done.stdout == "42\n", done.stderr


_FORKING = """
import os

import numpy as np

from knnal.index.compilation import kernel


@kernel
def total(values):
    return values[0] + values[1]


total(np.array([1.5, 2.0]))
if not (child := os.fork()):
    os._exit(total(np.array([40, 2])))
_, status = os.waitpid(child, 0)
print(os.waitstatus_to_exitcode(status))
"""
