"""HTTP for a drill's clients: every attempt is counted, and asked again until its outcome is known."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, NamedTuple

import aiohttp

if TYPE_CHECKING:
    from collections.abc import Mapping

ANSWER_SECONDS: Final = 12.0
PAUSE_SECONDS: Final = 0.2
WAIT_SECONDS_MAX: Final = 2.0
JSON: Final = {"content-type": "application/json"}
UNKNOWN: Final = frozenset({0, 429, 503})
"""Answers after which the same is asked again with the same key; 0 is none."""


class Attempt(NamedTuple):
    """What came back of one request; its status is 0 where no answer did."""

    status: int
    text: bytes
    wait_seconds: float
    """Before it is asked again."""


class CountedCalls:
    """Calls a stack over a few connections."""

    def __init__(self, base_url: str, *, connections: int) -> None:
        self.answers: dict[str, int] = {}
        """Attempts by their statuses."""
        self.unsure = 0
        """Attempts at a write of unknown outcome: no answer, or 503."""
        self._session = aiohttp.ClientSession(
            base_url,
            timeout=aiohttp.ClientTimeout(total=ANSWER_SECONDS, sock_connect=3.0),
            connector=aiohttp.TCPConnector(limit=connections),
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()

    async def attempt(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes | None = None
    ) -> Attempt:
        """Ask once."""
        try:
            async with self._session.request(method, url, headers=headers, data=body) as response:
                text = await response.read()
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            self._count(f"no answer: {type(error).__name__}")
            return Attempt(0, repr(error).encode(), PAUSE_SECONDS)
        self._count(str(response.status))
        wait = float(response.headers.get("retry-after", "0")) if response.status == 429 else 0.0
        return Attempt(response.status, text, min(max(wait, PAUSE_SECONDS), WAIT_SECONDS_MAX))

    async def until_known(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, bytes]:
        """Status and body of a write, asked until they are definite."""
        while True:
            status, text, wait_seconds = await self.attempt(method, url, headers=headers, body=body)
            if status not in UNKNOWN:
                return status, text
            self.unsure += status != 429
            await asyncio.sleep(wait_seconds)

    def _count(self, answer: str) -> None:
        self.answers[answer] = self.answers.get(answer, 0) + 1
