"""A host for the fuzz drill whose processes are made up: it joins and reports as an agent does."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Final

import msgspec

from deploy.brokers import brokers_of
from deploy.clock import now_ms
from deploy.command_clients import open_commands
from deploy.nouns import topic_of
from deploy.redis_server import open_redis
from projections.redis.stores import NounStores
from schemas.fleet.answers import HostAnswer
from schemas.fleet.commands import COMMANDS
from schemas.fleet.host_commands import BuildReport, DrainHost, JoinHost, Report, ReportHost
from schemas.fleet.host_views import HostCapacity
from schemas.fleet.names import host_aggregate
from schemas.fleet.noun import FLEET_COMMANDS
from schemas.fleet.views import Artefact
from streams.asking import Asker, CommandRefused
from streams.runtime.producer import KafkaAppender

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from deploy.settings import Settings
    from schemas.codec import Message
    from schemas.envelope import Outcome
    from schemas.fleet.sizes import Region

REGION: Final[Region] = "sea"
BEAT_SECONDS: Final = 4.0
ARTEFACT: Final = Artefact(
    sha256="ab" * 32, size_bytes=1000, unpacked_bytes=4000, files=3, executable_path="server"
)


class MadeUpHost:
    """Each report is decided when its method returns."""

    def __init__(self, asker: Asker) -> None:
        self._id = f"fuzz-{secrets.token_hex(4)}"
        self._asker = asker
        self._epoch = 0

    async def join(self) -> None:
        """With room for all that the drill starts."""
        capacity = HostCapacity(
            regions=[REGION],
            cpu_millis=1_000_000,
            memory_mb=1_000_000,
            first_port=31_000,
            last_port=31_999,
            address="192.0.2.7",
            isolation="container",
        )
        outcome = await self._ask(JoinHost(host_id=self._id, capacity=capacity))
        self._epoch = msgspec.msgpack.decode(outcome.body, type=HostAnswer).epoch

    async def built(self, build_id: str) -> None:
        """A build is ready."""
        await self._tell(builds=[BuildReport(build_id=build_id, attempt=1, artefact=ARTEFACT)])

    async def exited(self, instance_id: str) -> None:
        """A server's process has ended."""
        await self._tell(Report(instance_id=instance_id, attempt=1, kind="exited", exit_code=0))

    async def beat(self) -> None:
        """Say again and again that it lives: else it is lost after a while."""
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            await self._tell()

    async def drain(self) -> None:
        """Get no new servers."""
        await self._ask(DrainHost(host_id=self._id, epoch=self._epoch))

    async def _tell(self, *reports: Report, builds: Sequence[BuildReport] = ()) -> None:
        told = ReportHost(host_id=self._id, epoch=self._epoch, reports=[*reports], build_reports=[*builds])
        await self._ask(told)

    async def _ask(self, command: Message) -> Outcome:
        aggregate_id = host_aggregate(self._id)
        return await self._asker.ask(command, aggregate_id=aggregate_id, studio_id="", game_id="")


@asynccontextmanager
async def made_up_host(configured: Settings) -> AsyncIterator[MadeUpHost]:
    """One that has joined and lives until the block ends. Raises CommandRefused, CommandUnavailable."""
    async with AsyncExitStack() as stack:
        redis = open_redis(configured)
        stack.push_async_callback(redis.aclose)
        appender = KafkaAppender(brokers_of(configured), client_id="questlog-fuzz")
        stack.push_async_callback(appender.stop)
        commands = await open_commands(
            stack,
            topic_of(configured, FLEET_COMMANDS),
            NounStores("fleet", [redis]),
            appender=appender,
            client="fuzz",
        )
        host = MadeUpHost(Asker(commands, COMMANDS, clock_ms=now_ms, randomness=secrets.token_bytes))
        await host.join()
        beating = asyncio.create_task(host.beat())
        try:
            yield host
        finally:
            beating.cancel()
            await asyncio.gather(beating, return_exceptions=True)
        with contextlib.suppress(CommandRefused):  # where this machine was too slow for it, it is lost by now
            await host.drain()
