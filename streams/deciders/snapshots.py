"""Snapshots of a fold: immutable objects that only save time. Without any, a fold starts from the beginning.

A name says what a snapshot is of: noun, log (Kafka's topic id), partition, events offset, and the hash of the
code that folded it. One of another log or other code is not looked at. It is put whole by an atomic rename.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Final, Protocol

import msgspec

from streams.deciders.fold import Remembered

_log: Final = logging.getLogger(__name__)

REST_S: Final = 0.001
"""Between two pieces the thread that writes lets the one that decides go on: as long as a piece takes."""
REMEMBERED_A_FRAME: Final = 512
_LENGTH_BYTES: Final = 4
_DIGEST_BYTES: Final = 32
KEPT: Final = 2
"""Snapshots kept of one partition: the newest, and one more in case it can't be read."""


class SnapshotName(msgspec.Struct, frozen=True, kw_only=True):
    """What a snapshot is of."""

    noun: str
    log_id: str
    partition: int
    events_next: int
    code: str

    def file_name(self) -> str:
        """`studio.<log>.0.00000000000000001234.<code>.snapshot`: names sort by offset."""
        return f"{self.noun}.{self.log_id}.{self.partition}.{self.events_next:020d}.{self.code}.snapshot"


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """A fold at an events offset. `state` is in the pieces of its noun; reading it once uses it up."""

    src: int
    events_next: int
    log_time_ms: int
    remembered: list[Remembered]
    state: Iterable[bytes | memoryview]
    size_bytes: int = 0
    """What it takes where it is kept; 0 before."""


class _Head(msgspec.Struct, frozen=True, array_like=True):
    src: int
    events_next: int
    log_time_ms: int
    remembered_frames: int


class SnapshotStore(Protocol):
    """Where snapshots are kept: a folder, or an object store in production."""

    def put(self, name: SnapshotName, snapshot: Snapshot) -> int:
        """Keep it, whole or not at all; how many bytes it takes. The same name twice is the same object.

        Blocking, but never for long with the interpreter to itself.
        """
        ...

    def newest(
        self, *, noun: str, log_id: str, partition: int, code: str, events_end: int
    ) -> Snapshot | None:
        """The readable one with the highest offset that is not beyond `events_end`. Blocking."""
        ...


class FolderSnapshots:
    """Snapshots as files of one folder, which any number of processes may share.

    A file is frames, each its length in four bytes and so many bytes, and the SHA-256 of all of them: a head,
    what is remembered, the state's pieces. `rest` is called between frames.
    """

    def __init__(self, folder: Path, rest: Callable[[], None] = lambda: time.sleep(REST_S)) -> None:
        self._folder = folder
        self._rest = rest

    def put(self, name: SnapshotName, snapshot: Snapshot) -> int:
        """See SnapshotStore. Removes what is older than the newest two of the partition."""
        self._folder.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256()
        descriptor, temporary = tempfile.mkstemp(dir=self._folder, suffix=".part")
        try:
            with os.fdopen(descriptor, "wb") as file:
                for frame in _frames(snapshot):
                    head = len(frame).to_bytes(_LENGTH_BYTES, "big")
                    digest.update(head)
                    digest.update(frame)
                    file.write(head)
                    file.write(frame)
                    self._rest()
                file.write(digest.digest())
                size_bytes = file.tell()
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(self._folder / name.file_name())
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                Path(temporary).unlink()
            raise
        directory = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
        self._remove_old(name)
        return size_bytes

    def newest(
        self, *, noun: str, log_id: str, partition: int, code: str, events_end: int
    ) -> Snapshot | None:
        """See SnapshotStore. A file that can't be read is passed over with a warning."""
        for events_next, path in self._files(noun, log_id, partition, code):
            if events_next > events_end:
                continue
            snapshot = _read(path)
            if snapshot is not None and snapshot.events_next == events_next:
                return snapshot
            _log.warning("snapshot %s can't be read and is passed over", path.name)
        return None

    def _files(self, noun: str, log_id: str, partition: int, code: str) -> Iterator[tuple[int, Path]]:
        prefix = f"{noun}.{log_id}.{partition}."
        pattern = re.compile(re.escape(prefix) + r"(\d{20})\." + code + r"\.snapshot")
        found = []
        for path in self._folder.glob(f"{prefix}*.snapshot"):
            match = pattern.fullmatch(path.name)
            if match:
                found.append((int(match.group(1)), path))
        yield from sorted(found, reverse=True)

    def _remove_old(self, name: SnapshotName) -> None:
        kept = 0
        for events_next, path in self._files(name.noun, name.log_id, name.partition, name.code):
            kept += events_next <= name.events_next
            if kept > KEPT:
                path.unlink(missing_ok=True)


def _frames(snapshot: Snapshot) -> Iterator[bytes | memoryview]:
    remembered = snapshot.remembered
    starts = range(0, len(remembered), REMEMBERED_A_FRAME)
    yield _encode(_Head(snapshot.src, snapshot.events_next, snapshot.log_time_ms, len(starts)))
    for start in starts:
        yield _encode(remembered[start : start + REMEMBERED_A_FRAME])
    yield from snapshot.state


def _read(path: Path) -> Snapshot | None:
    try:
        content = memoryview(path.read_bytes())
        body, digest = content[:-_DIGEST_BYTES], content[-_DIGEST_BYTES:]
        if hashlib.sha256(body).digest() != digest:
            return None
        frames = _unframed(body)
        head = _decode_head(next(frames))
        counted = islice(frames, head.remembered_frames)
        remembered = [item for frame in counted for item in _decode_remembered(frame)]
        return Snapshot(
            src=head.src,
            events_next=head.events_next,
            log_time_ms=head.log_time_ms,
            remembered=remembered,
            state=frames,
            size_bytes=len(content),
        )
    except (OSError, msgspec.DecodeError):
        return None


def _unframed(body: memoryview) -> Iterator[memoryview]:
    start = 0
    while start < len(body):
        begin = start + _LENGTH_BYTES
        start = begin + int.from_bytes(body[start:begin], "big")
        yield body[begin:start]


_encode: Final = msgspec.msgpack.Encoder().encode
_decode_head: Final = msgspec.msgpack.Decoder(_Head).decode
_decode_remembered: Final = msgspec.msgpack.Decoder(list[Remembered]).decode
