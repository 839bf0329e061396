"""Snapshots of a fold: immutable objects that only save time. Without any, a fold starts from the beginning.

A name says what a snapshot is of: noun, log (Kafka's topic id), partition, events offset, the hash of the
code that folded it, and the mark of the last record that was folded. One of another log or other code is not
looked at; one whose last record is not in the log (a log that lost its end and grew again) is passed over.
The partition's next owner, on any machine, finds it in the object store.

An object is frames, each its length in four bytes and so many bytes, and the SHA-256 of all of them: a head,
what is remembered, the state's pieces.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
from collections.abc import Awaitable, Callable, Iterable, Iterator
from itertools import islice
from typing import Final, Protocol

import msgspec

from schemas.objects import ObjectStore, ObjectStoreError, new_object
from streams.deciders.fold import Remembered
from streams.deciders.log_time import LogTime

_log: Final = logging.getLogger(__name__)

REST_S: Final = 0.001
"""Between two pieces everything else goes on: about as long as a piece takes."""
WRITE_BYTES: Final = 1024 * 1024
REMEMBERED_A_FRAME: Final = 512
KEPT: Final = 2
"""Snapshots kept of one partition: the newest, and one more in case it can't be read."""
KEPT_OF_OTHER_CODE: Final = 2
"""The same for all other releases together: one may be coming, another may be gone back to."""
_LENGTH_BYTES: Final = 4
_DIGEST_BYTES: Final = 32
_NAME: Final = re.compile(r"(\d{20})\.([0-9A-Za-z]+)(?:\.([0-9a-f-]+))?\.snapshot")
InLog = Callable[[int, str], Awaitable[bool]]
"""Whether the record before this events offset has this mark."""


class SnapshotName(msgspec.Struct, frozen=True, kw_only=True):
    """What a snapshot is of."""

    noun: str
    log_id: str
    partition: int
    events_next: int
    code: str
    mark: str = ""
    """Of the last record before `events_next`. Older releases gave none: those are never used."""

    @property
    def folder(self) -> str:
        """Where all snapshots of the partition are."""
        return f"snapshots/{self.noun}/{self.log_id}/{self.partition}"

    @property
    def key(self) -> str:
        """`snapshots/studio/<log>/0/00000000000000001234.<code>.<mark>.snapshot`: names sort by offset."""
        mark = f".{self.mark}" if self.mark else ""
        return f"{self.folder}/{self.events_next:020d}.{self.code}{mark}.snapshot"


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """A fold at an events offset. `state` is in the pieces of its noun; reading it once uses it up."""

    src: int
    events_next: int
    time: LogTime
    remembered: list[Remembered]
    source: tuple[str, str]
    """Gateway and record id of the command record that `src` is."""
    state: Iterable[bytes | memoryview]
    mark: str = ""
    """Of the last record folded: the name's."""
    size_bytes: int = 0
    """What it takes where it is kept; 0 before."""


class _Head(msgspec.Struct, frozen=True, array_like=True):
    src: int
    events_next: int
    time: LogTime
    remembered_frames: int
    source: tuple[str, str] = ("", "")


class SnapshotStore(Protocol):
    """Where snapshots are kept."""

    async def put(self, name: SnapshotName, snapshot: Snapshot) -> int:
        """Keep it, whole or not at all; how many bytes it takes. The same name twice is the same object.

        Raises ObjectStoreError or OSError. Never holds the event loop for long, however large the state is.
        """
        ...

    async def newest(self, newest: SnapshotName, in_log: InLog) -> Snapshot | None:
        """The readable one of this noun, log, partition and code with the highest offset up to the name's.

        `in_log` is asked before one is read: what it denies is passed over. None where there is none, or
        where none can be had now: a fold needs none.
        """
        ...


