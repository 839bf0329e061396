"""Builds on this host, unpacked by the hash of their .tar.zst. Whole or not there, and bounded in size."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tarfile
import uuid
from collections.abc import Collection
from pathlib import Path
from typing import IO, Final, cast

import zstandard

from streams.fleet.host.place import BUILDS_GID

UNPACKED_BYTES_MAX: Final = 8 * 1024 * 1024 * 1024
ENTRIES_MAX: Final = 500_000
_READ: Final = 1024 * 1024
_SIZE: Final = ".size"


class NotTheBuild(Exception):
    """What was given is not what its hash or its form says. The message says how."""


class BuildCache:
    """The unpacked builds in a folder. Processes and threads may share it: a build is put by one rename."""

    def __init__(self, folder: Path, *, bytes_max: int, shared: bool) -> None:
        """`shared` lets the builds' group write, for a scratch layer; it needs root."""
        self.folder = folder
        self._bytes_max = bytes_max
        self._shared = shared
        folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        for unfinished in folder.glob(".*"):
            _remove(unfinished)

    def held(self) -> list[str]:
        """The hashes of all builds that are here, the least recently used first."""
        found = [path for path in self.folder.iterdir() if not path.name.startswith(".")]
        return [path.name for path in sorted(found, key=lambda path: (path / _SIZE).stat().st_mtime_ns)]

    def get(self, sha256: str) -> Path | None:
        """The unpacked build, if it is here; it counts as used now."""
        folder = self.folder / sha256
        try:
            os.utime(folder / _SIZE)
        except FileNotFoundError:
            return None
        return folder / "content"

    def put(self, sha256: str, archive: IO[bytes]) -> Path:
        """Unpacks the .tar.zst; the folder that `get` gives from now on. Raises NotTheBuild, OSError."""
        unfinished = self.folder / f".{uuid.uuid4()}"
        reading = _Hashing(archive)
        content = unfinished / "content"
        try:
            content.mkdir(mode=0o755, parents=True)
            size = self._unpack(reading, content)
            while reading.read(_READ):
                pass
            if reading.sha256() != sha256:
                raise NotTheBuild(f"the object's SHA-256 is {reading.sha256()}, not {sha256}")
            (unfinished / _SIZE).write_text(str(size))
            with contextlib.suppress(OSError):  # another put it at the same time: it is the same
                unfinished.rename(self.folder / sha256)
        except (tarfile.TarError, zstandard.ZstdError, UnicodeError) as error:
            raise NotTheBuild(f"{sha256} can't be unpacked: {error}") from error
        finally:
            _remove(unfinished)
        found = self.get(sha256)
        assert found is not None  # noqa: S101 - it was renamed or was there
        return found

    def shrink(self, used: Collection[str]) -> list[str]:
        """Removes builds that are not used, the longest unused first, until all fit; what was removed."""
        removed = []
        sizes = {sha256: self._size(sha256) for sha256 in self.held()}
        total = sum(sizes.values())
        for sha256, size in sizes.items():
            if total <= self._bytes_max:
                break
            if sha256 not in used:
                gone = self.folder / f".{sha256}.{uuid.uuid4()}"
                (self.folder / sha256).rename(gone)
                _remove(gone)
                removed.append(sha256)
                total -= size
        return removed

    def _size(self, sha256: str) -> int:
        return int((self.folder / sha256 / _SIZE).read_text())

    def _unpack(self, reading: _Hashing, content: Path) -> int:
        size = entries = 0
        with (
            zstandard.ZstdDecompressor().stream_reader(cast("IO[bytes]", reading), closefd=False) as plain,
            tarfile.open(fileobj=plain, mode="r|") as archive,
        ):
            for entry in archive:
                entries += 1
                size += entry.size
                if size > UNPACKED_BYTES_MAX or entries > ENTRIES_MAX:
                    raise NotTheBuild(f"more than {UNPACKED_BYTES_MAX:,} bytes or {ENTRIES_MAX:,} entries")
                self._entry(archive, entry, content)
        return size

    def _entry(self, archive: tarfile.TarFile, entry: tarfile.TarInfo, content: Path) -> None:
        """Entries are checked again: who can write to the object store is not yet root here."""
        path = _path_within(content, entry.name)
        mode = entry.mode & 0o777
        if entry.isdir():
            path.mkdir(mode=0o755, parents=True, exist_ok=True)
        elif entry.issym():
            path.symlink_to(entry.linkname)
        elif entry.isreg():
            path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            source = archive.extractfile(entry)
            with open(path, "xb") as file:
                if source is not None:
                    shutil.copyfileobj(source, file, _READ)
        else:
            raise NotTheBuild(f"{entry.name!r} is neither file, folder nor link")
        if self._shared:
            os.lchown(path, 0, BUILDS_GID)
        if not entry.issym():
            path.chmod(mode | (mode & 0o700) >> 3 if self._shared else mode)


def _path_within(content: Path, name: str) -> Path:
    parts = Path(name).parts
    if not parts or Path(name).is_absolute() or ".." in parts:
        raise NotTheBuild(f"{name!r} leaves the build")
    path = content.joinpath(*parts)
    if any((content / above).is_symlink() for above in path.relative_to(content).parents):
        raise NotTheBuild(f"{name!r} lies below a link")
    if path.is_symlink():
        raise NotTheBuild(f"{name!r} is there twice")
    return path


class _Hashing:
    """Reads on and hashes what it read."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source = source
        self._digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._source.read(size)
        self._digest.update(data)
        return data

    def sha256(self) -> str:
        return self._digest.hexdigest()


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
