"""Carries over by a rebuild what the log of hosts' telemetry has forgotten: its retention trims it by design.

Rows that records before the log's begin gave are in the live tables alone, and are copied from there. How far
each stream was taken in at the log's begin decides which later lines are repeats. Of that the live tables
know how far it is now, and the first line that came in since: all before that one was known, or is older than
lines are kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from projections.fleet.telemetry_columns import BUILD_LOGS, COLUMNS, ENDS, LOGS, METRICS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from projections.clickhouse.client import ClickHouse
    from schemas.log import LogTail

CLOCK_AHEAD_MS: Final = 86_400_000
"""Rows that name no offset are copied up to so much behind the first record's time: hosts' clocks may be
ahead. Where the log says such a row too, that one counts."""
_STREAM: Final = ", ".join(COLUMNS[ENDS][:5])
_COPIED_ENDS: Final = f"{ENDS}_copied"


async def keep_forgotten(
    live: ClickHouse, built: ClickHouse, tail: LogTail, topic: str, begins: Mapping[int, int]
) -> None:
    """Copies from `live` what records before `begins` (by partition) said. `built` has empty tables.

    Raises ClickHouseError and LogUnavailable.
    """
    before = " OR ".join(f"_partition = {partition} AND _offset < {at}" for partition, at in begins.items())
    await _copy(live, built, LOGS, before)
    first_ms = await _first_ms(tail, topic, begins)
    until = "1" if first_ms is None else f"at < fromUnixTimestamp64Milli({first_ms + CLOCK_AHEAD_MS}, 'UTC')"
    for table in (METRICS, BUILD_LOGS):
        await _copy(live, built, table, until)
    await _copy_ends(live, built, before)


async def _copy(live: ClickHouse, built: ClickHouse, table: str, where: str) -> None:
    columns = ", ".join(COLUMNS[table])
    await built.command(
        f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {live.database}.{table} FINAL WHERE {where}"  # noqa: S608 - names and numbers of ours
    )


async def _copy_ends(live: ClickHouse, built: ClickHouse, before: str) -> None:
    """How far each stream was at the log's begin: just before the first line that came since, if one has.

    The ends are read first: a line that the live projector writes meanwhile is behind them.
    """
    await built.command(
        f"CREATE TABLE IF NOT EXISTS {_COPIED_ENDS} AS {ENDS}"
        f" ENGINE = ReplacingMergeTree(last_byte_offset) ORDER BY ({_STREAM})"
    )
    columns = ", ".join(COLUMNS[ENDS])
    await built.command(
        f"INSERT INTO {_COPIED_ENDS} ({columns}) SELECT {columns} FROM {live.database}.{ENDS} FINAL"  # noqa: S608 - names of ours
    )
    await built.command(
        f"INSERT INTO {ENDS} ({columns})"  # noqa: S608 - names and numbers of ours
        f" SELECT {_STREAM}, if(since.lines > 0, since.first - 1, last_byte_offset), at"
        f" FROM (SELECT * FROM {_COPIED_ENDS} FINAL) AS copied LEFT JOIN"
        f" (SELECT {_STREAM}, count() AS lines, min(byte_offset) AS first FROM {live.database}.{LOGS}"
        f" WHERE NOT ({before}) GROUP BY {_STREAM}) AS since USING ({_STREAM})"
        " WHERE since.lines = 0 OR since.first > 0"
    )
    await built.command(f"DROP TABLE IF EXISTS {_COPIED_ENDS}")


async def _first_ms(tail: LogTail, topic: str, begins: Mapping[int, int]) -> int | None:
    """When the first record that is left was appended, the latest of the partitions'; None without any."""
    times: list[int] = []
    for partition, at in begins.items():
        if at < await tail.end_offset(topic, partition):
            times += [record.appended_at_ms async for record in tail.read(topic, partition, at, at + 1)]
    return max(times) if len(times) == len(begins) else None
