"""The export: what was accepted since the previous one, as NDJSON into each game's object store.

Source: contract/telemetry.md, `/api/export`. A side effect, run by the timer's process: it reads the log from
where the last export ended to its end, writes one file for each game and log partition, then the position. A
run that dies is run again from the same position and replaces its own files. Position and files live in the
object store, so that losing Redis can neither repeat nor skip anything.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any, Final, Protocol, Self

import msgspec

from schemas.log import LogRecord, LogTail
from schemas.log_positions import Position, begin, mark_before
from schemas.objects import ObjectStore, ObjectStoreFull, ObjectWriter, new_object
from schemas.studio.discord import MESSAGE, SOURCE
from schemas.telemetry.forgetting import (
    Fingerprints,
    Forgotten,
    no_fingerprints,
    none_forgotten,
    read_forgotten,
)
from schemas.telemetry.noun import TELEMETRY
from schemas.telemetry.record import EntryKind, TelemetryEntry, decode_record
from schemas.telemetry.s4 import KIND_NAMES, decode_items
from schemas.telemetry.skips import Skips, read_skips
from schemas.timestamps import iso_ms
from streams.gateway.export import ExportRegister

_log: Final = logging.getLogger(__name__)

POSITION_KEY: Final = "exports/position"
_WHERE: Final = f"the object {POSITION_KEY}"
PIECE_BYTES: Final = 1024 * 1024
"""Lines are written in pieces of this size."""

_encoder: Final = msgspec.json.Encoder()
_raw: Final = msgspec.msgpack.Decoder()


class ReadableTail(LogTail, Protocol):
    """A log that can be read and says which log it is."""

    async def log_id(self, topic: str) -> str:
        """Which log this is: a topic that was created again has another one."""
        ...

    def read(
        self, topic: str, partition: int, begin: int, end: int | None = None
    ) -> AsyncIterator[LogRecord]:
        """The records from `begin` to before `end`, in order."""
        ...


class ExportPosition(msgspec.Struct):
    """Where the last export ended: everything before `next_offsets` is in some export of this log."""

    log_id: str
    export_id: str
    next_offsets: dict[str, int]
    marks: dict[str, str] = {}
    """Of the last record before each next offset; none in a position that an older release wrote."""


class Exported(msgspec.Struct, frozen=True):
    """What a run wrote: object keys and lines."""

    export_id: str
    objects: list[str]
    lines: int


class ExportRunner:
    """Runs the export that is pending, if there is one. One runner in a deployment."""

    def __init__(
        self,
        *,
        register: ExportRegister,
        tail: ReadableTail,
        objects: ObjectStore,
        partitions: int,
        fingerprints: Fingerprints = no_fingerprints,
    ) -> None:
        """`fingerprints` tell who is forgotten."""
        self._register = register
        self._tail = tail
        self._objects = objects
        self._partitions = partitions
        self._fingerprints = fingerprints

    async def tick(self) -> Exported | None:
        """Run the pending export to its end. Raises what the stores raise; then it stays pending.

        Where the object store is full it ends: what it should have covered is the next one's.
        """
        export_id = await self._register.pending()
        if export_id is None:
            return None
        try:
            exported = await run_export(
                export_id,
                tail=self._tail,
                objects=self._objects,
                partitions=self._partitions,
                fingerprints=self._fingerprints,
            )
        except ObjectStoreFull as error:
            # Tried again at once it would fill what little there is, and give it back, for ever.
            await self._register.finish(export_id)
            _log.error("export %s ended without a file: %s; the next one covers the same", export_id, error)
            return None
        await self._register.finish(export_id)
        _log.info("export %s: %d lines in %d files", export_id, exported.lines, len(exported.objects))
        return exported


async def run_export(
    export_id: str,
    *,
    tail: ReadableTail,
    objects: ObjectStore,
    partitions: int,
    fingerprints: Fingerprints = no_fingerprints,
) -> Exported:
    """Write the files of one export, then its position. Called again with the same id: nothing more to do.

    Nothing of a person who is forgotten by the time that it begins.

    Raises PositionRefused where the log has lost what was exported last.
    """
    log_id = await tail.log_id(TELEMETRY.name)
    position = await _position(objects, log_id)
    if position.export_id == export_id:
        return Exported(export_id, [], 0)
    keys: list[str] = []
    lines = 0
    decisions = await read_skips(tail, log_id)
    forgotten = Forgotten(fingerprints, await read_forgotten(tail))
    for partition in range(partitions):
        skips = Skips(decision for decision in decisions if decision.partition == partition)
        held = await _held(tail, position, partition)
        end = (await begin(tail, TELEMETRY.name, partition, held, where=_WHERE)).end
        async with _Files(objects, export_id, partition) as files:
            async for record in tail.read(TELEMETRY.name, partition, held.offset, end):
                for game_id, line in lines_of(record, skips, forgotten):
                    await files.add(game_id, line)
            await files.flush()
        keys += files.keys
        lines += files.lines
        position.next_offsets[str(partition)] = end
        position.marks[str(partition)] = await mark_before(tail, TELEMETRY.name, partition, end)
    position.export_id = export_id
    async with new_object(objects, POSITION_KEY) as writer:
        await writer.write(_encoder.encode(position))
    return Exported(export_id, keys, lines)


def lines_of(
    record: LogRecord, skips: Skips | None = None, forgotten: Forgotten | None = None
) -> Iterator[tuple[str, bytes]]:
    """What a record adds to each game's file: one JSON object for each item, with when the log took it.

    What can't be read or is skipped by decision is left out: it is in the dead letters, by the projector's
    word. So is what is of the forgotten.
    """
    skipped = skips.of(record) if skips else {}
    if None in skipped:
        return
    accepted_at = iso_ms(record.appended_at_ms)
    try:
        entries = decode_record(record.value).entries
    except (msgspec.DecodeError, ValueError):
        return
    for index, entry in enumerate(entries):
        if index in skipped:
            continue
        try:
            for content in _contents(entry, none_forgotten() if forgotten is None else forgotten):
                yield entry.game_id, _encoder.encode({"accepted_at": accepted_at, **content}) + b"\n"
        except (msgspec.MsgspecError, ValueError, TypeError, RecursionError) as error:
            _log.warning("export: an entry of request %s can't be read: %r", entry.request_id, error)


def _contents(entry: TelemetryEntry, forgotten: Forgotten) -> list[dict[str, Any]]:
    if entry.kind == EntryKind.S4_ITEMS:
        decoded = _raw.decode(entry.body)
        items = decoded if type(decoded) is list else [decoded]
        read = decode_items(entry.body)
        return [
            {"kind": KIND_NAMES[known.kind], "item": item}
            for known, item in zip(read, items, strict=True)
            if not forgotten.player(entry.studio_id, known.player_id or "")
        ]
    if entry.kind == EntryKind.S1_BATCH:
        return _of_batch(msgspec.json.decode(entry.body), entry, forgotten)
    if entry.kind == EntryKind.S1_FEEDBACK:
        feedback = msgspec.json.decode(entry.body)
        theirs = forgotten.player(entry.studio_id, str(feedback.get("deviceId", "")))
        return [] if theirs else [{"kind": "s1_feedback", "item": feedback}]
    if entry.kind == EntryKind.MODEL_UPLOADED:
        return [{"kind": "model", "item": msgspec.json.decode(entry.body)}]
    return []


def _of_batch(batch: dict[str, Any], entry: TelemetryEntry, forgotten: Forgotten) -> list[dict[str, Any]]:
    """The session and its events; nothing of the forgotten, nor their messages and handles in others'."""
    studio_id, game_id = entry.studio_id, entry.game_id
    if forgotten.player(studio_id, str(batch.get("deviceId", ""))):
        return []
    events = batch.pop("events", None) or []
    if forgotten.handle(studio_id, game_id, str(batch.get("testerHandle") or "")):
        del batch["testerHandle"]
    if forgotten.concerns(studio_id) and batch.get("source") == SOURCE:
        events = [event for event in events if not forgotten.handle(studio_id, game_id, _author(event))]
    return [{"kind": "s1_session", "item": batch}] + [
        {"kind": "s1_event", "sessionId": batch["sessionId"], "item": event} for event in events
    ]


