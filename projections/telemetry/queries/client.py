"""ClickHouse for reads that HTTP answers wait for: nothing is asked twice, everything has a time limit.

A value never becomes part of a query's text: it travels as `param_<name>` and is parsed by ClickHouse as
the type that the query's placeholder `{name:Type}` says. Every query has a time limit on both sides and
the pool has a size.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

from projections.clickhouse.client import system_database
from projections.clickhouse.errors import NoAnswer, StatementFailed
from projections.clickhouse.transport import (
    ROWS_FORM,
    Transport,
    decode_rows,
)
from schemas.edge.ports import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from projections.clickhouse.statements import Value

# What ClickHouse answers when it is overloaded or not ready yet, as opposed to a query that is wrong.
_AWAY: Final = frozenset(
    {
        60,  # UNKNOWN_TABLE: the migrations have not run yet
        81,  # UNKNOWN_DATABASE: likewise
        159,  # TIMEOUT_EXCEEDED
        160,  # TOO_SLOW
        202,  # TOO_MANY_SIMULTANEOUS_QUERIES
        209,  # SOCKET_TIMEOUT
        210,  # NETWORK_ERROR
        218,  # TABLE_IS_DROPPED: a rebuild is swapping
        241,  # MEMORY_LIMIT_EXCEEDED
        236,  # ABORTED: the server is stopping
        279,  # ALL_CONNECTION_TRIES_FAILED: a shard is away
        289,  # REPLICA_IS_NOT_IN_QUORUM: a replica that is behind
        394,  # QUERY_WAS_CANCELLED
        999,  # KEEPER_EXCEPTION
    }
)


class QueryFailed(Exception):
    """ClickHouse refused the query itself: a defect of ours, never the caller's fault."""


class Queries(Protocol):
    """What the reads ask of ClickHouse; `ClickHouseQueries` is it."""

    @property
    def system_database(self) -> str:
        """The name of the database of the project's own tables, for a query's text."""
        ...

    async def query(
        self, sql: str, parameters: Mapping[str, Value] | None = None, *, seconds: float = 5.0
    ) -> list[list[Any]]:
        """The rows of one SELECT. 64-bit integers are ints, Maps are dicts, NaN and infinities are None.

        Raises StoreUnavailable or QueryFailed.
        """
        ...


class ClickHouseQueries:
    """Reads one database. Safe to share by all requests of a process; opens its connections when first used.

    Raises `StoreUnavailable` when ClickHouse is away, overloaded, out of time or has no tables yet, and
    `QueryFailed` when it rejects a query.
    """

    def __init__(
        self, url: str, database: str, *, connections: int = 8, settings: Mapping[str, str] | None = None
    ) -> None:
        """`url` is http(s)://[user:password@]host:port; `settings` go with every query."""
        self._settings = dict(settings or {})
        self._transport = Transport(url, connections=connections)
        self._database = database
        self.system_database = system_database(database)

    async def select(self, sql: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        """As `query`, each row a dict by column name."""
        return await self._rows(sql, parameters, "JSONEachRow", 5.0)

    async def query(
        self, sql: str, parameters: Mapping[str, Value] | None = None, *, seconds: float = 5.0
    ) -> list[list[Any]]:
        """The rows of one SELECT. `seconds` limits it in ClickHouse; the socket gives up one second later."""
        return await self._rows(sql, parameters or {}, ROWS_FORM, seconds)

    async def close(self) -> None:
        """Close the pool. A later query opens it again."""
        await self._transport.close()

    async def _rows(self, sql: str, parameters: Mapping[str, Value], form: str, seconds: float) -> list[Any]:
        settings = self._settings | {
            "database": self._database,
            "default_format": form,
            "max_execution_time": f"{seconds:g}",
            "output_format_json_quote_64bit_integers": "0",
            "output_format_json_quote_denormals": "0",
        }
        try:
            return decode_rows(await self._transport.select(sql, settings, parameters, seconds=seconds + 1.0))
        except NoAnswer as error:
            raise StoreUnavailable(f"ClickHouse did not answer: {error}") from error
        except StatementFailed as failed:
            if failed.code in _AWAY or failed.status in {502, 503, 504}:
                raise StoreUnavailable(f"ClickHouse can't answer now: {str(failed)[:300]}") from failed
            raise QueryFailed(str(failed)) from failed
