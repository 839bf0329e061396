"""Installs what the dashboard's page needs from npm: `python -m deploy.assets [FOLDER]`.

The package is pinned by version and by npm's own integrity hash, none of its scripts run, and only the files
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
from pathlib import Path
from typing import Final

PACKAGE: Final = "uplot"
VERSION: Final = "1.6.32"
INTEGRITY: Final = (
    "sha512-KIMVnG68zvu5XXUbC4LQEPnhwOxBuLyW1AHtpm6IKTXImkbLgkMy+jabjLgSLMasNuGGzQm/ep3tOkyTxpiQIw=="
)
FILES: Final = {
    "package/dist/uPlot.esm.js": "uPlot.esm.js",
    "package/dist/uPlot.min.css": "uPlot.min.css",
    "package/LICENSE": "uPlot.LICENSE",
}
DEFAULT_FOLDER: Final = Path(".questlog/assets")
NPM_TIMEOUT_S: Final = 120


class AssetsUnavailable(Exception):
    """The chart library could not be installed. The dashboard works without it: charts show as tables."""


def assets_folder(cache: Path) -> Path:
    """Where the files of this version are, or will be, below a cache folder such as `.questlog/assets`."""
    return cache / f"{PACKAGE}-{VERSION}"


def installed(cache: Path) -> bool:
    """Whether every file is there. The folder appears whole, by one rename, so being there is enough."""
    return all((assets_folder(cache) / name).is_file() for name in FILES.values())


def install_assets(cache: Path = DEFAULT_FOLDER) -> Path:
    """Install into `assets_folder(cache)` and return it; at once where it is there.

    Safe to run twice at a time.
    Raises AssetsUnavailable with a sentence on what to do.
    """
    target = assets_folder(cache)
    if installed(cache):
        return target
    npm = shutil.which("npm")
    if npm is None:
        raise AssetsUnavailable("npm is missing: install it with `apt-get install npm` and start again")
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as scratch:
        tarball = _download(npm, Path(scratch))
        files = Path(scratch) / "files"
        files.mkdir()
        _unpack(tarball, files)
        shutil.rmtree(target, ignore_errors=True)
        try:
            files.rename(target)
        except OSError:
            if not installed(cache):  # otherwise another process was faster, with the same bytes
                raise
    return target


def _download(npm: str, folder: Path) -> Path:
    command = [
        npm,
        "pack",
        f"{PACKAGE}@{VERSION}",
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
    tarball = folder / f"{PACKAGE}-{VERSION}.tgz"
    if done.returncode != 0 or not tarball.is_file():
        raise AssetsUnavailable(f"npm could not fetch {PACKAGE}@{VERSION}: {done.stderr.strip()[-300:]}")
    verify(tarball.read_bytes())
    return tarball


def verify(content: bytes) -> None:
    """Raises AssetsUnavailable unless these are the bytes that were pinned."""
    found = "sha512-" + base64.b64encode(hashlib.sha512(content).digest()).decode()
    if found != INTEGRITY:
        raise AssetsUnavailable(
            f"{PACKAGE}@{VERSION} is not the package that was pinned: its hash is {found}"
        )


def _unpack(tarball: Path, folder: Path) -> None:
    with tarfile.open(tarball) as archive:
        for member, name in FILES.items():
            source = archive.extractfile(member)
            if source is None:
                raise AssetsUnavailable(f"{member} is missing in {PACKAGE}@{VERSION}")
            (folder / name).write_bytes(source.read())


def main() -> int:
    """Install, and say where."""
    try:
        folder = install_assets(Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_FOLDER)
    except AssetsUnavailable as error:
        print(f"dashboard assets: {error}", file=sys.stderr)
        return 1
    print(f"dashboard assets: {PACKAGE} {VERSION} in {folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
