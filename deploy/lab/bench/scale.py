"""`questlog bench scale`: a stack of its own for each number of partitions, with as many workers.

Partition counts never change, so each step starts with an empty home. All of it is on this machine and its
loopback: what a step gains is what its processes use of the cores that are there, load generator included.
"""

from __future__ import annotations

import asyncio
import os
import time
from typing import TYPE_CHECKING, Any, Final

import msgspec

from deploy.lab.bench.ceilings import end_offsets
from deploy.lab.bench.ingest import Ingest
from deploy.lab.bench.liveops import Figures, LiveopsBench
from deploy.lab.bench.load import OrderRefusedError
from deploy.lab.bench.processes import cpu_seconds, difference, parts
from deploy.lab.bench.relay import read_relay
from deploy.lab.bench.sizing import Units, by_kind
from deploy.lab.drill.stack import OwnStack
from projections.redis.client import connect
from schemas.liveops.noun import LIVEOPS_COMMANDS, LIVEOPS_EVENTS
from schemas.telemetry.noun import TELEMETRY

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from redis.asyncio import Redis

    from deploy.lab.bench.ingest import Phase
    from projections.clickhouse.client import ClickHouse

BATCH: Final = 100
WARM_UP_SECONDS: Final = 2.0
ARCHIVED_SECONDS: Final = 120.0
"""How long a step waits until the archive has what was decided."""


class Step(msgspec.Struct, kw_only=True):
    """What so many partitions and workers of each role did."""

    partitions: int
    cores: int
    """Of the machine."""
    events_a_second: float
    """Accepted, while the load ran."""
    events_a_core: float
    """A second of CPU of all processes takes so many from wire to query."""
    commands: dict[str, Figures]
    """By kind of command."""
    units: Units

    def commands_a_core(self, kind: str) -> float:
        """A second of CPU of all processes takes so many."""
        return 1e6 / self.commands[kind].cpu_us_total


class RedisUse(msgspec.Struct, frozen=True):
    """What Redis has used since it started."""

    thread_s: float
    script_s: float
    memory_bytes: int


async def redis_use(client: Redis) -> RedisUse:
    """As INFO tells it: CPU of the thread that runs commands, time within scripts, memory."""
    cpu, stats, memory = [await client.info(section) for section in ("cpu", "commandstats", "memory")]
    thread = cpu["used_cpu_user_main_thread"] + cpu["used_cpu_sys_main_thread"]
    scripts = sum(stats[name]["usec"] for name in ("cmdstat_eval", "cmdstat_evalsha") if name in stats)
    return RedisUse(float(thread), scripts / 1e6, int(memory["used_memory"]))


def log_bytes(home: Path, *topics: str) -> int:
    """What the segments of topics take on the broker's disk, as they were compressed."""
    data = home / "kafka" / "data"
    found = (one for topic in topics for one in data.glob(f"{topic}-[0-9]*/*.log"))
    return sum(one.stat().st_size for one in found)


async def table_bytes(clickhouse: ClickHouse, *, liveops: bool) -> int:
    """What live-ops' tables take on disk, or all others'."""
    rows = await clickhouse.rows(
        "SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND database = currentDatabase()"
        " AND startsWith(table, 'liveops_') = {liveops:UInt8}",
        {"liveops": int(liveops)},
    )
    return int(rows[0][0] or 0)


