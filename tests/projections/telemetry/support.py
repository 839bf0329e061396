"""A log in memory and the records that the telemetry projector reads from it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgpack

from schemas.log import Appended, LogRecord
from schemas.telemetry.deadlines import SessionDue, encode_session_due
from schemas.telemetry.noun import TELEMETRY_SKIPS
from schemas.telemetry.record import EntryKind, TelemetryEntry, encode_record
from schemas.topics import DEAD_LETTERS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

TOPIC = "telemetry"
STUDIO = "studio_1"
GAME = "72ab8f81-ef36-4712-a046-399a62b9afaa"
START_MS = 1_778_714_850_000
SECOND = 1000
MINUTE = 60 * SECOND


def iso(at_ms: int) -> str:
    moment = datetime.fromtimestamp(at_ms / 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{at_ms % 1000:03d}Z"


def entry(kind: str, body: bytes, items: int = 1, game: str = GAME, **more: Any) -> TelemetryEntry:
    fields: dict[str, Any] = {
        "request_id": "r",
        "studio_id": STUDIO,
        "received_at_ms": 0,
        "country": None,
        "region": None,
        "city": None,
    }
    return TelemetryEntry(kind=kind, game_id=game, item_count=items, body=body, **(fields | more))


def gameplay(at_ms: int, name: str = "Player_Jump", session: str = "s1", **more: Any) -> dict[str, Any]:
    return {
        "event_name": name,
        "app_id": GAME,
        "build_id": "1.0.2",
        "player_id": f"player-{session}",
        "session_id": session,
        "level_id": "E1M1",
        "position": [1.5, 2.0, 3.0],
        "custom_data": {"weapon": "Sword"},
        "input_method": "Gamepad",
        "timestamp": iso(at_ms),
    } | more


def trajectory(at_ms: int, end_ms: int, points: int, session: str = "s1", **more: Any) -> dict[str, Any]:
    return {
        "app_id": GAME,
        "build_id": "1.0.2",
        "player_id": f"player-{session}",
        "session_id": session,
        "status": "Gameplay",
        "fps": {"mean": 60, "low_5": 55, "low_1": 30},
        "positions": [float(number) for number in range(3 * points)],
        "timestamp_start": iso(at_ms),
        "timestamp_end": iso(end_ms),
    } | more


def funnel(at_ms: int, step: str = "Tutorial_Start", session: str = "s1") -> dict[str, Any]:
    return {
        "funnel_step_name": step,
        "app_id": GAME,
        "build_id": "1.0.2",
        "player_id": f"player-{session}",
        "session_id": session,
        "level_id": "E1M1",
        "timestamp": iso(at_ms),
    }


def player(at_ms: int, name: str = "player-s1") -> dict[str, Any]:
    return {
        "event_name": "Create_Player",
        "app_id": GAME,
        "build_id": "1.0.2",
        "player_id": name,
        "region": "EU-West",
        "hardware": {"gpu": "RTX 4090"},
        "timestamp": iso(at_ms),
    }


def s4(*items: dict[str, Any], **more: Any) -> TelemetryEntry:
    return entry(EntryKind.S4_ITEMS, msgpack.packb(list(items)), len(items), **more)


def s1(
    session: str, *events: dict[str, Any], game: str = GAME, studio_id: str = STUDIO, **more: Any
) -> TelemetryEntry:
    body = {
        "gameId": game,
        "sessionId": session,
        "deviceId": f"device_{session}",
        "source": "unity-telemetry",
        "metadata": {"gameVersion": "0.4.9", "platform": "Win64"},
        "events": list(events),
    } | more
    return entry(EntryKind.S1_BATCH, json.dumps(body).encode(), len(events), game=game, studio_id=studio_id)


def due(session: str, watermark_ms: int, game: str = GAME) -> TelemetryEntry:
    body = SessionDue(session_id=session, last_event_at_ms=0, watermark_ms=watermark_ms)
    return entry(EntryKind.SESSION_DUE, encode_session_due(body), game=game)


class MemoryLog:
    """A log of some partitions: `Appender` and `LogTail` over lists. Time is what the test says.

    `records` are of the telemetry topic, `skips` of the list of skips, `dead` of the dead letters.
    """

    def __init__(self, partitions: int = 1, log_id: str = "log-1") -> None:
        self.records: list[list[LogRecord]] = [[] for _ in range(partitions)]
        self.dead: list[bytes] = []
        self.skips: list[LogRecord] = []
        self.now_ms = START_MS
        self._log_id = log_id

    def put(self, *entries: TelemetryEntry, at_ms: int | None = None, partition: int = 0) -> LogRecord:
        return self.put_raw(encode_record(list(entries)), at_ms=at_ms, partition=partition)

    def put_raw(self, value: bytes, at_ms: int | None = None, partition: int = 0) -> LogRecord:
        self.now_ms = self.now_ms if at_ms is None else at_ms
        record = LogRecord(
            topic=TOPIC,
            partition=partition,
            offset=len(self.records[partition]),
            appended_at_ms=self.now_ms,
            key=None,
            value=value,
        )
        self.records[partition].append(record)
        return record

    async def append(self, topic: str, partition: int, value: bytes, key: bytes | None = None) -> Appended:
        del key
        if topic == TELEMETRY_SKIPS.name:
            self.skips.append(
                LogRecord(
                    topic=topic,
                    partition=0,
                    offset=len(self.skips),
                    appended_at_ms=self.now_ms,
                    key=None,
                    value=value,
                )
            )
            return Appended(0, len(self.skips) - 1, self.now_ms)
        if topic != TOPIC:
            self.dead.append(value)
            return Appended(partition, len(self.dead) - 1, self.now_ms)
        record = self.put_raw(value, partition=partition)
        return Appended(partition, record.offset, record.appended_at_ms)

    async def begin_offset(self, topic: str, partition: int) -> int:
        records = self._of(topic, partition)
        return records[0].offset if records else 0

    async def end_offset(self, topic: str, partition: int) -> int:
        records = self._of(topic, partition)
        return records[-1].offset + 1 if records else 0

    async def log_id(self, topic: str) -> str:
        del topic
        return self._log_id

    async def read(
        self, topic: str, partition: int, begin: int, end: int | None = None
    ) -> AsyncIterator[LogRecord]:
        for record in list(self._of(topic, partition)):
            if record.offset >= begin and (end is None or record.offset < end):
                yield record

    def _of(self, topic: str, partition: int) -> list[LogRecord]:
        if topic == DEAD_LETTERS.name:
            return [
                LogRecord(
                    topic=topic, partition=0, offset=n, appended_at_ms=self.now_ms, key=None, value=value
                )
                for n, value in enumerate(self.dead)
            ]
        return self.skips if topic == TELEMETRY_SKIPS.name else self.records[partition]
