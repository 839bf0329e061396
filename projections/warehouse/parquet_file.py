"""A Parquet file on its way into the object store: its bytes are hashed, and its end says what is in it."""

from __future__ import annotations

import hashlib
from collections import deque
from typing import TYPE_CHECKING, Final

import msgspec
import pyarrow as pa
from pyarrow import parquet

from schemas.objects import new_object

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from schemas.objects import ObjectStore

FOOTER_BYTES_MAX: Final = 32 << 20
"""Of a file's end, kept in memory until its footer is read."""


class NoParquet(Exception):
    """What came is no whole Parquet file."""


class _NoRows(Exception):
    """A file without rows is not written."""


class FileSummary(msgspec.Struct, frozen=True):
    """What a file is: rows, bytes, SHA-256 in hex, the Arrow type of each column by name."""

    rows: int
    bytes: int
    sha256: str
    types: dict[str, str]


async def write_file(objects: ObjectStore, key: str, pieces: AsyncIterator[bytes]) -> FileSummary | None:
    """Make an object of these pieces, whole or not at all; None where there are no rows, and no object.

    Raises NoParquet and what the pieces raise.
    """
    seen = _Seen()
    try:
        async with new_object(objects, key) as writer:
            async for piece in pieces:
                seen.add(piece)
                await writer.write(piece)
            return seen.summary()
    except _NoRows:
        return None


async def read_file(objects: ObjectStore, key: str, size: int) -> FileSummary:
    """What an object that is there holds. Raises NoParquet."""
    seen = _Seen()
    async for piece in objects.stream(key, 0, size):
        seen.add(piece)
    return seen.summary()


class _Seen:
    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._size = 0
        self._tail: deque[bytes] = deque()
        self._held = 0

    def add(self, piece: bytes) -> None:
        self._hash.update(piece)
        self._size += len(piece)
        self._tail.append(piece)
        self._held += len(piece)
        while self._held - len(self._tail[0]) >= FOOTER_BYTES_MAX:
            self._held -= len(self._tail.popleft())

    def summary(self) -> FileSummary:
        if not self._size:
            raise _NoRows
        try:
            footer = parquet.read_metadata(pa.BufferReader(b"".join(self._tail)))
            schema = footer.schema.to_arrow_schema()
        except (pa.ArrowException, OSError) as error:
            raise NoParquet(f"after {self._size} bytes: {error}") from error
        types = {field.name: str(field.type) for field in schema}
        if not footer.num_rows:
            raise _NoRows
        return FileSummary(footer.num_rows, self._size, self._hash.hexdigest(), types)