class ObjectSnapshots:
    """Snapshots in the deployment's object store. `rest` is awaited between frames."""

    def __init__(
        self, objects: ObjectStore, rest: Callable[[], Awaitable[None]] = lambda: asyncio.sleep(REST_S)
    ) -> None:
        self._objects = objects
        self._rest = rest

    async def put(self, name: SnapshotName, snapshot: Snapshot) -> int:
        """See SnapshotStore. Then removes those of the partition that are no longer needed."""
        digest = hashlib.sha256()
        held = bytearray()
        size_bytes = 0
        async with new_object(self._objects, name.key) as writer:
            for frame in _frames(snapshot):
                begin = len(held)
                held += len(frame).to_bytes(_LENGTH_BYTES, "big")
                held += frame
                digest.update(memoryview(held)[begin:])
                if len(held) >= WRITE_BYTES:
                    size_bytes += len(held)
                    await writer.write(bytes(held))
                    held = bytearray()
                await self._rest()
            held += digest.digest()
            size_bytes += len(held)
            await writer.write(bytes(held))
        await self._remove_old(name)
        return size_bytes

    async def newest(self, newest: SnapshotName, in_log: InLog) -> Snapshot | None:
        """See SnapshotStore. What can't be used is passed over with a warning."""
        try:
            for name in await self._names(newest):
                if name.code != newest.code or name.events_next > newest.events_next or not name.mark:
                    continue
                if not await in_log(name.events_next, name.mark):
                    _log.warning("snapshot %s is of records that the log has lost: passed over", name.key)
                    continue
                content = await self._objects.read(name.key)
                snapshot = None if content is None else await asyncio.to_thread(_read, content)
                if snapshot is not None and snapshot.events_next == name.events_next:
                    return msgspec.structs.replace(snapshot, mark=name.mark)
                _log.warning("snapshot %s can't be read and is passed over", name.key)
        except (OSError, ObjectStoreError) as error:
            _log.warning("no snapshot of %s can be had, so all is folded: %s", newest.folder, error)
        return None

    async def _names(self, like: SnapshotName) -> list[SnapshotName]:
        """All of the partition, highest offset first."""
        matches = [_NAME.fullmatch(name) for name in await self._objects.names(like.folder)]
        found = [
            msgspec.structs.replace(like, events_next=int(match[1]), code=match[2], mark=match[3] or "")
            for match in matches
            if match is not None
        ]
        return sorted(found, key=lambda name: name.events_next, reverse=True)

    async def _remove_old(self, put: SnapshotName) -> None:
        own = others = 0
        for name in await self._names(put):
            if name.code == put.code:
                own += name.events_next <= put.events_next
                superfluous = own > KEPT
            else:
                others += 1
                superfluous = others > KEPT_OF_OTHER_CODE
            if superfluous:
                await self._objects.delete(name.key)


def _frames(snapshot: Snapshot) -> Iterator[bytes | memoryview]:
    remembered = snapshot.remembered
    starts = range(0, len(remembered), REMEMBERED_A_FRAME)
    yield _encode(_Head(snapshot.src, snapshot.events_next, snapshot.time, len(starts), snapshot.source))
    for start in starts:
        yield _encode(remembered[start : start + REMEMBERED_A_FRAME])
    yield from snapshot.state


def _read(content: bytes) -> Snapshot | None:
    body, digest = memoryview(content)[:-_DIGEST_BYTES], memoryview(content)[-_DIGEST_BYTES:]
    if hashlib.sha256(body).digest() != digest:
        return None
    frames = _unframed(body)
    try:
        head = _decode_head(next(frames))
        counted = islice(frames, head.remembered_frames)
        remembered = [item for frame in counted for item in _decode_remembered(frame)]
    except (StopIteration, msgspec.DecodeError):
        return None
    return Snapshot(
        src=head.src,
        events_next=head.events_next,
        time=head.time,
        remembered=remembered,
        source=head.source,
        state=frames,
        size_bytes=len(content),
    )


def _unframed(body: memoryview) -> Iterator[memoryview]:
    start = 0
    while start < len(body):
        begin = start + _LENGTH_BYTES
        start = begin + int.from_bytes(body[start:begin], "big")
        yield body[begin:start]


_encode: Final = msgspec.msgpack.Encoder().encode
_decode_head: Final = msgspec.msgpack.Decoder(_Head).decode
_decode_remembered: Final = msgspec.msgpack.Decoder(list[Remembered]).decode
