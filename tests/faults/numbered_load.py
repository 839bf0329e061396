"""Loads a stack with numbered events during a fault, and asserts afterwards that each is there once."""

from __future__ import annotations

import asyncio
import time
import uuid
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import aiohttp

from deploy.lab.bench.markers import Markers, Target
from deploy.lab.bench.mix import marker
from deploy.lab.drill.checks import found_rows, judge_attempts, judge_rollups
from deploy.lab.drill.numbered_events import requests
from deploy.lab.drill.sending import Sender
from projections.clickhouse.client import ClickHouse

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from deploy.lab.drill.numbered_events import Attempt
    from deploy.lab.drill.stack import OwnStack

LANES = 4
BATCH = 20
EVENTS_MAX = 100_000
POLL_SECONDS = 0.05


async def poll(holds: Callable[[], bool], seconds: float) -> None:
    """Return once it holds. Raises TimeoutError."""
    deadline = time.monotonic() + seconds
    for _ in range(int(seconds / POLL_SECONDS) + 1):
        if holds():
            return
        await asyncio.sleep(POLL_SECONDS)
        if time.monotonic() > deadline:
            break
    raise TimeoutError(f"not within {seconds:.0f} s")


class Load:
    """Numbered requests on their way. Change `sender.rate` at any time; leave by `finish`."""

    def __init__(self, stack: OwnStack, base_url: str | None = None) -> None:
        demo = stack.demo
        self.run = uuid.uuid4().hex[:8]
        self.game_id = next(game["id"] for game in demo["games"] if game["slug"] == "relay")
        self.base_url = base_url or demo["base_url"]
        self.keys = demo["keys"]
        self.clickhouse = ClickHouse(demo["clickhouse_url"], "questlog", retry_seconds=0.5)
        self.target = Target(
            base_url=demo["base_url"],
            token=self.keys["relay_public_token"],
            studio_id=demo["studio"]["id"],
            app_id=self.game_id,
            clickhouse=self.clickhouse,
        )
        self.sender = Sender(
            base_url=self.base_url,
            game_id=self.game_id,
            public_token=self.keys["relay_public_token"],
            ingest_key=self.keys["pl_ik"],
            lanes=LANES,
            rate=400.0,
        )

    @property
    def attempts(self) -> list[Attempt]:
        return self.sender.attempts

    async def wait_for_attempts(self, more: int, seconds: float = 60.0) -> None:
        """Return once so many more attempts have been begun."""
        until = len(self.attempts) + more
        await poll(lambda: len(self.attempts) >= until, seconds)

    async def wait_queryable(self, seconds: float = 180.0) -> float:
        """Seconds until a new event was accepted and queryable."""
        took = await Markers(self.target, patient=True).wait_for_one(seconds)
        assert took is not None, "no event became queryable"
        return took

    async def post_one(self) -> tuple[int, str | None, float]:
        """Post one event; status, Retry-After and seconds."""
        begun = time.monotonic()
        body = marker(self.game_id, f"one-{uuid.uuid4()}", int(time.time() * 1000))
        headers = {"x-public-token": self.keys["relay_public_token"], "content-type": "application/msgpack"}
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=40.0)) as session,
            session.post(f"{self.base_url}/api/events", data=body, headers=headers) as response,
        ):
            await response.read()
            return response.status, response.headers.get("Retry-After"), time.monotonic() - begun

    async def post_until_not(self, status: int, within: float) -> tuple[int, str | None, float]:
        """Post single events until one is answered differently (credentials are cached for a second)."""
        deadline = time.monotonic() + within
        answer = await self.post_one()
        for _ in range(int(within / POLL_SECONDS)):
            if answer[0] != status or time.monotonic() > deadline:
                break
            await asyncio.sleep(POLL_SECONDS)
            answer = await self.post_one()
        return answer


@asynccontextmanager
async def loaded(stack: OwnStack, *, base_url: str | None = None) -> AsyncIterator[Load]:
    """Load in the background; when the block ends a little more is sent and every event is looked for."""
    load = Load(stack, base_url)
    made = requests(load.run, EVENTS_MAX, BATCH, LANES)
    sending = asyncio.create_task(load.sender.send(made, seconds=300))
    try:
        await load.wait_for_attempts(3)
        yield load
        await load.wait_for_attempts(LANES)
        load.sender.enough = True
        assert await sending == []
        await load.wait_queryable()
        verdicts = judge_attempts(load.attempts, await found_rows(load.clickhouse, load.run))
        verdicts += await judge_rollups(load.clickhouse, load.game_id)
        assert [verdict for verdict in verdicts if not verdict.holds] == []
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        await load.clickhouse.close()
