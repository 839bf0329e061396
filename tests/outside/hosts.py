"""A host of game servers whose processes are made up: it joins and reports as an agent does, by the log."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final

import msgspec

from deploy.command_clients import open_commands
from projections.redis.client import connect
from projections.redis.stores import NounStores
from schemas.codec import Message
from schemas.envelope import Outcome
from schemas.fleet.answers import HostAnswer
from schemas.fleet.commands import COMMANDS
from schemas.fleet.host_commands import BuildReport, DrainHost, JoinHost, Report, ReportHost
from schemas.fleet.host_views import HostCapacity
from schemas.fleet.names import host_aggregate
from schemas.fleet.noun import FLEET_COMMANDS, FLEET_TELEMETRY
from schemas.fleet.telemetry import FleetRecord, encode_fleet_record
from schemas.fleet.views import Artefact
from streams.asking import Asker
from streams.runtime.producer import KafkaAppender

ARTEFACT = Artefact(sha256="ab" * 32, size_bytes=1000, unpacked_bytes=4000, files=3, executable_path="server")


BEAT_S: Final = 4.0


class SimulatedHost:
    """One machine. Each report is in the log, and decided, when its method returns."""

    def __init__(self, host_id: str, asker: Asker, appender: KafkaAppender, region: str) -> None:
        self.id = host_id
        self.region = region
        self.epoch = 0
        self._asker = asker
        self._appender = appender
        self._telling = asyncio.Lock()
        """A report under an old epoch, behind the join of a new one, would be refused."""

    async def join(self, **fields: Any) -> None:
        """Serve the host under a new epoch, with room for some small servers."""
        capacity = HostCapacity(
            **{
                "regions": [self.region],
                "cpu_millis": 8000,
                "memory_mb": 16 * 1024,
                "first_port": 31_000,
                "last_port": 31_999,
                "address": "192.0.2.7",
                "isolation": "container",
                **fields,
            }
        )
        async with self._telling:
            outcome = await self._ask(JoinHost(host_id=self.id, capacity=capacity))
            self.epoch = msgspec.msgpack.decode(outcome.body, type=HostAnswer).epoch

    async def report(self, *reports: Report, builds: Sequence[BuildReport] = ()) -> None:
        """Tell what was seen; nothing is that the host lives."""
        async with self._telling:
            await self._ask(
                ReportHost(host_id=self.id, epoch=self.epoch, reports=[*reports], build_reports=[*builds])
            )

    async def beat(self) -> None:
        """Report again and again that it lives: else it gets no servers, and is lost after a while."""
        while True:
            await asyncio.sleep(BEAT_S)
            await self.report()

    async def drain(self) -> None:
        """Get no new servers."""
        await self._ask(DrainHost(host_id=self.id, epoch=self.epoch))

    async def ready(self, instance_id: str, attempt: int = 1) -> None:
        """A server's process runs, and players can connect."""
        await self.report(
            Report(instance_id=instance_id, attempt=attempt, kind="started", isolation="container"),
            Report(instance_id=instance_id, attempt=attempt, kind="ready"),
        )

    async def exited(self, instance_id: str, attempt: int = 1, **fields: Any) -> None:
        """A server's process has ended."""
        await self.report(Report(instance_id=instance_id, attempt=attempt, kind="exited", **fields))

    async def built(self, build_id: str, attempt: int = 1) -> None:
        """A build's processing has succeeded."""
        await self.report(builds=[BuildReport(build_id=build_id, attempt=attempt, artefact=ARTEFACT)])

    async def told(self, **fields: Any) -> None:
        """Append a record of lines and samples."""
        record = FleetRecord(version=1, host_id=self.id, epoch=self.epoch, **fields)
        await self._appender.append(FLEET_TELEMETRY.name, 0, encode_fleet_record(record), self.id.encode())

    async def _ask(self, command: Message) -> Outcome:
        return await self._asker.ask(command, aggregate_id=host_aggregate(self.id), studio_id="", game_id="")


@asynccontextmanager
async def simulated_host(demo: dict[str, Any], region: str) -> AsyncIterator[SimulatedHost]:
    """A host of a region that no other test uses, joined; it lives on where its tests await something."""
    async with AsyncExitStack() as stack:
        appender = KafkaAppender(demo["kafka"], client_id="test-host")
        stack.push_async_callback(appender.stop)
        redis = connect(demo["redis_url"])
        stack.push_async_callback(redis.aclose)
        commands = await open_commands(
            stack, FLEET_COMMANDS, NounStores("fleet", [redis]), appender=appender, client="test-host"
        )
        asker = Asker(
            commands,
            COMMANDS,
            clock_ms=lambda: time.time_ns() // 1_000_000,
            randomness=secrets.token_bytes,
        )
        host = SimulatedHost(f"host-{secrets.token_hex(4)}", asker, appender, region)
        await host.join()
        beating = asyncio.create_task(host.beat())
        try:
            yield host
        finally:
            beating.cancel()
            await asyncio.gather(beating, return_exceptions=True)
        await host.drain()
