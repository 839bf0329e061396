from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from schemas.log import Appended, LogUnavailable
from schemas.telemetry.record import EntryKind, TelemetryEntry
from streams.gateway.metrics import GatewayMetrics
from streams.gateway.telemetry_producer import TelemetryAppending
from tests.streams.gateway.world import MemoryLog


def entry(body: bytes = b"x") -> TelemetryEntry:
    return TelemetryEntry(
        kind=EntryKind.S4_ITEMS,
        request_id="r",
        studio_id="s",
        game_id="g",
        received_at_ms=1,
        item_count=1,
        country=None,
        region=None,
        city=None,
        body=body,
    )


def started(
    appending: TelemetryAppending, bodies: Iterator[bytes], partition: int = 0
) -> list[asyncio.Task[Appended]]:
    return [asyncio.create_task(appending.append(partition, entry(body))) for body in bodies]


async def test_what_arrives_meanwhile_becomes_the_next_record() -> None:
    log = MemoryLog()
    taking = TelemetryAppending(log, partitions=1, metrics=GatewayMetrics())
    log.gate.clear()
    first = started(taking, iter([b"a", b"b"]))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    rest = started(taking, iter([b"c", b"d", b"e"]))
    await asyncio.sleep(0)
    log.gate.set()
    places = [(await task).offset for task in (*first, *rest)]
    assert places == [0, 0, 1, 1, 1]
    assert [[entry.body for entry in entries] for _, entries in log.records] == [
        [b"a", b"b"],
        [b"c", b"d", b"e"],
    ]
    await taking.drained()


async def test_partitions_do_not_wait_for_each_other() -> None:
    log = MemoryLog()
    taking = TelemetryAppending(log, partitions=4, metrics=GatewayMetrics())
    partitions = {taking.partition_of("game", f"player{n}") for n in range(64)}
    assert partitions == {0, 1, 2, 3}
    assert taking.partition_of("game", "player1") == taking.partition_of("game", "player1")
    await asyncio.gather(*(taking.append(partition, entry()) for partition in range(4)))
    assert sorted(partition for partition, _ in log.records) == [0, 1, 2, 3]


async def test_a_record_stays_under_its_size() -> None:
    log = MemoryLog()
    taking = TelemetryAppending(log, partitions=1, metrics=GatewayMetrics(), record_bytes_max=1000)
    await asyncio.gather(*started(taking, iter([b"x" * 300, b"y" * 300, b"z" * 5000, b"w"])))
    assert [[len(entry.body) for entry in entries] for _, entries in log.records] == [
        [300],
        [300],
        [5000],
        [1],
    ]


async def test_a_failed_record_refuses_what_waits_behind_it() -> None:
    log = MemoryLog()
    taking = TelemetryAppending(log, partitions=1, metrics=GatewayMetrics())
    log.gate.clear()
    log.away = True
    first = started(taking, iter([b"a"]))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    behind = started(taking, iter([b"b", b"c"]))
    await asyncio.sleep(0)
    log.gate.set()
    outcomes = await asyncio.gather(*first, *behind, return_exceptions=True)
    assert all(isinstance(outcome, LogUnavailable) for outcome in outcomes)
    log.away = False
    assert (await taking.append(0, entry())).offset == 0
    assert len(log.entries) == 1


async def test_the_queue_is_bounded() -> None:
    log = MemoryLog()
    taking = TelemetryAppending(
        log, partitions=1, metrics=GatewayMetrics(), waiting_entries_max=3, waiting_bytes_max=10_000
    )
    with pytest.raises(LogUnavailable, match="refused"):
        await taking.append(0, entry(b"x" * 10_000))
    log.gate.clear()
    waiting = started(taking, iter([b"a", b"b", b"c"]))
    await asyncio.sleep(0)
    with pytest.raises(LogUnavailable, match="refused"):
        await taking.append(0, entry())
    log.gate.set()
    await asyncio.gather(*waiting)
    assert (await taking.append(0, entry())).offset == len(log.records) - 1


async def test_a_client_that_left_does_not_hold_up_the_others() -> None:
    log = MemoryLog()
    taking = TelemetryAppending(log, partitions=1, metrics=GatewayMetrics())
    log.gate.clear()
    leaving, staying = started(taking, iter([b"a", b"b"]))
    await asyncio.sleep(0)
    leaving.cancel()
    await asyncio.sleep(0)
    log.gate.set()
    assert (await staying).offset == 0
    assert [entry.body for entry in log.entries] == [b"a", b"b"]
