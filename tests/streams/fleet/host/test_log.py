"""What an agent hears of the log, decided by the real decider."""

from __future__ import annotations

import asyncio
import secrets
import time
from pathlib import Path

import pytest

from schemas.envelope import Command
from schemas.fleet.commands import COMMANDS
from schemas.fleet.host_commands import JoinHost
from schemas.fleet.names import host_aggregate
from schemas.fleet.noun import FLEET_COMMANDS, FLEET_EVENTS
from schemas.log import LogUnavailable
from streams.asking import CommandBuilder
from streams.deciders.log_time import EXPIRED_MS
from streams.fleet.host.log import HostLog
from tests.streams.deciders.fleet.given import capacity
from tests.streams.fleet.host.fleet_log import FleetLog


async def test_what_came_too_late_was_not_answered(tmp_path: Path) -> None:
    """The clock of brokers may jump: a report, a join and an end that were in flight are to be told again."""
    log = FleetLog(tmp_path)
    await log.open()
    heard = HostLog(
        appender=log,
        follow=log.follow,
        commands=FLEET_COMMANDS.name,
        events=FLEET_EVENTS.name,
        partition=0,
        name="host",
        new_record_id=lambda: secrets.token_hex(8),
    )

    async def listen() -> None:
        async for _ in heard.decided(0):
            pass

    def join(at_ms: int) -> Command:
        builder = CommandBuilder(COMMANDS, clock_ms=lambda: at_ms, randomness=secrets.token_bytes)
        join = JoinHost(host_id="host", capacity=capacity(regions=["eu-west"], last_port=31_009))
        return builder.build(join, aggregate_id=host_aggregate("host"), studio_id="")

    now_ms = time.time_ns() // 1_000_000
    listening = asyncio.create_task(listen())
    try:
        assert (await heard.ask(join(now_ms), within_s=10)).events
        with pytest.raises(LogUnavailable, match="came too late"):
            await heard.ask(join(now_ms - 2 * EXPIRED_MS), within_s=10)
    finally:
        listening.cancel()
