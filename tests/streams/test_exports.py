from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from schemas.log import LogRecord
from schemas.log_positions import PositionRefused
from schemas.objects import ObjectStoreFull
from schemas.telemetry.record import EntryKind, TelemetryEntry, encode_record
from schemas.telemetry.skips import SkipDecision, content_hash, encode_skip
from streams.exports import POSITION_KEY, ExportPosition, ExportRunner, run_export
from tests.schemas.telemetry.s4_samples import APP, NOW, SAMPLES, pack
from tests.streams.gateway.world import MemoryExports, MemoryObjects


class ListTail:
    """A log of two partitions held in lists, and the list of skips."""

    def __init__(self) -> None:
        self.id = "log-1"
        self.partitions: list[list[bytes]] = [[], []]
        self.skips: list[bytes] = []
        self.forgotten: list[bytes] = []

    async def log_id(self, topic: str) -> str:
        assert topic == "telemetry"
        return self.id

    async def begin_offset(self, topic: str, partition: int) -> int:
        del topic, partition
        return 0

    async def end_offset(self, topic: str, partition: int) -> int:
        return len(self._of(topic, partition))

    async def read(
        self, topic: str, partition: int, begin: int, end: int | None = None
    ) -> AsyncIterator[LogRecord]:
        for offset, value in enumerate(self._of(topic, partition)[begin:end], begin):
            yield LogRecord(
                topic=topic, partition=partition, offset=offset, appended_at_ms=NOW, key=None, value=value
            )

    def _of(self, topic: str, partition: int) -> list[bytes]:
        lists = {"telemetry.skips": self.skips, "telemetry.forgotten": self.forgotten}
        return lists[topic] if topic in lists else self.partitions[partition]


def entry(kind: EntryKind, game_id: str, body: bytes) -> TelemetryEntry:
    return TelemetryEntry(
        kind=kind,
        request_id="r",
        studio_id="s",
        game_id=game_id,
        received_at_ms=NOW,
        item_count=1,
        country=None,
        region=None,
        city=None,
        body=body,
    )


BATCH: dict[str, Any] = {
    "gameId": "doom",
    "sessionId": "s",
    "deviceId": "d",
    "events": [{"name": "a", "t": NOW}],
}


def lines(objects: MemoryObjects, key: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in objects.objects[key].splitlines()]


async def test_each_game_gets_what_was_accepted_since_the_last_export() -> None:
    tail, objects = ListTail(), MemoryObjects()
    tail.partitions[0] = [
        encode_record(
            [
                entry(EntryKind.S4_ITEMS, APP, pack(list(SAMPLES))),
                entry(EntryKind.TICK, "", b""),
                entry(EntryKind.S1_BATCH, "game_2", json.dumps(BATCH).encode()),
            ]
        ),
        b"no record",
    ]
    tail.partitions[1] = [encode_record([entry(EntryKind.S4_ITEMS, APP, pack(SAMPLES[0]))])]
    first = await run_export("e1", tail=tail, objects=objects, partitions=2)
    names = {f"games/{APP}/exports/e1/telemetry-0.ndjson", f"games/{APP}/exports/e1/telemetry-1.ndjson"}
    assert set(first.objects) == names | {"games/game_2/exports/e1/telemetry-0.ndjson"}
    assert first.lines == 7
    items = lines(objects, f"games/{APP}/exports/e1/telemetry-0.ndjson")
    assert [item["item"] for item in items] == list(SAMPLES)
    assert [item["kind"] for item in items] == ["player", "funnel_step", "gameplay", "trajectory"]
    assert items[0]["accepted_at"] == "2026-02-12T10:00:00.000Z"
    assert [item["kind"] for item in lines(objects, "games/game_2/exports/e1/telemetry-0.ndjson")] == [
        "s1_session",
        "s1_event",
    ]

    tail.partitions[1].append(encode_record([entry(EntryKind.S1_FEEDBACK, APP, b'{"a":1}')]))
    second = await run_export("e2", tail=tail, objects=objects, partitions=2)
    assert second.objects == [f"games/{APP}/exports/e2/telemetry-1.ndjson"]
    assert second.lines == 1
    assert (await run_export("e2", tail=tail, objects=objects, partitions=2)).lines == 0


