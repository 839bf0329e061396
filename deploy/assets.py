"""Installs what the dashboard's page needs from npm: `python -m deploy.assets [FOLDER]`.

A package is pinned by version and by npm's own integrity hash, none of its scripts run, and only the files
the page is served with are kept. Nothing is fetched again once they are there.
"""

from __future__ import annotations

import base64
import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

DEFAULT_FOLDER: Final = Path(".questlog/assets")
NPM_TIMEOUT_S: Final = 120


class Package(NamedTuple):
    """A package of npm: what it is pinned by, and which of its files are kept under which names."""

    name: str
    version: str
    integrity: str
    files: Mapping[str, str]


UPLOT: Final = Package(
    name="uplot",
    version="1.6.32",
    integrity="sha512-KIMVnG68zvu5XXUbC4LQEPnhwOxBuLyW1AHtpm6IKTXImkbLgkMy+jabjLgSLMasNuGGzQm/ep3tOkyTxpiQIw==",
    files={
        "package/dist/uPlot.esm.js": "uPlot.esm.js",
        "package/dist/uPlot.min.css": "uPlot.min.css",
        "package/LICENSE": "uPlot.LICENSE",
    },
)
"""The dashboard's charts."""


class AssetsUnavailable(Exception):
    """The chart library could not be installed. The dashboard works without it: charts show as tables."""


def assets_folder(cache: Path, package: Package = UPLOT) -> Path:
    """Where the files of this version are, or will be, below a cache folder such as `.questlog/assets`."""
    return cache / f"{package.name}-{package.version}"


def installed(cache: Path, package: Package = UPLOT) -> bool:
    """Whether every file is there. The folder appears whole, by one rename, so being there is enough."""
    return all((assets_folder(cache, package) / name).is_file() for name in package.files.values())


def install_assets(cache: Path = DEFAULT_FOLDER, package: Package = UPLOT) -> Path:
    """Install into `assets_folder(cache)` and return it; at once where it is there.

    Safe to run twice at a time.
    Raises AssetsUnavailable with a sentence on what to do.
    """
    target = assets_folder(cache, package)
    if installed(cache, package):
        return target
    npm = shutil.which("npm")
    if npm is None:
        raise AssetsUnavailable("npm is missing: install it with `apt-get install npm` and start again")
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as scratch:
        tarball = _download(npm, Path(scratch), package)
        files = Path(scratch) / "files"
        files.mkdir()
        _unpack(tarball, files, package)
        shutil.rmtree(target, ignore_errors=True)
        try:
            files.rename(target)
        except OSError:
            if not installed(cache, package):  # otherwise another process was faster, with the same bytes
                raise
    return target


def _download(npm: str, folder: Path, package: Package) -> Path:
    named = f"{package.name}@{package.version}"
    command = [
        npm,
        "pack",
        named,
        "--ignore-scripts",
        "--loglevel=error",
        f"--pack-destination={folder.resolve()}",
    ]
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=NPM_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise AssetsUnavailable(f"npm did not answer: {error}") from error
    tarball = folder / f"{package.name}-{package.version}.tgz"
    if done.returncode != 0 or not tarball.is_file():
        raise AssetsUnavailable(f"npm could not fetch {named}: {done.stderr.strip()[-300:]}")
    verify(tarball.read_bytes(), package)
    return tarball


def verify(content: bytes, package: Package = UPLOT) -> None:
    """Raises AssetsUnavailable unless these are the bytes that were pinned."""
    found = "sha512-" + base64.b64encode(hashlib.sha512(content).digest()).decode()
    if found != package.integrity:
        raise AssetsUnavailable(
            f"{package.name}@{package.version} is not the package that was pinned: its hash is {found}"
        )


def _unpack(tarball: Path, folder: Path, package: Package) -> None:
    with tarfile.open(tarball) as archive:
        for member, name in package.files.items():
            source = archive.extractfile(member)
            if source is None:
                raise AssetsUnavailable(f"{member} is missing in {package.name}@{package.version}")
            (folder / name).write_bytes(source.read())


def main() -> int:
    """Install, and say where."""
    try:
        folder = install_assets(Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_FOLDER)
    except AssetsUnavailable as error:
        print(f"dashboard assets: {error}", file=sys.stderr)
        return 1
    print(f"dashboard assets: {UPLOT.name} {UPLOT.version} in {folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
