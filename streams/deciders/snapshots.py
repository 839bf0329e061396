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
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Protocol

import msgspec

from streams.deciders.fold import Remembered

_log: Final = logging.getLogger(__name__)

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


class Snapshot(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """A fold at an events offset."""

    src: int
    events_next: int
    log_time_ms: int
    state: bytes
    remembered: list[Remembered]


class SnapshotStore(Protocol):
    """Where snapshots are kept: a folder, or an object store in production."""

    def put(self, name: SnapshotName, snapshot: Snapshot) -> None:
        """Keep it, whole or not at all. Blocking; the same name twice is the same object."""
        ...

    def newest(
        self, *, noun: str, log_id: str, partition: int, code: str, events_end: int
    ) -> Snapshot | None:
        """The readable one with the highest offset that is not beyond `events_end`. Blocking."""
        ...


class FolderSnapshots:
    """Snapshots as files of one folder, which any number of processes may share."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, name: SnapshotName, snapshot: Snapshot) -> None:
        """See SnapshotStore. Removes what is older than the newest two of the partition."""
        self._folder.mkdir(parents=True, exist_ok=True)
        body = msgspec.msgpack.encode(snapshot)
        descriptor, temporary = tempfile.mkstemp(dir=self._folder, suffix=".part")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(hashlib.sha256(body).digest() + body)
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


def _read(path: Path) -> Snapshot | None:
    try:
        content = path.read_bytes()
        body = content[32:]
        if hashlib.sha256(body).digest() != content[:32]:
            return None
        return msgspec.msgpack.decode(body, type=Snapshot)
    except (OSError, msgspec.DecodeError):
        return None
