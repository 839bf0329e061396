"""What the fuzz drill does beside its telemetry: players, orders, game servers and agents, each in lanes."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from deploy.cli import running_stack
from deploy.lab.drill.checks import Verdict
from deploy.lab.drill.fuzz_comparison import some
from deploy.lab.drill.fuzz_fleet import FleetFuzz
from deploy.lab.drill.fuzz_fleet_host import made_up_host
from deploy.lab.drill.fuzz_liveops import LiveopsFuzz
from deploy.lab.drill.fuzz_mcp import McpFuzz
from deploy.lab.drill.fuzz_playtests import PlaytestsFuzz

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from deploy.lab.drill.fuzz_cases import Maker
    from deploy.lab.drill.fuzz_http import Client
    from deploy.lab.drill.stack import OwnStack

PLAYING: Final = 3
"""Live-ops players at a time."""
REFUSED_EACH: Final = 5
"""Calls that are refused, for each player, order and server."""
PROFILES: Final = 0.3
"""Share of the orders, and of the servers, beside which a profile, and settings and builds, change."""
AGENT_PAUSE_SECONDS: Final = 0.2
"""Reads back and Discord share the key's limit."""


class BesideFuzz:
    """The surfaces whose answers are compared at once."""

    def __init__(
        self, liveops: LiveopsFuzz, playtests: PlaytestsFuzz, fleet: FleetFuzz, agent: McpFuzz
    ) -> None:
        self.liveops = liveops
        self.playtests = playtests
        self.fleet = fleet
        self.agent = agent

    def lanes(self) -> list[Callable[[], Awaitable[None]]]:
        """Each is called again and again, beside the others."""
        return [*[self._play] * PLAYING, self._order, self._serve, self._call]

    def verdicts(self) -> list[Verdict]:
        """Whether all was as it was sent."""
        players, met = self.liveops.players, self.liveops.met_before
        told = (
            ("live-ops", self.liveops, f"{players:,} players, {met:,} that were registered already"),
            ("playtests", self.playtests, f"{self.playtests.orders:,} orders"),
            ("game servers", self.fleet, f"{len(self.fleet.servers):,} servers"),
            ("agents", self.agent, f"{self.agent.compared:,} sessions compared"),
        )
        return [
            Verdict(f"{name}: all as answered", not one.wrong, some(one.wrong) or figures)
            for name, one, figures in told
        ]

    async def _play(self) -> None:
        await self.liveops.play()
        for _ in range(REFUSED_EACH):
            await self.liveops.refuse()

    async def _order(self) -> None:
        await self.playtests.order()
        if self.playtests.dice.random() < PROFILES:
            await self.playtests.profile()
        for _ in range(REFUSED_EACH):
            await self.playtests.refuse()

    async def _serve(self) -> None:
        await self.fleet.serve()
        if self.fleet.dice.random() < PROFILES:
            await self.fleet.settings()
            await self.fleet.build()
        for _ in range(REFUSED_EACH):
            await self.fleet.refuse()

    async def _call(self) -> None:
        await self.agent.call_anything()
        await asyncio.sleep(AGENT_PAUSE_SECONDS)


@asynccontextmanager
async def open_beside(
    stack: OwnStack, client: Client, maker: Callable[[], Maker], run: str
) -> AsyncIterator[BesideFuzz]:
    """With a studio of its own for orders, and a host for servers until the block ends."""
    configured, keys = running_stack.of_home(stack.home), stack.demo["keys"]
    async with made_up_host(configured) as host:
        fleet = FleetFuzz(client, maker(), run, keys["pf"], host)
        await fleet.open()
        yield BesideFuzz(
            LiveopsFuzz(client, maker(), keys["relay_lo_live"], keys["relay_lo_srv"], run),
            await PlaytestsFuzz.open(client, maker(), run, configured),
            fleet,
            McpFuzz(client, maker(), run, keys["pl_mgmt"]),
        )
