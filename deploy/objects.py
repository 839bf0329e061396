"""The object store of the embedded stack: a folder. An object appears by rename, whole or not at all."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from deploy.object_urls import SignedUrls, is_key
from schemas.objects import ObjectExists, ObjectStoreError, ObjectStoreFull, stream_copy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

Result = TypeVar("Result")

PIECE_BYTES: Final = 256 * 1024
PART_PREFIX: Final = ".part-"
"""What an object is called while it is written."""


class BadKeyError(ValueError):
    """A key that is no path of ours: it would leave the folder, or holds what keys never hold."""


class FolderObjects:
    """An `ObjectStore` on a folder that all processes of this machine share.

    `free_floor_bytes` of its volume are left to the stores: who would write into them gets ObjectStoreFull.
    """

    def __init__(self, folder: Path, *, base_url: str, secret: bytes, free_floor_bytes: int = 0) -> None:
        self._folder = folder
        self._free_floor_bytes = free_floor_bytes
        self.urls = SignedUrls(base_url=base_url, secret=secret)
        self.writer_bytes: Final = 2 * PIECE_BYTES

    async def create(self, key: str, *, new: bool = False) -> FolderWriter:
        """Begin an object beside its place."""
        path = self.path(key)
        return await _opened(
            f"the object {key}", FolderWriter.forget, FolderWriter, path, self._may_write, new
        )

    async def read(self, key: str) -> bytes | None:
        """A small object's bytes; None where there is none."""
        path = self.path(key)
        try:
            return await _run(f"the object {key}", path.read_bytes)
        except FileNotFoundError:
            return None

    async def size(self, key: str) -> int | None:
        """How many bytes an object has; None where there is none."""
        return await _run(f"the object {key}", _size, self.path(key))

    async def stream(self, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        """The bytes from `start` to before `end`; what is read stays whole if it is replaced meanwhile."""
        path, what = self.path(key), f"the object {key}"
        try:
            file = await _opened(what, os.close, os.open, path, os.O_RDONLY)
        except FileNotFoundError as error:
            raise ObjectStoreError(f"there is no object {key}") from error
        try:
            while piece := await _run(what, os.pread, file, max(0, min(PIECE_BYTES, end - start)), start):
                start += len(piece)
                yield piece
        finally:
            os.close(file)

    async def copy(self, source: str, target: str) -> None:
        """Copy an object: the copy takes space of its own."""
        await stream_copy(self, source, target)

    async def names(self, folder: str) -> list[str]:
        """The objects right in a folder of keys."""
        path = self.path(folder)
        try:
            return await _run(f"the folder {folder}", _names, path)
        except FileNotFoundError:
            return []

    async def delete(self, key: str) -> None:
        """Remove an object; nothing happens where there is none."""
        path = self.path(key)
        await _run(f"the object {key}", path.unlink, True)  # noqa: FBT003 - missing_ok

    async def free_bytes(self) -> int | None:
        """What its volume has left above the floor."""
        return await _run("the object store", self._free_bytes)

    def remove_leftovers(self) -> int:
        """Remove what writers that died have left of objects never finished; how many files there were.

        What another process writes at this moment stays: a writer holds a lock on its file.
        """
        found = 0
        for folder, _, names in os.walk(self._folder):
            for name in names:
                if name.startswith(PART_PREFIX):
                    found += _remove_unheld(Path(folder, name))
        return found

    async def signed_url(self, key: str, *, expires_at_ms: int) -> str:
        """Where the edge serves this one object until then."""
        self.path(key)
        return self.urls.download(key, expires_at_ms=expires_at_ms)

    def public_url(self, key: str) -> str:
        """Where the edge serves this object of the public folder."""
        return self.urls.public(key)

    def signed_upload_url(self, key: str, *, bytes_max: int, expires_at_ms: int) -> str:
        """Where the edge takes in this one object."""
        self.path(key)
        return self.urls.upload(key, bytes_max=bytes_max, expires_at_ms=expires_at_ms)

    def path(self, key: str) -> Path:
        """Where an object is. Raises BadKeyError."""
        if not is_key(key):
            raise BadKeyError(f"{key!r} is no object key")
        return self._folder / key

    def _free_bytes(self) -> int:
        folder = self._folder
        while not folder.exists() and folder != folder.parent:
            folder = folder.parent
        volume = os.statvfs(folder)
        return max(0, volume.f_bavail * volume.f_frsize - self._free_floor_bytes)

    def _may_write(self, size: int) -> bool:
        return not self._free_floor_bytes or self._free_bytes() >= size


class FolderWriter:
    """Writes beside the object's place and renames at the end.

    Nothing waits in a buffer: what is not on disk when a write fails can't make its end fail as well.
    """

    def __init__(
        self,
        path: Path,
        may_write: Callable[[int], bool] = lambda _: True,
        new: bool = False,  # noqa: FBT001, FBT002 - as `asyncio.to_thread` passes it
    ) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file, name = tempfile.mkstemp(dir=path.parent, prefix=PART_PREFIX)
        fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self._closed = False
        self._temporary = Path(name)
        self._path = path
        self._may_write = may_write
        self._new = new

    async def write(self, chunk: bytes) -> None:
        """Append the next bytes."""
        await _run(f"the object {self._path.name}", self._write, chunk)

    async def commit(self) -> None:
        """Make the object visible, safe against a crash right after."""
        await _run(f"the object {self._path.name}", self._commit)

    async def abort(self) -> None:
        """Forget what was written. Called again, or after a commit: nothing happens."""
        await _run(f"the object {self._path.name}", self._abort)

    def forget(self) -> None:
        """`abort`, for who waits for nothing."""
        self._abort()

    def _write(self, chunk: bytes) -> None:
        if not self._may_write(len(chunk)):
            raise OSError(errno.ENOSPC, "the volume's last space is left to the stores")
        rest = memoryview(chunk)
        while rest:
            rest = rest[os.write(self._file, rest) :]

    def _commit(self) -> None:
        os.fsync(self._file)
        if self._new:
            os.link(self._temporary, self._path)
            self._temporary.unlink()
        else:
            self._temporary.replace(self._path)
        self._close()
        _sync_folder(self._path.parent)

    def _abort(self) -> None:
        try:
            self._temporary.unlink(missing_ok=True)
        finally:
            self._close()

    def _close(self) -> None:
        if not self._closed:
            self._closed = True
            os.close(self._file)


async def _run(what: str, call: Callable[..., Result], *arguments: object) -> Result:
    """Run it in a thread; a failure of the folder is one of the store. FileNotFoundError stays what it is."""
    try:
        return await asyncio.to_thread(call, *arguments)
    except FileNotFoundError:
        raise
    except FileExistsError as error:
        raise ObjectExists(f"{what} is there already") from error
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise ObjectStoreFull(f"no space left for {what}") from error
        raise ObjectStoreError(f"{what}: {error}") from error


async def _opened(
    what: str, give_back: Callable[[Result], object], call: Callable[..., Result], *arguments: object
) -> Result:
    """As `_run`. Where the caller is cancelled meanwhile, what the thread opens then is given back."""
    opening = asyncio.ensure_future(_run(what, call, *arguments))

    def ended(done: asyncio.Future[Result]) -> None:
        if not done.cancelled() and done.exception() is None:
            give_back(done.result())

    try:
        return await asyncio.shield(opening)
    except asyncio.CancelledError:
        opening.add_done_callback(ended)
        raise


def _remove_unheld(part: Path) -> int:
    try:
        file = os.open(part, os.O_RDONLY)
    except FileNotFoundError:
        return 0
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return 0
    else:
        part.unlink(missing_ok=True)
        return 1
    finally:
        os.close(file)


def _names(folder: Path) -> list[str]:
    with os.scandir(folder) as entries:
        return [entry.name for entry in entries if entry.is_file() and not entry.name.startswith(PART_PREFIX)]


def _size(path: Path) -> int | None:
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_size if stat.S_ISREG(found.st_mode) else None


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
