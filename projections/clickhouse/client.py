"""A small ClickHouse HTTP client for writers: raw bytes in, one part out, the same bytes again in doubt.

Reads made for HTTP answers go through `projections/telemetry/queries/client.py`; this one serves the
projector, the migrations and the rebuild. Settings of an insert: the design's "Exactly once into ClickHouse".
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import re
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

import aiohttp
import msgspec

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

ONE_INSERT_IS_ONE_PART: Final = {
    "min_insert_block_size_rows": "20000000",
    "min_insert_block_size_bytes": "0",
    "max_insert_threads": "1",
    "async_insert": "0",
    "insert_deduplicate": "1",
}
"""Without these a failed insert of millions of rows leaves a hole below the highest offset."""

_TRANSIENT_CODES: Final = frozenset(
    {
        159,  # TIMEOUT_EXCEEDED
        202,  # TOO_MANY_SIMULTANEOUS_QUERIES
        209,  # SOCKET_TIMEOUT
        210,  # NETWORK_ERROR
        236,  # ABORTED: the server is stopping
        243,  # NOT_ENOUGH_SPACE: the same bytes may find room later
        241,  # MEMORY_LIMIT_EXCEEDED
        252,  # TOO_MANY_PARTS: merges are behind
        319,  # UNKNOWN_STATUS_OF_INSERT
        394,  # QUERY_WAS_CANCELLED
        425,  # SYSTEM_ERROR
        999,  # KEEPER_EXCEPTION
    }
)
_FIRST_PAUSE_S: Final = 0.1
_LONGEST_PAUSE_S: Final = 2.0
_TRIES_OF_ONE: Final = 5
_UNIX_FROM_MS: Final = 946_684_800_000
"""From 2000 on, seconds with a fraction are read alike under every setting, and cost a fifth."""
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_ESCAPES: Final = str.maketrans({"\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r", "\0": "\\0"})


class ClickHouseError(Exception):
    """Anything that kept a statement from succeeding."""


class ClickHouseAway(ClickHouseError):
    """No answer, or one that says "later", until the time for retries was used up. The effect is unknown."""


class ClickHouseRefused(ClickHouseError):
    """ClickHouse rejected the statement itself; asking again gives the same. `code` is its error code."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class ClickHouse:
    """Statements and inserts on one database, retried while their result is unknown.

    A retry sends the same bytes with the same token, so an insert that did happen is dropped by the server.
    `command` and `rows` are retried too: callers give only statements that may happen twice.
    Nothing connects before the first statement; `close` may be called twice.
    """

    def __init__(
        self,
        url: str,
        database: str,
        *,
        answer_seconds: float = 60.0,
        retry_seconds: float = 20.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`url` is http(s)://[user:password@]host:port; `retry_seconds` bounds all tries of one statement."""
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
        self._url = f"{parts.scheme}://{parts.hostname}{port}/"
        self._headers = (
            {"X-ClickHouse-User": unquote(parts.username), "X-ClickHouse-Key": unquote(parts.password or "")}
            if parts.username
            else {}
        )
        self.database = identifier(database)
        self._answer_seconds = answer_seconds
        self._retry_seconds = retry_seconds
        self._clock = clock
        self._sleep = sleep
        self._session: aiohttp.ClientSession | None = None

    async def insert(self, table: str, columns: Sequence[str], body: bytes, *, form: str, token: str) -> None:
        """Insert `body`, which is in format `form`, as one part under `token`. Called twice: one effect.

        Raises ClickHouseAway (unknown result) or ClickHouseRefused.
        """
        names = ", ".join(identifier(column) for column in columns)
        query = f"INSERT INTO {self.database}.{identifier(table)} ({names}) FORMAT {identifier(form)}"
        settings = ONE_INSERT_IS_ONE_PART | {"insert_deduplication_token": token}
        await self._ask({"query": query, **settings}, body)

    async def command(
        self, sql: str, parameters: dict[str, str | int] | None = None, *, in_database: bool = True
    ) -> None:
        """Run a statement that may happen twice. `in_database=False`: the database need not exist."""
        await self._ask(self._parameters(sql, parameters, in_database=in_database), b"")

    async def command_once(self, sql: str, *, done: Callable[[], Awaitable[bool]]) -> None:
        """Run a statement that must not happen twice: `done` says whether it has, when its result is unknown.

        Raises ClickHouseAway where that can't be learned in time either.
        """
        for _ in range(_TRIES_OF_ONE):
            if await done():
                return
            with contextlib.suppress(ClickHouseAway):
                await self._try(self._parameters(sql, None, in_database=False), b"")
                return
            await self._sleep(_FIRST_PAUSE_S)
        raise ClickHouseAway(f"no result of: {sql}")

    async def rows(self, sql: str, parameters: dict[str, str | int] | None = None) -> list[list[Any]]:
        """A SELECT's rows; 64-bit integers are ints, larger ones are text. `sql` carries no FORMAT."""
        body = await self._ask(
            {
                **self._parameters(f"{sql} FORMAT JSONCompactEachRow", parameters, in_database=True),
                "output_format_json_quote_64bit_integers": "0",
            },
            b"",
        )
        return [msgspec.json.decode(line) for line in body.splitlines() if line]

    async def raw(self, sql: str, parameters: dict[str, str | int] | None = None) -> bytes:
        """A SELECT's answer in the FORMAT that `sql` names."""
        return await self._ask(self._parameters(sql, parameters, in_database=True), b"")

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _parameters(
        self, sql: str, parameters: dict[str, str | int] | None, *, in_database: bool
    ) -> dict[str, str]:
        bound = {
            f"param_{name}": value.translate(_ESCAPES) if isinstance(value, str) else str(value)
            for name, value in (parameters or {}).items()
        }
        return {"query": sql, **({"database": self.database} if in_database else {}), **bound}

    async def _ask(self, parameters: dict[str, str], body: bytes) -> bytes:
        deadline = self._clock() + self._retry_seconds
        pause = _FIRST_PAUSE_S
        while True:
            try:
                return await self._try(parameters, body)
            except ClickHouseAway:
                if self._clock() + pause > deadline:
                    raise
            await self._sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_S)

    async def _try(self, parameters: dict[str, str], body: bytes) -> bytes:
        # Long statements travel in the body: a URL has a limit of its own.
        if body:
            url_parameters, data = parameters, body
        else:
            url_parameters = {name: value for name, value in parameters.items() if name != "query"}
            data = parameters["query"].encode()
        try:
            async with self._open().post(
                self._url, params=url_parameters, data=io.BytesIO(data), headers=self._headers
            ) as response:
                answer = await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise ClickHouseAway(f"no answer from {self._url}: {error!r}") from error
        if response.status == 200 and b"DB::Exception" not in answer[-2048:]:
            return answer
        text = answer[-2000:].decode(errors="replace")
        code = _code(response.headers.get("X-ClickHouse-Exception-Code"), text)
        if code is None or code in _TRANSIENT_CODES:
            raise ClickHouseAway(f"status {response.status}: {text[:500]}")
        raise ClickHouseRefused(code, text[:2000])

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=self._answer_seconds, sock_connect=2.0),
                connector=aiohttp.TCPConnector(limit=8, keepalive_timeout=10.0),
            )
        return self._session


def identifier(name: str) -> str:
    """`name` itself where it is a plain SQL identifier. Raises ValueError otherwise."""
    if not _NAME.match(name):
        raise ValueError(f"{name!r} is no plain identifier")
    return name


def time_text(at_ms: int) -> str:
    """A DateTime64(3, 'UTC') in a text format. A bare number means other things under other settings."""
    if at_ms >= _UNIX_FROM_MS:
        return f"{at_ms // 1000}.{at_ms % 1000:03d}"
    moment = datetime.fromtimestamp(at_ms // 1000, UTC)
    return f"{moment:%Y-%m-%d %H:%M:%S}.{at_ms % 1000:03d}"


def literal(value: str) -> str:
    """A quoted SQL string, for lists that are too long for query parameters."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _code(header: str | None, text: str) -> int | None:
    if header and header.isdigit():
        return int(header)
    found = re.search(r"Code: (\d+)", text)
    return int(found.group(1)) if found else None
