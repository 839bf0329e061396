"""A home in one file, and back: the log, both stores, objects and secrets of a stack that does not run.

The file is a tar in Zstandard (with a checksum) whose last member says what is in it, and a mark behind: what
is cut short or damaged is not taken for a whole one. It holds the deployment's secret: keep it as such.
"""

from __future__ import annotations

import io
import os
import posixpath
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path, PurePosixPath
from typing import IO, Final

import msgspec
import zstandard

from deploy.private_files import new_private_file

_FORM: Final = 1
_LAST: Final = "questlog-backup.json"
_LAST_BYTES_MAX: Final = 64 * 1024
_SAID: Final = b"questlog backup 1\n"
MARK: Final = 0x184D2A50.to_bytes(4, "little") + len(_SAID).to_bytes(4, "little") + _SAID
"""The end of a file: a frame that Zstandard skips, so that `zstd -d` reads such a file too."""
_LEFT_OUT: Final = frozenset({"logs", "fleet", "status.json", "up.lock"})
"""What processes have said, and what a host's agent makes again from the log and the object store."""


class ArchiveRefused(Exception):
    """A home can't be archived, or an archive not be restored. Nothing was changed; the message says why."""


class Contents(msgspec.Struct, frozen=True, kw_only=True):
    """What an archive holds."""

    form: int
    made_at: str
    questlog: str
    """The release that made it. A later one starts on what it restores."""
    files: int
    bytes: int


def archive(home: Path, target: Path, *, now: datetime | None = None) -> Contents:
    """Write the home into a new file, for its owner alone, whole or not at all; its lock is the caller's.

    Raises ArchiveRefused, or OSError where something can't be read or written.
    """
    if not (home / "secret").is_file():
        raise ArchiveRefused(f"{home} is no home: it has no secret")
    if target.exists():
        raise ArchiveRefused(f"{target} is there already")
    if target.resolve().is_relative_to(home.resolve()):
        raise ArchiveRefused(f"{target} would be in the home itself")
    with new_private_file(target) as file:
        contents = _write(home, file, now or datetime.now(UTC))
        file.write(MARK)
    return contents


def restore(source: Path, home: Path) -> Contents:
    """Make a home of an archive, whole or not at all. `home` may not be there, or has to be empty.

    Raises ArchiveRefused, or OSError where something can't be read or written.
    """
    if home.exists() and any(home.iterdir()):
        raise ArchiveRefused(f"{home} is not empty: restore into a new home, or move that one away")
    with source.open("rb") as file:
        if file.seek(0, os.SEEK_END) < len(MARK) or file.seek(-len(MARK), os.SEEK_END) < 0:
            raise ArchiveRefused(f"{source} is no backup")
        if file.read() != MARK:
            raise ArchiveRefused(f"{source} is no backup, or is cut short")
        file.seek(0)
        home.parent.mkdir(parents=True, exist_ok=True)
        part = home.with_name(f".{home.name}.{os.getpid()}.restoring")
        part.mkdir(mode=0o700)
        try:
            with _for_its_owner():
                contents = _read(file, part, source)
            part.replace(home)  # an empty folder is replaced
        finally:
            shutil.rmtree(part, ignore_errors=True)
    return contents


def _write(home: Path, file: IO[bytes], now: datetime) -> Contents:
    files = size = 0
    with (
        zstandard.ZstdCompressor(level=3, write_checksum=True).stream_writer(file, closefd=False) as packed,
        tarfile.open(fileobj=packed, mode="w|", format=tarfile.PAX_FORMAT) as tar,
    ):
        for path in _paths(home):
            size += _add(tar, path, str(path.relative_to(home)))
            files += 1
        contents = Contents(
            form=_FORM,
            made_at=now.isoformat(timespec="seconds"),
            questlog=version("questlog"),
            files=files,
            bytes=size,
        )
        last = tarfile.TarInfo(_LAST)
        last.size = len(body := msgspec.json.encode(contents))
        tar.addfile(last, io.BytesIO(body))
    return contents


def _add(tar: tarfile.TarFile, path: Path, name: str) -> int:
    """Write one member; how many bytes it holds.

    A second name of a file, as ClickHouse makes them when it changes parts, is written as a file of its own.
    """
    member = tar.gettarinfo(path, name)
    if not _is_file(path):
        tar.addfile(member)
        return 0
    with path.open("rb") as data:
        member.type, member.linkname = tarfile.REGTYPE, ""
        member.size = os.fstat(data.fileno()).st_size
        tar.addfile(member, data)
    return member.size


def _paths(home: Path) -> list[Path]:
    """Folders before what is in them. Sockets and the like hold nothing."""
    found = []
    for folder, folders, names in os.walk(home):
        here = Path(folder)
        if here == home:
            folders[:] = [name for name in folders if name not in _LEFT_OUT]
            names = [name for name in names if name not in _LEFT_OUT]  # noqa: PLW2901 - the rest of them
        folders.sort()
        found += [path for name in sorted(folders + names) if _is_kept(path := here / name)]
    return found


def _is_file(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _is_kept(path: Path) -> bool:
    return path.is_symlink() or path.is_dir() or path.is_file()


@contextmanager
def _for_its_owner() -> Iterator[None]:
    """Folders whose mode is in no archive are made for the owner alone, as `questlog up` makes them."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


def _read(file: IO[bytes], folder: Path, source: Path) -> Contents:
    files = size = 0
    contents = None
    try:
        with (
            zstandard.ZstdDecompressor().stream_reader(
                file, read_across_frames=True, closefd=False
            ) as unpacked,
            tarfile.open(fileobj=unpacked, mode="r|") as tar,
        ):
            # It looks a second time, from Python 3.11.4 on.
            tar.extraction_filter = getattr(tarfile, "data_filter", lambda member, _: member)
            for member in tar:
                if member.name == _LAST and (body := tar.extractfile(member)) is not None:
                    contents = msgspec.json.decode(body.read(_LAST_BYTES_MAX), type=Contents)
                    continue
                _check(member, source)
                tar.extract(_for_this_user(member), folder)
                files, size = files + 1, size + member.size
            while unpacked.read(1024 * 1024):  # to its checksum
                pass
    except (tarfile.TarError, zstandard.ZstdError, msgspec.DecodeError, EOFError) as error:
        raise ArchiveRefused(f"{source} is damaged: {error}") from None
    if contents is None or (contents.files, contents.bytes) != (files, size):
        raise ArchiveRefused(f"{source} is damaged: it does not hold what it should")
    if contents.form != _FORM:
        raise ArchiveRefused(f"{source} has a form that this release does not know: {contents.form}")
    return contents


def _check(member: tarfile.TarInfo, source: Path) -> None:
    path = PurePosixPath(member.name)
    known = (
        member.isreg() or member.isdir() or (member.issym() and _leads_within(path.parent, member.linkname))
    )
    if path.is_absolute() or ".." in path.parts or not known:
        raise ArchiveRefused(f"{source} holds what no home does: {member.name!r}")


def _leads_within(folder: PurePosixPath, target: str) -> bool:
    """Whether a link in a folder of the home leads to a place in the home."""
    return not posixpath.isabs(target) and posixpath.normpath(folder / target).partition("/")[0] != ".."


def _for_this_user(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """The same for the user who restores: no other may write it, and folders are the owner's alone."""
    member.uid, member.gid, member.uname, member.gname = os.getuid(), os.getgid(), "", ""
    member.mode = 0o700 if member.isdir() else (member.mode & 0o755) | 0o600
    return member
