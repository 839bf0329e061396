"""Sends numbered requests until each is accepted, and remembers what became of every attempt."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import TYPE_CHECKING, Final

import aiohttp

from deploy.lab.drill.numbered_events import Attempt, Fate, Request, Surface, body

if TYPE_CHECKING:
    from collections.abc import Sequence

    from deploy.lab.drill.load_shares import Shares

ANSWER_SECONDS: Final = 20.0
PAUSE_SECONDS: Final = 0.3
_PATHS: Final = {Surface.S4: "/api/events", Surface.S1: "/api/telemetry"}


class Sender:
    """A few lanes, each with one request at a time. `attempts` grows by one for each sending."""

    def __init__(
        self, *, base_url: str, game_id: str, public_token: str, ingest_key: str, lanes: int, rate: float
    ) -> None:
        self._base_url = base_url
        self._game_id = game_id
        self._headers = {
            Surface.S4: {"x-public-token": public_token, "content-type": "application/msgpack"},
            Surface.S1: {"authorization": f"Bearer {ingest_key}", "content-type": "application/json"},
        }
        self._lanes = lanes
        self.rate = rate
        """Events a second over all lanes; 0 for as fast as answers come. May be changed at any time."""
        self.shares: Shares | None = None
        """What may be sent by now; None: all."""
        self.enough = False
        """Set: requests that were not begun yet are not sent any more."""
        self._due = 0.0
        self.attempts: list[Attempt] = []
        self.accepted_events = 0
        self.answers: dict[str, int] = {}

    async def send(self, requests: Sequence[Request], *, seconds: float) -> list[Request]:
        """Send all, each again after a 429, 503 or no answer; those that were not accepted within `seconds`.

        A lane's requests are sent in order. What is answered with another status is not sent again.
        """
        deadline = time.monotonic() + seconds
        queue = deque(requests)
        left: list[Request] = []
        async with aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=ANSWER_SECONDS, sock_connect=3.0),
            connector=aiohttp.TCPConnector(limit=self._lanes),
        ) as session:

            async def lane() -> None:
                while queue and not self.enough:
                    request = queue.popleft()
                    if self.shares is not None:
                        await self.shares.take(request.count)
                    await self._pace(request.count)
                    if not await self._until_accepted(session, request, deadline):
                        left.append(request)

            await asyncio.gather(*(lane() for _ in range(self._lanes)))
        return left

    async def _pace(self, events: int) -> None:
        if self.rate:
            now = time.monotonic()
            self._due = max(self._due, now - 1.0) + events / self.rate
            await asyncio.sleep(max(0.0, self._due - now))

    async def _until_accepted(
        self, session: aiohttp.ClientSession, request: Request, deadline: float
    ) -> bool:
        while time.monotonic() < deadline:
            attempt = Attempt(len(self.attempts), request, Fate.UNKNOWN)
            self.attempts.append(attempt)
            attempt.fate, pause = await self._try(session, attempt)
            if attempt.fate is Fate.ACCEPTED:
                self.accepted_events += request.count
                return True
            if pause is None:
                return False
            await asyncio.sleep(pause)
        return False

    async def _try(self, session: aiohttp.ClientSession, attempt: Attempt) -> tuple[Fate, float | None]:
        """The attempt's fate, and how long to wait before the next; None when there is to be none."""
        request = attempt.request
        data = body(request, attempt.number, self._game_id, int(time.time() * 1000))
        url = self._base_url + _PATHS[request.surface]
        try:
            async with session.post(url, data=data, headers=self._headers[request.surface]) as response:
                await response.read()
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            self._count(f"no answer: {type(error).__name__}")
            return Fate.UNKNOWN, PAUSE_SECONDS
        self._count(str(response.status))
        if response.status in (200, 202):
            return Fate.ACCEPTED, 0.0
        if response.status in (429, 503):
            wait = _seconds(response.headers.get("Retry-After"))
            return (Fate.UNKNOWN if response.status == 503 else Fate.REFUSED), wait
        return Fate.REFUSED, None

    def _count(self, answer: str) -> None:
        self.answers[answer] = self.answers.get(answer, 0) + 1


def _seconds(header: str | None) -> float:
    """`Retry-After` as seconds, at least a short pause and at most two seconds: a drill measures recovery."""
    try:
        return min(max(float(header or 0.0), PAUSE_SECONDS), 2.0)
    except ValueError:
        return PAUSE_SECONDS
