"""Times from accepted to queryable: single marked events, looked for in ClickHouse by their session id.

The look-ups go by the sorting key and happen at most ten times a second, so their cost stays far below the
load's; what they cost is in the CPU of ClickHouse all the same, and their pause bounds the resolution.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import aiohttp

from deploy.lab.bench.mix import marker
from projections.clickhouse.errors import ClickHouseError

if TYPE_CHECKING:
    from projections.clickhouse.client import ClickHouse

MARK_SECONDS: Final = 0.1
LOOK_SECONDS: Final = 0.1
PENDING_MAX: Final = 400
"""Their ids stand in one parameter of a URL: 20 KB."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where marked events go, and where they come out."""

    base_url: str
    token: str
    studio_id: str
    app_id: str
    clickhouse: ClickHouse


class Markers:
    """Sends marked events while `run` goes on; `found_ms` and `refused` tell what became of them."""

    def __init__(self, target: Target, *, patient: bool = False) -> None:
        """`patient`: a ClickHouse that is away is asked again at the next look instead of raising."""
        self._target = target
        self._patient = patient
        self._pending: dict[str, float] = {}
        self.found_ms: list[float] = []
        self.refused = 0

    @property
    def missing(self) -> int:
        """How many markers were accepted and are not found by a query yet."""
        return len(self._pending)

    async def run(self, seconds: float, drain_seconds: float) -> None:
        """Mark for `seconds`, then look on until all are found, for at most `drain_seconds`."""
        end = time.perf_counter() + seconds
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20.0)) as session:
            marking = asyncio.create_task(self._mark(session, end))
            while time.perf_counter() < end or self._pending or not marking.done():
                if time.perf_counter() > end + drain_seconds:
                    break
                begun = time.perf_counter()
                await self._look()
                await asyncio.sleep(max(0.0, LOOK_SECONDS - (time.perf_counter() - begun)))
            marking.cancel()
            await asyncio.gather(marking, return_exceptions=True)
        self.found_ms.sort()

    async def wait_for_one(self, seconds: float) -> float | None:
        """Send one event and wait until it can be queried; the seconds that took, None if it did not come."""
        begun = time.perf_counter()
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20.0)) as session:
            while not self._pending and time.perf_counter() < begun + seconds:
                if not await self._send(session):
                    await asyncio.sleep(LOOK_SECONDS)
            while self._pending and time.perf_counter() < begun + seconds:
                await self._look()
                await asyncio.sleep(LOOK_SECONDS)
        return None if self._pending or not self.found_ms else self.found_ms[-1] / 1000

    async def _mark(self, session: aiohttp.ClientSession, end: float) -> None:
        while (begun := time.perf_counter()) < end:
            if len(self._pending) < PENDING_MAX:
                await self._send(session)
            await asyncio.sleep(max(0.0, MARK_SECONDS - (time.perf_counter() - begun)))

    async def _send(self, session: aiohttp.ClientSession) -> bool:
        target = self._target
        session_id = f"marker-{uuid.uuid4()}"
        body = marker(target.app_id, session_id, int(time.time() * 1000))
        headers = {"x-public-token": target.token, "content-type": "application/msgpack"}
        try:
            async with session.post(f"{target.base_url}/api/events", data=body, headers=headers) as response:
                await response.read()
                accepted = response.status == 200
        except (aiohttp.ClientError, OSError):
            accepted = False
        if accepted:
            self._pending[session_id] = time.perf_counter()
        else:
            self.refused += 1
        return accepted

    async def _look(self) -> None:
        if not self._pending:
            return
        try:
            found = await self._found()
        except ClickHouseError:
            if not self._patient:
                raise
            return
        now = time.perf_counter()
        for (session_id,) in found:
            sent = self._pending.pop(session_id, None)
            if sent is not None:
                self.found_ms.append((now - sent) * 1000)

    async def _found(self) -> list[list[str]]:
        mine = "studio_id = {studio:String} AND game_id = {game:String}"
        # The ids are this bench's own. As rows beside the query they would cost the engine a table each time.
        pending = "[" + ", ".join(f"'{session_id}'" for session_id in self._pending) + "]"
        return await self._target.clickhouse.rows(
            f"SELECT DISTINCT session_id FROM events WHERE {mine}"  # noqa: S608 - placeholders only
            " AND session_id IN {pending:Array(String)}",
            {"studio": self._target.studio_id, "game": self._target.app_id, "pending": pending},
        )
