"""What a server used, from ClickHouse, as points of equal steps.

A point is its step's start in unix seconds and the mean of the step's samples, of memory the maximum; a step
without a sample has none. Rates are differences of counters between neighbouring samples of one attempt, over
the time between them: the first sample of an attempt counts from the attempt's zero, so it has a rate only
where it has a neighbour. Source: contract/fleet.md, "Logs and metrics".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from projections.clickhouse.times import time_of

if TYPE_CHECKING:
    from projections.telemetry.queries.client import Queries

_POINTS: Final = """
SELECT
    intDiv(ms, 1000 * {step:UInt32}) * {step:UInt32} AS t,
    avg(cpu_percent), max(memory_bytes), avg(load), avg(tcp_connections),
    avgOrNull(if(ms_before > 0 AND ms > ms_before, 1000 * (rx_bytes - rx_before) / (ms - ms_before), NULL)),
    avgOrNull(if(ms_before > 0 AND ms > ms_before, 1000 * (tx_bytes - tx_before) / (ms - ms_before), NULL)),
    max(memory_total_bytes)
FROM
(
    SELECT *,
        toUnixTimestamp64Milli(at) AS ms,
        lagInFrame(ms) OVER of_attempt AS ms_before,
        lagInFrame(rx_bytes) OVER of_attempt AS rx_before,
        lagInFrame(tx_bytes) OVER of_attempt AS tx_before
    FROM fleet_metrics FINAL
    WHERE studio_id = {studio:String} AND game_id = {game:String} AND instance_id = {instance:String}
        AND at >= {early:DateTime64(3, 'UTC')} AND at < {until:DateTime64(3, 'UTC')}
    WINDOW of_attempt AS (PARTITION BY attempt ORDER BY at ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)
)
WHERE at >= {since:DateTime64(3, 'UTC')}
GROUP BY t ORDER BY t
"""
NEIGHBOUR_MS: Final = 60_000
"""How far before the period a sample may be that the first rate is counted from."""


class Point(msgspec.Struct, frozen=True, gc=False):
    """One step. Rates are None where no sample of it has a neighbour."""

    t: int
    cpu_percent: float
    memory_bytes: int
    load: float
    tcp_connections: float
    rx_per_second: float | None
    tx_per_second: float | None
    memory_total_bytes: int


class FleetMetrics:
    """Reads through one pool of connections. Raises StoreUnavailable."""

    def __init__(self, queries: Queries) -> None:
        self._queries = queries

    async def points(
        self, studio_id: str, game_id: str, instance_id: str, *, since_ms: int, until_ms: int, step_s: int
    ) -> list[Point]:
        """The points of a period, `until_ms` excluded; at most one for each step."""
        rows = await self._queries.query(
            _POINTS,
            {
                "studio": studio_id,
                "game": game_id,
                "instance": instance_id,
                "early": time_of(since_ms - NEIGHBOUR_MS),
                "since": time_of(since_ms),
                "until": time_of(until_ms),
                "step": step_s,
            },
        )
        return [msgspec.convert(row, Point, strict=False) for row in map(_pointed, rows)]


def _pointed(row: list[object]) -> dict[str, object]:
    return dict(zip(Point.__struct_fields__, row, strict=True))
