"""`questlog bench ingest`: accept as fast as possible, hold a rate, single events, and the stores' ceilings.

Four measurements on one stack, one after the other. What was accepted at full speed may lie in the log for a
while; holding a rate begins when the projection has caught up, so that its delay is the rate's own.
"""

from __future__ import annotations

import asyncio
import sys
import time
from typing import TYPE_CHECKING, Any, Final

import msgspec

from deploy.lab.bench import ceilings
from deploy.lab.bench.calls import CallOrder
from deploy.lab.bench.load import Order, OrderRefusedError, Result, check, percentile
from deploy.lab.bench.markers import Markers, Target
from deploy.lab.bench.processes import cpu_seconds, difference, parts

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from deploy.lab.bench.relay import Relay
    from projections.clickhouse.client import ClickHouse

DRAIN_SECONDS: Final = 120.0
SINGLE_CONNECTIONS: Final = 32
CEILING_SECONDS: Final = 5.0


class Phase(msgspec.Struct, kw_only=True):
    """One load and what it cost. `cpu_us` is CPU for each event by process, until all was queryable."""

    name: str
    batch: int
    connections: int
    asked_rate: float
    seconds: float
    requests: int
    requests_a_second: float
    events: int
    events_a_second: float
    rows: dict[str, int]
    refused: dict[str, int]
    lost: int
    answer_p50_ms: float
    answer_p99_ms: float
    queryable_p50_ms: float | None
    queryable_p99_ms: float | None
    queryable_missing: int
    caught_up_seconds: float | None
    cpu_us: dict[str, float]
    cpu_us_total: float
    accept_cpu_us: float
    """CPU of the edge alone for each event, while the load ran."""
    load_cpu_us: float


class Report(msgspec.Struct, kw_only=True):
    """All of a run."""

    mix: str
    phases: list[Phase]
    ceilings: list[dict[str, Any]]


class Ingest:
    """One run of the measurements against the stack of a home."""

    def __init__(self, home: Path, relay: Relay, clickhouse: ClickHouse, tell: Callable[[str], None]) -> None:
        self._home = home
        self._relay = relay
        self._clickhouse = clickhouse
        self._tell = tell
        self._target = Target(
            base_url=relay.base_url,
            token=relay.token,
            studio_id=relay.studio_id,
            app_id=relay.game_id,
            clickhouse=clickhouse,
        )

    async def phase(self, name: str, order: Order) -> Phase:
        """Load as ordered, then wait until all of it can be queried."""
        self._tell(f"{name}: {order.seconds:g} s, batches of {order.batch}, {order.connections} connections…")
        markers = Markers(self._target)
        before = cpu_seconds(parts(self._home))
        begun = time.perf_counter()
        marking = asyncio.create_task(markers.run(order.seconds, DRAIN_SECONDS))
        try:
            result = await load(order)
            at_end = difference(before, cpu_seconds(parts(self._home)))
            self._tell(f"{name}: {result.events:,} events accepted, waiting until they can be queried…")
            await marking
        finally:
            marking.cancel()
        caught_up = await Markers(self._target).wait_for_one(DRAIN_SECONDS)
        used = difference(before, cpu_seconds(parts(self._home)))
        events = result.events or 1
        return Phase(
            name=name,
            batch=order.batch,
            connections=order.connections,
            asked_rate=order.rate,
            seconds=round(result.seconds, 3),
            requests=result.requests,
            requests_a_second=result.requests / order.seconds,
            events=result.events,
            events_a_second=result.events / order.seconds,
            rows=result.rows,
            refused=result.refused,
            lost=result.lost,
            answer_p50_ms=percentile(result.latencies_ms, 0.5),
            answer_p99_ms=percentile(result.latencies_ms, 0.99),
            queryable_p50_ms=percentile(markers.found_ms, 0.5) if markers.found_ms else None,
            queryable_p99_ms=percentile(markers.found_ms, 0.99) if markers.found_ms else None,
            queryable_missing=markers.missing,
            caught_up_seconds=None if caught_up is None else time.perf_counter() - begun - order.seconds,
            cpu_us={part: seconds / events * 1e6 for part, seconds in used.items()},
            cpu_us_total=sum(used.values()) / events * 1e6,
            accept_cpu_us=sum(s for part, s in at_end.items() if part.startswith("edge")) / events * 1e6,
            load_cpu_us=result.cpu_seconds / events * 1e6,
        )

    def order(self, *, seconds: float, batch: int, connections: int, rate: float = 0.0) -> Order:
        """An order of this relay's. Raises OrderRefusedError where it is out of bounds."""
        order = Order(
            url=self._relay.base_url,
            token=self._relay.token,
            app_id=self._relay.game_id,
            seconds=seconds,
            connections=connections,
            batch=batch,
            rate=rate,
            seed=time.time_ns(),
        )
        check(order)
        return order

    async def ceilings(self, begin: dict[int, int], batch_rows: dict[str, int]) -> list[ceilings.Ceiling]:
        """The stores' bare figures with what the load left in the log since `begin`."""
        pids = parts(self._home)
        self._tell("ceilings: bare append to Kafka, bare insert into ClickHouse…")
        end = await ceilings.end_offsets(self._relay.kafka, len(begin))
        found: list[ceilings.Ceiling] = []
        records = await ceilings.records_between(self._relay.kafka, begin, end)
        if records:
            found.append(
                await ceilings.bare_append(self._relay.kafka, records, CEILING_SECONDS, pids["kafka"])
            )
        found.append(
            await ceilings.bare_insert(
                self._clickhouse,
                self._relay.clickhouse_url,
                self._relay.game_id,
                batch=batch_rows,
                seconds=CEILING_SECONDS,
                clickhouse_pid=pids["clickhouse"],
            )
        )
        return found


async def load(order: Order | CallOrder, module: str = "deploy.lab.bench.load") -> Result:
    """Run a generator as a process of its own. Raises OrderRefusedError."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        output, _ = await process.communicate(msgspec.json.encode(order))
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise OrderRefusedError(f"the load generator ended with {process.returncode}")
    try:
        return msgspec.json.decode(output, type=Result)
    except msgspec.DecodeError as error:
        said = f"{len(output)} bytes, the last {output[-200:]!r}"
        raise OrderRefusedError(f"the load generator's result can't be read ({error}): {said}") from None
