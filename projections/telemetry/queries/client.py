"""Asynchronous ClickHouse queries over its HTTP protocol, with parameters bound by the server.

A value never becomes part of a query's text: it travels as `param_<name>` and is parsed by ClickHouse as
the type that the query's placeholder `{name:Type}` says. Every query has a time limit on both sides and
the pool has a size.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar, cast

import aiohttp
import orjson

from schemas.edge.ports import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

Row = TypeVar("Row", list[Any], dict[str, Any])
Value = str | int | float | list[str] | list[int] | list[float]

# What ClickHouse answers when it is overloaded or not ready yet, as opposed to a query that is wrong.
_AWAY: Final = frozenset(
    {
        "60",  # UNKNOWN_TABLE: the migrations have not run yet
        "81",  # UNKNOWN_DATABASE: likewise
        "159",  # TIMEOUT_EXCEEDED
        "160",  # TOO_SLOW
        "202",  # TOO_MANY_SIMULTANEOUS_QUERIES
        "209",  # SOCKET_TIMEOUT
        "210",  # NETWORK_ERROR
        "218",  # TABLE_IS_DROPPED: a rebuild is swapping
        "241",  # MEMORY_LIMIT_EXCEEDED
        "236",  # ABORTED: the server is stopping
        "394",  # QUERY_WAS_CANCELLED
    }
)
_URL_CHARS_MAX: Final = 4096
"""Longer parameters travel in a form: a game may name a session as it likes, and servers bound a URL."""
_ESCAPES: Final = str.maketrans(
    {"\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r", "\b": "\\b", "\f": "\\f", "\0": "\\0"}
)


class QueryFailed(Exception):
    """ClickHouse refused the query itself: a defect of ours, never the caller's fault."""


class Queries(Protocol):
    """What the reads ask of ClickHouse; `ClickHouseQueries` is it."""

    async def query(
        self, sql: str, parameters: Mapping[str, Value] | None = None, *, seconds: float = 5.0
    ) -> list[list[Any]]:
        """The rows of one SELECT. 64-bit integers are ints, Maps are dicts, NaN and infinities are None.

        Raises StoreUnavailable or QueryFailed.
        """
        ...


def bind(value: Value) -> str:
    """A value as ClickHouse's HTTP interface reads it in `param_<name>`."""
    if isinstance(value, str):
        return value.translate(_ESCAPES)
    if isinstance(value, list):
        return "[" + ",".join(_quoted(item) for item in value) + "]"
    return repr(value)


def _quoted(item: str | float) -> str:
    if isinstance(item, str):
        return "'" + item.translate(_ESCAPES).translate({ord("'"): "\\'"}) + "'"
    return repr(item)


class ClickHouseQueries:
    """Reads one database. Safe to share by all requests of a process; opens its connections when first used.

    Raises `StoreUnavailable` when ClickHouse is away, overloaded, out of time or has no tables yet, and
    `QueryFailed` when it rejects a query.
    """

    def __init__(self, url: str, database: str, *, connections: int = 8) -> None:
        """`url` is http(s)://[user:password@]host:port."""
        self._url = url.rstrip("/") + "/"
        self._database = database
        self._connections = connections
        self._session: aiohttp.ClientSession | None = None

    async def select(self, sql: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        """As `query`, each row a dict by column name."""
        return await self._rows(sql, parameters, "JSONEachRow", dict, 5.0)

    async def query(
        self, sql: str, parameters: Mapping[str, Value] | None = None, *, seconds: float = 5.0
    ) -> list[list[Any]]:
        """The rows of one SELECT. `seconds` limits it in ClickHouse; the socket gives up one second later."""
        return await self._rows(sql, parameters or {}, "JSONCompactEachRow", list, seconds)

    async def _rows(
        self, sql: str, parameters: Mapping[str, Value], form: str, kind: type[Row], seconds: float
    ) -> list[Row]:
        url_parameters = {
            "database": self._database,
            "default_format": form,
            "max_execution_time": f"{seconds:g}",
            "output_format_json_quote_64bit_integers": "0",
            "output_format_json_quote_denormals": "0",
        }
        bound = {f"param_{name}": bind(value) for name, value in parameters.items()}
        body_sent: bytes | aiohttp.FormData = sql.encode()
        if sum(map(len, bound.values())) <= _URL_CHARS_MAX:
            url_parameters |= bound
        else:
            body_sent = _form({"query": sql} | bound)
        try:
            async with self._open().post(
                self._url,
                params=url_parameters,
                data=body_sent,
                timeout=aiohttp.ClientTimeout(total=seconds + 1.0, sock_connect=2.0),
            ) as response:
                body = await response.read()
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise StoreUnavailable(f"ClickHouse did not answer: {error!r}") from error
        rows = _parsed(body, kind) if response.status == 200 else None
        if rows is not None:
            return rows
        text = body[-2000:].decode(errors="replace")
        code = response.headers.get("X-ClickHouse-Exception-Code") or _code_in(text)
        if code in _AWAY or response.status in {502, 503, 504}:
            raise StoreUnavailable(f"ClickHouse can't answer now: {text[:300]}")
        raise QueryFailed(text)

    async def close(self) -> None:
        """Close the pool. A later query opens it again."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=self._connections, keepalive_timeout=10.0)
            )
        return self._session


def _form(fields: Mapping[str, str]) -> aiohttp.FormData:
    form = aiohttp.FormData(default_to_multipart=True)
    for name, value in fields.items():
        form.add_field(name, value)
    return form


def _code_in(text: str) -> str:
    _, found, rest = text.partition("Code: ")
    return rest.split(".", 1)[0].strip() if found else ""


def _parsed(body: bytes, kind: type[Row]) -> list[Row] | None:
    """The rows of a body with one JSON value a line; None where it ends in an exception instead."""
    try:
        rows = orjson.loads(b"[" + body.strip().replace(b"\n", b",") + b"]")
    except orjson.JSONDecodeError:
        return None
    if not all(isinstance(row, kind) for row in rows[-1:]) or (
        kind is dict and rows and set(rows[-1]) == {"exception"}
    ):
        return None
    return cast("list[Row]", rows)