class ScaleBench:
    """Steps in folders of `home`, each ended before the next one starts."""

    def __init__(
        self, home: Path, *, seconds: float, connections: int, players: int, tell: Callable[[str], None]
    ) -> None:
        self._home = home
        self._seconds = seconds
        self._connections = connections
        self._players = players
        self._tell = tell

    async def step(self, partitions: int) -> Step:
        """Start, measure, end. Raises DrillFailedError and OrderRefusedError."""
        count = str(partitions)
        environment = {
            "QUESTLOG_PARTITIONS_TELEMETRY": count,
            "QUESTLOG_PARTITIONS_LIVEOPS": count,
            "QUESTLOG_WORKERS": count,
        }
        self._tell(f"{count} partitions and workers: a stack starts…")
        async with OwnStack(self._home / count, environment=environment) as stack:
            clickhouse, redis = stack.clickhouse(), connect(stack.demo["redis_url"])
            try:
                return await self._measured(stack, partitions, clickhouse, redis)
            finally:
                await redis.aclose()
                await clickhouse.close()

    async def _measured(self, stack: OwnStack, partitions: int, clickhouse: ClickHouse, redis: Redis) -> Step:
        home, relay = stack.home, read_relay(stack.home)
        ingest = Ingest(home, relay, clickhouse, self._tell)
        await self._phase(ingest, "warm-up", WARM_UP_SECONDS)
        log, tables = log_bytes(home, TELEMETRY.name), await table_bytes(clickhouse, liveops=False)
        phase = await self._phase(ingest, "accept", self._seconds)
        event_log = log_bytes(home, TELEMETRY.name) - log
        event_tables = await table_bytes(clickhouse, liveops=False) - tables
        bench = LiveopsBench(home, relay, self._tell)
        empty = await redis_use(redis)
        players = await bench.players(self._players)
        targets = {"debit": bench.debit(players), "progress": bench.progress(players)}
        await bench.measure("warm-up", targets["debit"], seconds=WARM_UP_SECONDS, connections=32)
        commands = {"debit": await self._measure(bench, "debit", targets["debit"])}
        await archived(clickhouse, relay.kafka, partitions)
        topics = (LIVEOPS_COMMANDS.name, LIVEOPS_EVENTS.name)
        log, tables = log_bytes(home, *topics), await table_bytes(clickhouse, liveops=True)
        used, before = cpu_seconds(parts(home)), await redis_use(redis)
        commands["progress"] = await self._measure(bench, "progress", targets["progress"])
        after = await redis_use(redis)
        await archived(clickhouse, relay.kafka, partitions)
        used = difference(used, cpu_seconds(parts(home)))
        count, events = commands["progress"].requests or 1, phase.events or 1
        units = Units(
            event_cpu_us=by_kind(phase.cpu_us),
            command_cpu_us=by_kind({part: seconds / count * 1e6 for part, seconds in used.items()}),
            command_redis_us=(after.thread_s - before.thread_s) / count * 1e6,
            command_script_us=(after.script_s - before.script_s) / count * 1e6,
            event_log_bytes=event_log / events,
            event_table_bytes=max(0, event_tables) / events,
            command_log_bytes=(log_bytes(home, *topics) - log) / count,
            command_table_bytes=max(0, await table_bytes(clickhouse, liveops=True) - tables) / count,
            player_redis_bytes=(after.memory_bytes - empty.memory_bytes) / self._players,
        )
        return Step(
            partitions=partitions,
            cores=len(os.sched_getaffinity(0)),
            events_a_second=phase.events_a_second,
            events_a_core=1e6 / phase.cpu_us_total,
            commands=commands,
            units=units,
        )

    async def _phase(self, ingest: Ingest, name: str, seconds: float) -> Phase:
        order = ingest.order(seconds=seconds, batch=BATCH, connections=self._connections)
        return await ingest.phase(name, order)

    async def _measure(self, bench: LiveopsBench, name: str, targets: list[Any]) -> Figures:
        return await bench.measure(name, targets, seconds=self._seconds, connections=self._connections)


async def archived(clickhouse: ClickHouse, kafka: str, partitions: int) -> None:
    """Return once live-ops' archive has every record of the log. Raises OrderRefusedError if it never has."""
    ends = await end_offsets(kafka, partitions, LIVEOPS_EVENTS.name)
    deadline = time.monotonic() + ARCHIVED_SECONDS
    while True:
        rows = await clickhouse.system.rows(
            "SELECT partition, next_offset FROM reader_positions FINAL WHERE topic = {topic:String}",
            {"topic": LIVEOPS_EVENTS.name},
        )
        held = {int(partition): int(next_offset) for partition, next_offset in rows}
        if all(held.get(partition, 0) >= end for partition, end in ends.items()):
            return
        if time.monotonic() > deadline:
            raise OrderRefusedError(f"the archive is at {held} of {ends} after {ARCHIVED_SECONDS:.0f} s")
        await asyncio.sleep(0.25)
