"""ClickHouse for writers: an insert makes one part, and is sent again unchanged while its outcome is unknown.

Reads made for HTTP answers go through `projections/telemetry/queries/client.py`; this one serves the
projector, the migrations and the rebuild. Both send by `transport`. Settings of an insert: the design's
"Exactly once into ClickHouse". In a cluster a statement becomes what `cluster` says, here and nowhere else.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import re
import time
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from projections.clickhouse.cluster import Cluster, placed, read_settings, write_settings
from projections.clickhouse.errors import ClickHouseAway, ClickHouseRefused, NoAnswer, StatementFailed
from projections.clickhouse.statements import BesideRows, Value
from projections.clickhouse.transport import ROWS_FORM, Transport, decode_rows

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

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
        242,  # TABLE_IS_READ_ONLY: a replica without its Keeper
        252,  # TOO_MANY_PARTS: merges are behind
        279,  # ALL_CONNECTION_TRIES_FAILED: a shard or a server of the cluster is away
        285,  # TOO_FEW_LIVE_REPLICAS
        286,  # UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE: inserts into a table come one after the other
        289,  # REPLICA_IS_NOT_IN_QUORUM: it is behind; it will catch up, or another one is asked
        319,  # UNKNOWN_STATUS_OF_INSERT
        394,  # QUERY_WAS_CANCELLED
        425,  # SYSTEM_ERROR
        999,  # KEEPER_EXCEPTION
    }
)
_UNFINISHED: Final = 341
"""A replica is away; it carries out what is in Keeper's log when it comes back."""
_FIRST_PAUSE_S: Final = 0.1
_LONGEST_PAUSE_S: Final = 2.0
_TRIES_OF_ONE: Final = 5
_UNIX_FROM_MS: Final = 946_684_800_000
"""From 2000 on, seconds with a fraction are read alike under every setting, and cost a fifth."""
VIEWS_SUFFIX: Final = "_views"
"""Of the database of analysts' views, behind the name of that of the facts."""
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


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
        cluster: Cluster | None = None,
        answer_seconds: float = 60.0,
        retry_seconds: float = 20.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`url` is http(s)://[user:password@]host:port; `retry_seconds` bounds all tries of one statement.

        `cluster` is the one that the server is of; None for a single server.
        """
        self._transport = Transport(url)
        self.database = identifier(database)
        self.cluster = cluster
        self._answer_seconds = answer_seconds
        self._retry_seconds = retry_seconds
        self._clock = clock
        self._sleep = sleep

    @cached_property
    def system(self) -> ClickHouse:
        """A client, over the same connections, of the database of the project's own tables."""
        own = copy.copy(self)
        own.database = system_database(self.database)
        return own

    @cached_property
    def views(self) -> ClickHouse:
        """A client, over the same connections, of the database of analysts' views."""
        own = copy.copy(self)
        own.database = views_database(self.database)
        return own

    async def insert(self, table: str, columns: Sequence[str], body: bytes, *, form: str, token: str) -> None:
        """Insert `body`, which is in format `form`, as one part under `token`. Called twice: one effect.

        Raises ClickHouseAway (unknown result) or ClickHouseRefused.
        """
        names = ", ".join(identifier(column) for column in columns)
        query = f"INSERT INTO {self.database}.{identifier(table)} ({names}) FORMAT {identifier(form)}"
        settings = write_settings(self.cluster) | ONE_INSERT_IS_ONE_PART
        settings["insert_deduplication_token"] = token

        async def send() -> bytes:
            await self._transport.insert(query, settings, body, seconds=self._answer_seconds)
            return b""

        await self._retried(send)

    async def command(
        self, sql: str, parameters: Mapping[str, Value] | None = None, *, in_database: bool = True
    ) -> None:
        """Run a statement that may happen twice. `in_database=False`: the database need not exist.

        In a cluster on all servers: ClickHouseAway where one is, which carries it out when it comes back.
        Raises SqlUnreadable for what has no place there.
        """
        for own in placed(sql, self.database, self.cluster):
            with contextlib.suppress(_Unfinished) if self.cluster else contextlib.nullcontext():
                await self._ask(own, parameters, write_settings(self.cluster), in_database=in_database)

    async def command_once(self, sql: str, *, done: Callable[[], Awaitable[bool]]) -> None:
        """Run a statement that must not happen twice: `done` says whether it has, when its result is unknown.

        Raises ClickHouseAway where that can't be learned in time either.
        """
        (own,) = placed(sql, self.database, self.cluster)
        settings = write_settings(self.cluster)
        for _ in range(_TRIES_OF_ONE):
            if await done():
                return
            with contextlib.suppress(ClickHouseAway):
                await self._tried(
                    lambda: self._transport.select(own, settings, {}, seconds=self._answer_seconds)
                )
                return
            await self._sleep(_FIRST_PAUSE_S)
        raise ClickHouseAway(f"no result of: {sql}")

    async def rows(
        self,
        sql: str,
        parameters: Mapping[str, Value] | None = None,
        *,
        beside: BesideRows | None = None,
        in_database: bool = True,
    ) -> list[list[Any]]:
        """A SELECT's rows; integers of any size are ints. `sql` carries no FORMAT.

        Whatever may be long or many (keys of sessions) comes in `beside`, which `sql` names as a table.
        """
        settings = read_settings(self.cluster) | {
            "default_format": ROWS_FORM,
            "output_format_json_quote_64bit_integers": "0",
        }
        answer = await self._ask(sql, parameters, settings, beside, in_database=in_database)
        try:
            return decode_rows(answer)
        except NoAnswer as error:
            raise ClickHouseAway(str(error)) from error

    async def raw(self, sql: str, parameters: Mapping[str, Value] | None = None) -> bytes:
        """A SELECT's answer in the FORMAT that `sql` names."""
        return await self._ask(sql, parameters, read_settings(self.cluster))

    async def stream(
        self, sql: str, parameters: Mapping[str, Value], settings: Mapping[str, str]
    ) -> AsyncIterator[bytes]:
        """A SELECT's answer in the FORMAT that `sql` names, in pieces as they come. It is asked once.

        Raises ClickHouseAway or ClickHouseRefused, also after pieces: then these are no result.
        """
        url = {"database": self.database, **read_settings(self.cluster), **settings}
        try:
            async for piece in self._transport.stream(sql, url, parameters, seconds=self._answer_seconds):
                yield piece
        except NoAnswer as error:
            raise ClickHouseAway(str(error)) from error
        except StatementFailed as failed:
            raise _failure_of(failed) from failed

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.close()

    async def _ask(
        self,
        sql: str,
        parameters: Mapping[str, Value] | None,
        settings: Mapping[str, str] | None = None,
        beside: BesideRows | None = None,
        *,
        in_database: bool = True,
    ) -> bytes:
        url = {**({"database": self.database} if in_database else {}), **(settings or {})}
        return await self._retried(
            lambda: self._transport.select(
                sql, url, parameters or {}, beside=beside, seconds=self._answer_seconds
            )
        )

    async def _retried(self, send: Callable[[], Awaitable[bytes]]) -> bytes:
        deadline = self._clock() + self._retry_seconds
        pause = _FIRST_PAUSE_S
        while True:
            try:
                return await self._tried(send)
            except ClickHouseAway:
                if self._clock() + pause > deadline:
                    raise
            await self._sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_S)

    async def _tried(self, send: Callable[[], Awaitable[bytes]]) -> bytes:
        try:
            return await send()
        except NoAnswer as error:
            raise ClickHouseAway(str(error)) from error
        except StatementFailed as failed:
            raise _failure_of(failed) from failed


def _failure_of(failed: StatementFailed) -> ClickHouseAway | ClickHouseRefused:
    if failed.code is None or failed.code in _TRANSIENT_CODES:
        return ClickHouseAway(f"status {failed.status}: {str(failed)[:500]}")
    if failed.code == _UNFINISHED:
        return _Unfinished(failed.code, str(failed))
    return ClickHouseRefused(failed.code, str(failed))


class _Unfinished(ClickHouseRefused):
    """Not every replica has carried it out yet."""


def system_database(database: str) -> str:
    """Where the project keeps its own tables, next to the database of facts: positions, holds, migrations."""
    return f"{database}_system"


def views_database(database: str) -> str:
    """Where analysts' views are, next to the database of facts that they read."""
    return database + VIEWS_SUFFIX


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
