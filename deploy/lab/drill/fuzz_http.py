"""The fuzz drill's HTTP: raw paths and bodies, and a note of every answer."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import aiohttp
import yarl

if TYPE_CHECKING:
    from collections.abc import Mapping

ANSWER_SECONDS: Final = 30.0
LIMITED_MAX: Final = 20
LONGEST_PAUSE_SECONDS: Final = 30.0


class Client:
    """Asks over a few connections. `notes` holds (surface, status, allowed, what was asked) of each."""

    def __init__(self, base_url: str, *, connections: int) -> None:
        self._base_url = base_url
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=ANSWER_SECONDS),
            connector=aiohttp.TCPConnector(limit=connections),
        )
        self.notes: list[tuple[str, int, bool, str]] = []

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()

    def note(self, surface: str, status: int, *, allowed: bool, said: str) -> None:
        """Remember an answer."""
        self.notes.append((surface, status, allowed, said[:100] + said[100:][-200:]))

    async def put(self, url: str, body: bytes) -> tuple[int, bytes]:
        """Status and body of an upload to an address that was given; 0 where there was no answer."""
        try:
            async with self._session.put(yarl.URL(url, encoded=True), data=body) as response:
                return response.status, await response.read()
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            return 0, repr(error).encode()

    async def ask(
        self, method: str, path: str, *, headers: Mapping[str, str], body: bytes | None = None
    ) -> tuple[int, bytes]:
        """Status and body; 0 where there was no answer. After a 429 it is asked again when that says so."""
        url = yarl.URL(self._base_url + path, encoded=True)
        for _ in range(LIMITED_MAX):
            try:
                async with self._session.request(method, url, data=body, headers=headers) as response:
                    text = await response.read()
            except (aiohttp.ClientError, OSError, TimeoutError) as error:
                return 0, repr(error).encode()
            if response.status != 429:
                return response.status, text
            pause = float(response.headers.get("Retry-After", "1"))
            await asyncio.sleep(min(pause, LONGEST_PAUSE_SECONDS))
        return 429, b""
