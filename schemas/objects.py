"""The object store as the rooms see it: models, exports, deciders' snapshots. `deploy` injects one.

Keys are paths of our own making (`games/{game_id}/models/{id}`), never a client's text. An object appears
whole or not at all: it exists once its writer has committed.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, Protocol

_log: Final = logging.getLogger(__name__)

PUBLIC_FOLDER: Final = "public/"
"""Objects whose keys begin so may be read without a signature."""
UNKNOWN_TYPE: Final = "application/octet-stream"
_TYPES: Final = {
    "mp4": "video/mp4",
    "webm": "video/webm",
    "mov": "video/quicktime",
    "mkv": "video/x-matroska",
    "avi": "video/x-msvideo",
    "mpg": "video/mpeg",
    "ogv": "video/ogg",
    "txt": "text/plain",
}
SUFFIXES: Final = {content_type: suffix for suffix, content_type in _TYPES.items()}
"""Of keys whose objects are served with a media type of their own, by that type."""


def content_type_of(key: str) -> str:
    """The media type that an object is served with: it follows from its key's suffix."""
    _, dot, suffix = key.rpartition(".")
    return _TYPES.get(suffix, UNKNOWN_TYPE) if dot else UNKNOWN_TYPE


class ObjectStoreError(Exception):
    """The store refused a request, or did not answer. What was asked may or may not have happened."""


class ObjectStoreFull(ObjectStoreError):
    """There is no space left. What was being written is gone; the same may be asked again when there is."""


class ObjectExists(ObjectStoreError):
    """An object that was to be new is there already."""


class ObjectWriter(Protocol):
    """Takes one object's bytes in order. Exactly one of `commit` and `abort` ends it."""

    async def write(self, chunk: bytes) -> None:
        """Take the next bytes; returns when more may come, so that a fast sender is held back."""
        ...

    async def commit(self) -> None:
        """Make the object visible under its key, whole.

        An object already there is replaced; one that is to be new raises ObjectExists instead.
        """
        ...

    async def abort(self) -> None:
        """Forget what was written, and give its space back. May be called after a failed `commit`."""
        ...


class ObjectStore(Protocol):
    """Holds immutable blobs by key. Raises ObjectStoreError; ObjectStoreFull where space is wanting."""

    @property
    def writer_bytes(self) -> int:
        """What a writer holds of the process's memory at most, with the piece that it is given."""
        ...

    async def create(self, key: str, *, new: bool = False) -> ObjectWriter:
        """Begin an object. With `new` it replaces none: of several that end together one is kept."""
        ...

    async def read(self, key: str) -> bytes | None:
        """A small object's bytes; None where there is none."""
        ...

    async def size(self, key: str) -> int | None:
        """How many bytes an object has; None where there is none."""
        ...

    def stream(self, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        """An object's bytes from `start` to before `end`, in pieces; fewer where it ends earlier.

        Raises ObjectStoreError, also where there is no such object.
        """
        ...

    async def copy(self, source: str, target: str) -> None:
        """Copy an object; one at `target` is replaced. Raises ObjectStoreError where there is none."""
        ...

    async def names(self, folder: str) -> list[str]:
        """The last parts of the keys `folder/name`, in no order; none where there is no such folder."""
        ...

    async def delete(self, key: str) -> None:
        """Remove an object; nothing happens where there is none."""
        ...

    async def free_bytes(self) -> int | None:
        """How much may still be written; None where the store sets no end to it."""
        ...

    async def signed_url(self, key: str, *, expires_at_ms: int) -> str:
        """An address whose GET serves this one object to its holder, ranges too, until the time given."""
        ...

    def public_url(self, key: str) -> str:
        """Where an object of `PUBLIC_FOLDER` may be read without a signature, for as long as it is there."""
        ...

    def signed_upload_url(self, key: str, *, bytes_max: int, expires_at_ms: int) -> str:
        """An address whose PUT makes this one object, of at most `bytes_max` bytes.

        It is to begin until the time given. An object already there is not replaced: 409.
        """
        ...


async def stream_copy(objects: ObjectStore, source: str, target: str) -> None:
    """Copy an object by reading and writing it in pieces. Raises ObjectStoreError where there is none."""
    size = await objects.size(source)
    if size is None:
        raise ObjectStoreError(f"there is no object {source}")
    async with new_object(objects, target) as writer:
        async for piece in objects.stream(source, 0, size):
            await writer.write(piece)


@asynccontextmanager
async def new_object(objects: ObjectStore, key: str, *, new: bool = False) -> AsyncIterator[ObjectWriter]:
    """A writer whose object becomes visible when the block ends, and is forgotten where it raises.

    Raises what the block and the store raise; a failure to forget is logged, and hides nothing.
    """
    writer = await objects.create(key, new=new)
    try:
        yield writer
        await writer.commit()
    except BaseException:
        try:
            await writer.abort()
        except Exception:  # noqa: BLE001 - what the block raised is what the caller has to know
            _log.exception("what was written of the object %s may have been left behind", key)
        raise
