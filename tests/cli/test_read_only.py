"""A pool that can be read, but not written."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ..damage.files import bytes_of, full_disk

READING = (
    ("status", "--json"),
    ("next", "--json"),
    ("predict", "--pool-all", "--json"),
    ("rank", "--json"),
)


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Nothing in the folder can be written; root needs a mount for that."""
    if os.name == "nt":
        pytest.skip("folders cannot be made read-only")
    if os.geteuid() == 0:
        mounts = (["--bind", folder, folder], ["-o", "remount,bind,ro", folder])
        for done, arguments in enumerate(mounts):
            mounted = subprocess.run(["mount", *arguments], capture_output=True, check=False)
            if mounted.returncode:
                if done:
                    subprocess.run(["umount", "--lazy", folder], check=True)
                pytest.skip(f"root writes everywhere, and cannot mount: {mounted.stderr!r}")
        try:
            yield
        finally:
            subprocess.run(["umount", "--lazy", folder], check=True)
        return
    files = [folder, *folder.rglob("*")]
    for file in files:
        file.chmod(file.stat().st_mode & ~0o222)
    try:
        yield
    finally:
        for file in files:
            file.chmod(file.stat().st_mode | 0o200)


def test_it_answers_and_says_that_it_is_open_for_reading_only(vectors: Any) -> None:
    vectors("tell", 0, "left")
    vectors("tell", 30, "right")
    expected = [vectors(*command).out for command in READING]
    pool = vectors.folder / ".knnal"
    before = bytes_of(pool)
    with read_only(pool):
        for command, out in zip(READING, expected, strict=True):
            done = vectors(*command)
            assert done.out == out
            assert "The pool is open for reading only." in done.err
        vectors.fails("tell", 1, "left", saying=["labels.sqlite", "cannot be written"])
        assert bytes_of(pool) == before
    vectors("tell", 1, "left")
    assert vectors("status", "--json").data["labeled"] == 3


def test_what_cannot_be_stored_is_made_in_memory(vectors: Any) -> None:
    vectors("tell", 0, "left")
    vectors("tell", 30, "right")
    pool = vectors.folder / ".knnal"
    expected = [vectors(*command).out for command in READING]
    for name in ("graph.npz", "reduced.npz"):
        (pool / name).unlink()
    with read_only(pool):
        for command, out in zip(READING, expected, strict=True):
            done = vectors(*command)
            assert done.out == out
        assert "graph.npz is kept in memory for this command" in done.err
        assert not (pool / "graph.npz").exists()


def test_a_disk_without_room_for_derived_files(
    vectors: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors("tell", 0, "left")
    vectors("tell", 30, "right")
    expected = vectors("rank", "--json").out
    pool = vectors.folder / ".knnal"
    for name in ("graph.npz", "reduced.npz"):
        (pool / name).unlink()
    before = bytes_of(pool)
    monkeypatch.setattr("knnal.pool.derived.atomic_writer", full_disk)
    done = vectors("rank", "--json")
    assert done.out == expected
    for name in ("graph.npz", "reduced.npz"):
        assert f"{name} is kept in memory for this command. The disk" in done.err
        assert not (pool / name).exists()
    after = bytes_of(pool)
    assert {name: after[name] for name in before if "sqlite" not in name} == {
        name: data for name, data in before.items() if "sqlite" not in name
    }
