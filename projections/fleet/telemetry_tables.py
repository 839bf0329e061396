"""What hosts tell, in ClickHouse: lines, each once, and samples. Their DDL: `0015_fleet_telemetry.sql`.

A host whose agent died tells some lines again, at another time. Which of them are known follows from how far
each stream was taken in by earlier records, so that the rows are a function of the log: a batch that is
written again after a crash, whole or in other parts, comes to the same rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from projections.clickhouse.noun_tables import Rows, TableSet
from projections.clickhouse.statements import BesideRows
from projections.clickhouse.times import time_of
from projections.fleet.telemetry_columns import BUILD_LOGS, COLUMNS, ENDS, LOGS, METRICS
from projections.fleet.trimmed_telemetry import keep_forgotten
from schemas.fleet.noun import FLEET_TELEMETRY
from schemas.fleet.telemetry import BuildLine, FleetRecord, Line, Sample, Source

if TYPE_CHECKING:
    from projections.clickhouse.client import ClickHouse

STREAMS_PER_QUERY: Final = 1_000
BATCH_MS: Final = 1_500
"""A line is to be read within 3 s of its printing."""

_COMPARED_DAYS: Final = {LOGS: 5, ENDS: 28, METRICS: 28, BUILD_LOGS: 28}
"""Fewer than rows are kept: two builds may differ in which of the oldest have gone."""

StreamKey = tuple[str, str, str, int, str]
"""Studio, game, server, attempt, stream."""


class SentLine(NamedTuple):
    """A line of a server's output as a record has it."""

    key: StreamKey
    offset: int
    at_ms: int
    row: list[Any]


def add_record(record: FleetRecord, partition: int, offset: int, rows: Rows, told: list[SentLine]) -> None:
    """Add a record's samples and lines of builds as rows, and its servers' lines. Pure but for these two."""
    sources, host_id = record.sources, record.host_id
    rows[METRICS] += (_sample(sources[sample.source], sample, host_id) for sample in record.samples)
    rows[BUILD_LOGS] += (_build_line(line, host_id) for line in record.build_lines)
    for index, line in enumerate(record.lines):
        source = sources[line.source]
        key = (source.studio_id, source.game_id, source.instance_id, source.attempt, line.stream)
        row = [*_line(source, line, host_id), partition, offset, index]
        told.append(SentLine(key, line.offset, line.at_ms, row))


def new_rows(told: Iterable[SentLine], ends: Mapping[StreamKey, int]) -> Rows:
    """The rows of lines that come behind what was taken in before, and how far that is now. Pure."""
    logs: list[list[Any]] = []
    last: dict[StreamKey, SentLine] = {}
    for one in told:
        known = last[one.key].offset if one.key in last else ends.get(one.key, -1)
        if one.offset > known:
            logs.append(one.row)
            last[one.key] = one
    return {LOGS: logs, ENDS: [[*key, one.offset, time_of(one.at_ms)] for key, one in last.items()]}


async def _new(client: ClickHouse, told: Sequence[SentLine], ends: Mapping[int, int]) -> Rows:
    del ends  # a stream says by its last offset what is in it
    return new_rows(told, await _stored(client, {one.key for one in told}))


async def _stored(client: ClickHouse, keys: set[StreamKey]) -> dict[StreamKey, int]:
    """How far each of these streams was taken in. Raises ClickHouseError."""
    names = COLUMNS[ENDS][:5]
    types = dict(zip(names, ("String", "String", "String", "UInt32", "String"), strict=True))
    listed = ", ".join(names)
    sql = f"SELECT {listed}, last_byte_offset FROM {ENDS} FINAL WHERE ({listed}) IN wanted"  # noqa: S608 - names of ours
    found: dict[StreamKey, int] = {}
    wanted = sorted(keys)
    for first in range(0, len(wanted), STREAMS_PER_QUERY):
        some = [list(key) for key in wanted[first : first + STREAMS_PER_QUERY]]
        for *key, last_byte_offset in await client.rows(sql, beside=BesideRows("wanted", types, some)):
            found[(key[0], key[1], key[2], int(key[3]), key[4])] = int(last_byte_offset)
    return found


def _line(source: Source, line: Line, host_id: str) -> list[Any]:
    return [
        *(source.studio_id, source.game_id, time_of(line.at_ms), source.instance_id),
        *(source.name, source.region, source.attempt, host_id),
        *(line.stream, line.offset, line.level, line.message),
    ]


def _sample(source: Source, sample: Sample, host_id: str) -> list[Any]:
    return [
        *(source.studio_id, source.game_id, source.instance_id, time_of(sample.at_ms)),
        *(source.attempt, host_id, source.region, sample.cpu_percent),
        *(sample.memory_bytes, sample.memory_total_bytes, sample.received_bytes, sample.sent_bytes),
        *(sample.tcp_connections, sample.load),
    ]


def _build_line(line: BuildLine, host_id: str) -> list[Any]:
    return [
        *(line.studio_id, line.game_id, line.build_id, line.attempt, line.number, time_of(line.at_ms)),
        *(line.level, line.step, line.message, host_id),
    ]


def _where(table: str) -> str:
    days = _COMPARED_DAYS[table]
    return f"at >= (SELECT toStartOfDay(max(at)) - INTERVAL {days} DAY FROM {table})"  # noqa: S608 - constants


TELEMETRY_TABLES: Final = TableSet(
    topic=FLEET_TELEMETRY.name,
    columns=COLUMNS,
    add=add_record,
    changed=_new,
    record=FleetRecord,
    batch_ms=BATCH_MS,
    trimmed=True,
    keep_forgotten=keep_forgotten,
    compared_where=_where,
)
