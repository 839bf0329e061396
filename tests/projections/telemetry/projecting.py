"""The projector on a log in memory and a real ClickHouse, and all that it wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

from projections.clickhouse.system_tables import drop_databases
from projections.telemetry.reader import TelemetryReader
from tests.migrated import migrated
from tests.projections.telemetry.support import (
    MINUTE,
    SECOND,
    START_MS,
    TOPIC,
    MemoryLog,
    due,
    funnel,
    gameplay,
    s1,
    s4,
    trajectory,
)

if TYPE_CHECKING:
    from projections.clickhouse.client import ClickHouse


TABLES = ("events", "positions", "funnel_steps", "performance", "session_parts")


def reader(client: ClickHouse, log: MemoryLog, **more: Any) -> TelemetryReader:
    fields: dict[str, Any] = {
        "topic": TOPIC,
        "partitions": len(log.records),
        "tail": log,
        "appender": log,
        "clock_ms": lambda: log.now_ms,
    }
    return TelemetryReader(client, **(fields | more))


async def apply(client: ClickHouse, log: MemoryLog, **more: Any) -> TelemetryReader:
    """A new worker reads all of the log from its position on, and ends every batch."""
    worker = reader(client, log, **more)
    for partition, records in enumerate(log.records):
        begin = await worker.assigned(partition)
        for record in records[begin:]:
            await worker.handle(record)
        await worker.flush(partition)
    return worker


async def contents(client: ClickHouse) -> dict[str, list[list[Any]]]:
    found = {}
    for table in (*TABLES, "players", "feedback", "models", "insights"):
        where = "WHERE removed = 0" if table == "insights" else ""
        columns = "* EXCEPT (_version)" if table in {"session_parts", "insights"} else "*"
        final = "" if table in {"events", "positions", "funnel_steps", "performance"} else "FINAL"
        rows = await client.rows(f"SELECT {columns} FROM {table} {final} {where} ORDER BY ALL")
        found[table] = rows
    return found


async def one(client: ClickHouse, sql: str) -> Any:
    return (await client.rows(sql))[0][0]


def busy_log() -> MemoryLog:
    """Sessions over several batches, repeats, late events, an ended and a due session."""
    log = MemoryLog()
    at_ms = START_MS
    for number in range(12):
        at_ms += 700
        log.put(
            s4(
                gameplay(at_ms, session=f"s{number % 3}"),
                trajectory(at_ms, at_ms + SECOND, 4, session=f"s{number % 3}"),
                funnel(at_ms, session=f"s{number % 3}"),
            ),
            s1(
                f"t{number % 2}",
                {"name": "level_failed", "t": at_ms, "room": "door", "seq": number},
                {
                    "name": "player_pos",
                    "t": at_ms,
                    "x": number,
                    "y": 1.0,
                    "room": "door",
                    "seq": 100 + number,
                },
                {"name": "note", "t": at_ms, "props": {"n": number}},
                {"name": "note", "t": at_ms, "props": {"n": number}},
                {"name": "player_pos", "t": at_ms, "x": number, "y": 1.0, "z": 2},
                ended=number == 10,
            ),
            at_ms=at_ms,
        )
    log.put(due("s1", at_ms + 31 * MINUTE), at_ms=at_ms + 31 * MINUTE)
    log.put(s4(gameplay(at_ms + 40 * SECOND, "crash", session="s1")), at_ms=at_ms + 32 * MINUTE)
    return log


async def fresh(url: str) -> ClickHouse:
    return await migrated(url, f"test_{uuid4().hex[:12]}")


async def drop(client: ClickHouse) -> None:
    await drop_databases(client)
    await client.close()