async def test_another_log_begins_at_its_start() -> None:
    tail, objects = ListTail(), MemoryObjects()
    tail.partitions[0] = [encode_record([entry(EntryKind.S4_ITEMS, APP, pack(SAMPLES[0]))])]
    assert (await run_export("e1", tail=tail, objects=objects, partitions=2)).lines == 1
    tail.id = "log-2"
    assert (await run_export("e2", tail=tail, objects=objects, partitions=2)).lines == 1


async def test_the_runner_takes_what_is_pending_and_says_when_it_is_done() -> None:
    tail, objects, register = ListTail(), MemoryObjects(), MemoryExports()
    runner = ExportRunner(register=register, tail=tail, objects=objects, partitions=2)
    assert await runner.tick() is None
    await register.begin("e1", NOW)
    assert await runner.tick() is None
    await register.confirm("e1")
    exported = await runner.tick()
    assert exported is not None
    assert exported.export_id == "e1"
    assert await register.pending() is None


async def test_what_is_skipped_by_decision_is_not_exported() -> None:
    tail, objects = ListTail(), MemoryObjects()
    record = encode_record(
        [
            entry(EntryKind.S1_FEEDBACK, APP, b'{"a":1}'),
            entry(EntryKind.S1_FEEDBACK, APP, b'{"a":2}'),
        ]
    )
    tail.partitions = [[record, record], [record, record]]
    for partition, offset, index in ((0, 0, 1), (1, 1, None)):
        decision = SkipDecision(
            log_id="log-1",
            partition=partition,
            offset=offset,
            index=index,
            sha256=content_hash(record),
            reason="",
            decided_at_ms=NOW,
        )
        tail.skips.append(encode_skip(decision))
    await run_export("e1", tail=tail, objects=objects, partitions=2)
    exported = [
        [line["item"]["a"] for line in lines(objects, f"games/{APP}/exports/e1/telemetry-{partition}.ndjson")]
        for partition in (0, 1)
    ]
    assert exported == [[1, 1, 2], [1, 2]]


async def test_what_the_log_lost_since_the_last_export_is_noticed() -> None:
    tail, objects = ListTail(), MemoryObjects()
    tail.partitions[0] = [encode_record([entry(EntryKind.S4_ITEMS, APP, pack([SAMPLES[0]]))])] * 2
    await run_export("one", tail=tail, objects=objects, partitions=1)
    kept = msgspec.json.decode(objects.objects[POSITION_KEY], type=ExportPosition)
    tail.partitions[0] = tail.partitions[0][:1]
    with pytest.raises(PositionRefused, match=r"the log ends at 1.*questlog repair"):
        await run_export("two", tail=tail, objects=objects, partitions=1)
    tail.partitions[0] += [encode_record([entry(EntryKind.TICK, "", b"")])] * 2
    with pytest.raises(PositionRefused, match=r"another one.*questlog repair"):
        await run_export("two", tail=tail, objects=objects, partitions=1)
    kept.marks = {}  # an older release's
    objects.objects[POSITION_KEY] = msgspec.json.encode(kept)
    await run_export("two", tail=tail, objects=objects, partitions=1)
    assert msgspec.json.decode(objects.objects[POSITION_KEY], type=ExportPosition).marks["0"]


async def test_a_full_store_ends_the_export_and_the_next_covers_the_same() -> None:
    tail, objects, register = ListTail(), MemoryObjects(), MemoryExports()
    tail.partitions[0] = [encode_record([entry(EntryKind.S4_ITEMS, APP, pack(SAMPLES[0]))])]
    runner = ExportRunner(register=register, tail=tail, objects=objects, partitions=2)
    await register.begin("e1", NOW)
    await register.confirm("e1")
    objects.fails = ObjectStoreFull("no space left")
    assert await runner.tick() is None
    assert (await register.pending(), objects.objects, objects.aborted) == (None, {}, 1)
    objects.fails = None
    await register.begin("e2", NOW)
    await register.confirm("e2")
    exported = await runner.tick()
    assert exported is not None
    assert exported.lines == 1
