"""The connections to one ClickHouse, by aiohttp. Answers come as they are: `transport` judges them.

Imported with the first statement, by an edge as it starts: aiohttp takes 0.1 s of CPU to import, and of the
processes and commands that know a ClickHouse many never ask it.
"""

from __future__ import annotations

import io
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import aiohttp

from projections.clickhouse.errors import NoAnswer
from schemas.tls import system_tls

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

_CONNECT_SECONDS: Final = 2.0
_FAILURES: Final = (aiohttp.ClientError, TimeoutError, OSError)


class HttpSession:
    """Posts to one address. Make it in a running event loop; safe to share by its tasks."""

    def __init__(self, url: str, headers: Mapping[str, str], *, connections: int) -> None:
        self._url = url
        self._headers = headers
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=connections,
                keepalive_timeout=10.0,
                ssl=system_tls() if url.startswith("https:") else True,
            )
        )

    async def ask(
        self, parameters: Mapping[str, str], body: bytes | Sequence[tuple[str, str | bytes]], seconds: float
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Status, headers and the whole body of an answer. Raises NoAnswer.

        `body` is sent as it is, or as a form's fields, of which bytes are files. `seconds` is for all.
        """
        try:
            async with self._session.post(
                self._url,
                params=parameters,
                data=io.BytesIO(body) if isinstance(body, bytes) else _form(body),
                headers=self._headers,
                timeout=aiohttp.ClientTimeout(total=seconds, sock_connect=_CONNECT_SECONDS),
            ) as response:
                return response.status, response.headers, await response.read()
        except _FAILURES as error:
            raise NoAnswer(f"no answer from {self._url}: {error!r}") from error

    @asynccontextmanager
    async def asked(
        self, parameters: Mapping[str, str], body: bytes, seconds: float
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """An answer whose body is read in the block. `seconds` is for each wait. Raises NoAnswer."""
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS, sock_read=seconds)
        try:
            async with self._session.post(
                self._url, params=parameters, data=body, headers=self._headers, timeout=timeout
            ) as response:
                yield response
        except _FAILURES as error:
            raise NoAnswer(f"no answer from {self._url}: {error!r}") from error

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()


def _form(fields: Sequence[tuple[str, str | bytes]]) -> aiohttp.FormData:
    form = aiohttp.FormData(default_to_multipart=True)
    for name, content in fields:
        if isinstance(content, str):
            form.add_field(name, content)
        else:
            form.add_field(name, content, filename=name, content_type="application/octet-stream")
    return form
