"""A rebuild's swap in a cluster: projectors go on once every server has swapped, and not before.

No cluster runs here: the servers are a stand-in that answers as several would.
"""

from __future__ import annotations

import asyncio
from typing import Any, Self, cast

import pytest

from projections.clickhouse.client import ClickHouse
from projections.clickhouse.cluster import Cluster, placed
from projections.clickhouse.errors import ClickHouseAway
from projections.clickhouse.positions import Positions
from projections.clickhouse.projector_hold import held
from projections.clickhouse.rebuild_plan import Plan, RebuildFailed
from projections.clickhouse.rebuild_swap import LOOKS_MAX, SwapUnfinished, require_every_server, swap

CLUSTER = Cluster("live", 1)
NEW = "new-uuid"
NOW_MS = 1_800_000_000_000


class Servers:
    """A client of one of three servers; `exchanged` of them carry out an exchange, `up` of them answer."""

    cluster = CLUSTER

    def __init__(self, database: str, *, exchanged: int = 3, up: int = 3) -> None:
        self.database = database
        self.exchanged = exchanged
        self.up = up
        self.asked: list[str] = []
        self.holds: list[int] = []
        self.done = False

    @property
    def system(self) -> Self:
        return self

    async def rows(self, sql: str, parameters: dict[str, Any] | None = None, **_: Any) -> list[list[Any]]:
        if "system.one" in sql:
            if self.up < 3:
                raise ClickHouseAway("a server does not answer")
            return [[3]]
        if "system.clusters" in sql:
            return [[3]]
        if "clusterAllReplicas" in sql:
            assert (parameters or {})["uuid"] == NEW
            return [[self.exchanged if self.done else 0]]
        return [] if "reader_positions" in sql else [[NEW]]

    async def command(self, sql: str, parameters: dict[str, Any] | None = None, **_: Any) -> None:
        if sql.startswith("INSERT INTO holds"):
            self.holds.append((parameters or {})["until"])
        else:
            self.asked += placed(sql, self.database, self.cluster)

    async def command_once(self, sql: str, *, done: Any) -> None:
        assert not await done()
        self.asked += placed(sql, self.database, self.cluster)
        self.done = True


async def swapped(live: Servers) -> None:
    built = Servers("q_rebuild")
    plan = Plan(topic="t", partitions=1, builder=cast("Any", None), tables=("a",), sums=cast("Any", None))

    async def sleep(_seconds: float) -> None:
        live.asked.append("wait")

    async def never(_seconds: float) -> None:
        await asyncio.Event().wait()

    positions = Positions(cast("ClickHouse", live), "t")
    async with held(positions, lambda: NOW_MS, never) as hold:
        await swap(cast("ClickHouse", live), cast("ClickHouse", built), plan, hold, sleep)


async def test_projectors_go_on_when_every_server_has_swapped() -> None:
    live = Servers("q")
    await swapped(live)
    assert live.asked == [
        "EXCHANGE TABLES q.a AND q_rebuild.a ON CLUSTER `live`",
        "ALTER TABLE reader_positions DROP PARTITION 't'",
    ]
    assert live.holds[-1] == 0


async def test_they_stay_held_where_one_has_not() -> None:
    live = Servers("q", exchanged=2)
    with pytest.raises(
        SwapUnfinished, match=r"2 of 3 servers show the new a.*run `questlog rebuild clickhouse`"
    ):
        await swapped(live)
    assert live.asked == ["EXCHANGE TABLES q.a AND q_rebuild.a ON CLUSTER `live`", *["wait"] * LOOKS_MAX]
    assert live.holds[-1] > NOW_MS + 365 * 86_400_000


async def test_nothing_is_swapped_where_a_server_does_not_answer() -> None:
    live = Servers("q", up=2)
    with pytest.raises(RebuildFailed, match="needs every server"):
        await swapped(live)
    assert live.asked == []
    assert live.holds[-1] == 0
    live.up = 3
    await require_every_server(cast("ClickHouse", live))
