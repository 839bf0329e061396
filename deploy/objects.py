"""The object store of the embedded stack: a folder. An object appears by rename, whole or not at all."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import os
import re
import tempfile
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, quote

if TYPE_CHECKING:
    from collections.abc import Callable

URL_PATH: Final = "/objects/"
PIECE_BYTES: Final = 256 * 1024
PART_PREFIX: Final = ".part-"
"""What an object is called while it is written."""
_EXPIRES: Final = re.compile(r"[0-9]{1,15}\Z")
_KEY: Final = re.compile(r"[A-Za-z0-9_.\-]{1,200}(?:/[A-Za-z0-9_.\-]{1,200}){0,8}\Z")


class BadKeyError(ValueError):
    """A key that is no path of ours: it would leave the folder, or holds what keys never hold."""


class FolderObjects:
    """An `ObjectStore` on a folder that all processes of this machine share."""

    def __init__(self, folder: Path, *, base_url: str, secret: bytes) -> None:
        self._folder = folder
        self._base_url = base_url.rstrip("/")
        self._secret = hmac.digest(secret, b"objects", "sha256")

    async def create(self, key: str) -> FolderWriter:
        """Begin a new object beside its place."""
        return await asyncio.to_thread(FolderWriter, self.path(key))

    async def read(self, key: str) -> bytes | None:
        """A small object's bytes; None where there is none."""
        try:
            return await asyncio.to_thread(self.path(key).read_bytes)
        except FileNotFoundError:
            return None

    async def names(self, folder: str) -> list[str]:
        """The objects right in a folder of keys."""
        path = self.path(folder)
        try:
            return await asyncio.to_thread(_names, path)
        except FileNotFoundError:
            return []

    async def delete(self, key: str) -> None:
        """Remove an object; nothing happens where there is none."""
        path = self.path(key)
        await asyncio.to_thread(path.unlink, missing_ok=True)

    def signed_url(self, key: str, *, expires_at_ms: int) -> str:
        """Where the edge serves this one object until then."""
        self.path(key)
        signature = self._signature(key, expires_at_ms)
        return f"{self._base_url}{URL_PATH}{quote(key)}?expires={expires_at_ms}&signature={signature}"

    def verify(self, key: str, *, expires_at_ms: int, signature: str, now_ms: int) -> bool:
        """True where `signature` is this object's and the time has not passed."""
        if expires_at_ms < now_ms or not _KEY.match(key):
            return False
        given = signature.encode(errors="surrogatepass")  # as bytes: any text may come
        return hmac.compare_digest(self._signature(key, expires_at_ms).encode(), given)

    def path(self, key: str) -> Path:
        """Where an object is. Raises BadKeyError."""
        if not _KEY.match(key) or any(set(part) == {"."} for part in key.split("/")):
            raise BadKeyError(f"{key!r} is no object key")
        return self._folder / key

    def _signature(self, key: str, expires_at_ms: int) -> str:
        return hmac.new(self._secret, f"{expires_at_ms}:{key}".encode(), hashlib.sha256).hexdigest()


class FolderWriter:
    """Writes beside the object's place and renames at the end."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=PART_PREFIX)
        self._file: IO[bytes] = os.fdopen(descriptor, "wb")
        self._temporary = Path(name)
        self._path = path

    async def write(self, chunk: bytes) -> None:
        """Append the next bytes."""
        await asyncio.to_thread(self._file.write, chunk)

    async def commit(self) -> None:
        """Make the object visible, safe against a crash right after."""
        await asyncio.to_thread(self._commit)

    async def abort(self) -> None:
        """Forget what was written."""
        await asyncio.to_thread(self._abort)

    def _commit(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._temporary.replace(self._path)
        _sync_folder(self._path.parent)

    def _abort(self) -> None:
        self._file.close()
        self._temporary.unlink(missing_ok=True)


def _names(folder: Path) -> list[str]:
    with os.scandir(folder) as entries:
        return [entry.name for entry in entries if entry.is_file() and not entry.name.startswith(PART_PREFIX)]


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class ObjectsApp:
    """Serves signed URLs: the one object they name, until they expire. Everything else is 404."""

    def __init__(self, objects: FolderObjects, now_ms: Callable[[], int]) -> None:
        self._objects = objects
        self._now_ms = now_ms

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request; a body is read by nobody."""
        del receive
        key = scope["path"].removeprefix(URL_PATH)
        query = dict(parse_qsl(scope["query_string"].decode("latin-1")))
        expires = query.get("expires", "")
        valid = _EXPIRES.match(expires) is not None and self._objects.verify(
            key,
            expires_at_ms=int(expires),
            signature=query.get("signature", ""),
            now_ms=self._now_ms(),
        )
        path = self._objects.path(key) if valid and scope["method"] in {"GET", "HEAD"} else None
        try:
            file = None if path is None else await asyncio.to_thread(path.open, "rb")
        except FileNotFoundError:
            file = None
        if file is None:
            await _send_head(send, 404, 0)
            await send({"type": "http.response.body", "body": b""})
            return
        with file:
            await _send_head(send, 200, os.fstat(file.fileno()).st_size)
            while scope["method"] == "GET" and (piece := await asyncio.to_thread(file.read, PIECE_BYTES)):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


async def _send_head(send: Any, status: int, size: int) -> None:
    headers = [
        (b"content-type", b"application/octet-stream"),
        (b"content-length", str(size).encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"content-disposition", b"attachment"),
        (b"cache-control", b"private, no-store"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