def _author(event: dict[str, Any]) -> str:
    """Whose message an event of a Discord session is; empty where it is none."""
    props = event.get("props")
    found = props.get("author") if event.get("name") == MESSAGE and isinstance(props, dict) else None
    return found if isinstance(found, str) else ""


async def _held(tail: LogTail, position: ExportPosition, partition: int) -> Position:
    """A partition's place in the position; the log's begin where that is later, as retention may make it."""
    at = str(partition)
    held = Position(position.next_offsets.get(at, 0), mark=position.marks.get(at, ""))
    first = await tail.begin_offset(TELEMETRY.name, partition)
    if held.offset >= first:
        return held
    if held.offset:
        _log.warning("%s[%d]: no export has %d to %d", TELEMETRY.name, partition, held.offset, first - 1)
    return Position(first)


async def _position(objects: ObjectStore, log_id: str) -> ExportPosition:
    """Where to go on. Another log (the topic was made anew) begins at its start."""
    stored = await objects.read(POSITION_KEY)
    if stored is not None:
        position = msgspec.json.decode(stored, type=ExportPosition)
        if position.log_id == log_id:
            return position
    return ExportPosition(log_id=log_id, export_id="", next_offsets={})


class _Files:
    """The files of one export and partition: one for each game, made when its first line comes.

    All are visible once the block has ended; where it raises, those that are not yet are forgotten.
    """

    def __init__(self, objects: ObjectStore, export_id: str, partition: int) -> None:
        self._objects = objects
        self._name = f"exports/{export_id}/telemetry-{partition}.ndjson"
        self._open = AsyncExitStack()
        self._writers: dict[str, ObjectWriter] = {}
        self._waiting: dict[str, bytearray] = {}
        self.lines = 0

    @property
    def keys(self) -> list[str]:
        return [self._key(game_id) for game_id in self._waiting]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._open.__aexit__(kind, error, trace)

    async def add(self, game_id: str, line: bytes) -> None:
        waiting = self._waiting.get(game_id)
        if waiting is None:
            made = new_object(self._objects, self._key(game_id))
            self._writers[game_id] = await self._open.enter_async_context(made)
            waiting = self._waiting[game_id] = bytearray()
        waiting += line
        self.lines += 1
        if len(waiting) >= PIECE_BYTES:
            await self._writers[game_id].write(bytes(waiting))
            waiting.clear()

    async def flush(self) -> None:
        for game_id, waiting in self._waiting.items():
            await self._writers[game_id].write(bytes(waiting))

    def _key(self, game_id: str) -> str:
        return f"games/{game_id}/{self._name}"
