"""ClickHouse's HTTP protocol, once for writers and readers: how statements are sent and failures seen.

A statement's text holds names and placeholders: what tenants wrote travels as a parameter, as an insert's
body or as rows beside the statement. The rows of an answer are theirs too: only status, headers and a mark
that a header names say whether it is a failure. Source: ClickHouse's documentation of its HTTP interface.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import msgspec

from projections.clickhouse.address import address
from projections.clickhouse.errors import NoAnswer, StatementFailed
from projections.clickhouse.statements import BesideRows, Value

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from projections.clickhouse.http_session import HttpSession

ROWS_FORM: Final = "JSONCompactEachRow"
URL_CHARS_MAX: Final = 4096
"""Longer parameters travel in a form: servers bound a URL."""
_WHOLE: Final = {"wait_end_of_query": "1"}
"""The server answers when the statement has ended, so that a late failure still has its status."""
_CODE: Final = re.compile(r"\s*Code: (\d+)\.")
_CODE_HEADER: Final = "X-ClickHouse-Exception-Code"
_TAG_HEADER: Final = "X-ClickHouse-Exception-Tag"
_TEXT_BYTES_MAX: Final = 2000
_TAIL_BYTES: Final = 64 * 1024
"""The exception that ends a body is no longer than 16 KiB."""
_ESCAPES: Final = str.maketrans(
    {"\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r", "\b": "\\b", "\f": "\\f", "\0": "\\0"}
)
_encode: Final = msgspec.json.Encoder().encode
_decoder: Final = msgspec.json.Decoder()


class Transport:
    """Sends statements to one server. Safe to share; it connects when first used."""

    def __init__(self, url: str, *, connections: int = 8) -> None:
        """`url` is http(s)://[user:password@]host[:port][/path]."""
        self.url, self._headers = address(url)
        self._connections = connections
        self._session: HttpSession | None = None

    async def select(
        self,
        sql: str,
        settings: Mapping[str, str],
        parameters: Mapping[str, Value],
        *,
        beside: BesideRows | None = None,
        seconds: float,
    ) -> bytes:
        """A statement's whole answer. `parameters` fill its placeholders `{name:Type}`.

        Raises NoAnswer or StatementFailed, as `insert` does; `seconds` is for everything.
        """
        bound = {f"param_{name}": bind(value) for name, value in parameters.items()}
        short = sum(map(len, bound.values())) <= URL_CHARS_MAX
        url = {**settings, **(bound if short else {})}
        if beside is None and short:
            return await self._ask(url, sql.encode(), seconds)
        form: list[tuple[str, str | bytes]] = [("query", sql), *(() if short else bound.items())]
        if beside is not None:
            url |= {
                f"{beside.name}_format": ROWS_FORM,
                f"{beside.name}_structure": ", ".join(map(" ".join, beside.columns.items())),
            }
            form.append((beside.name, b"\n".join(map(_encode, beside.rows))))
        return await self._ask(url, form, seconds)

    async def insert(self, sql: str, settings: Mapping[str, str], body: bytes, *, seconds: float) -> None:
        """Run an INSERT whose data is `body`."""
        await self._ask({"query": sql, **settings}, body, seconds)

    async def stream(
        self, sql: str, settings: Mapping[str, str], parameters: Mapping[str, Value], *, seconds: float
    ) -> AsyncIterator[bytes]:
        """A statement's answer as it comes, in pieces. `seconds` is for each wait.

        Raises NoAnswer or StatementFailed, also after pieces: then these are no result. Parameters must be
        short.
        """
        url = {**settings, **{f"param_{name}": bind(value) for name, value in parameters.items()}}
        tail = b""
        async with self._open().asked(url, sql.encode(), seconds) as response:
            headers = response.headers
            if response.status != 200 or _CODE_HEADER in headers:
                body = await response.content.read(_TEXT_BYTES_MAX)
                failed = failure(response.status, headers, body)
                raise failed or NoAnswer(f"no result from {self.url}")
            async for piece in response.content.iter_any():
                tail = (tail + piece)[-_TAIL_BYTES:]
                yield piece
        if (text := _tagged(headers.get(_TAG_HEADER, ""), tail)) is not None:
            raise failure(500, headers, text) or NoAnswer(f"no result from {self.url}")

    async def close(self) -> None:
        """Close the connections; a later statement opens them again. May be called twice."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _ask(
        self, url: Mapping[str, str], body: bytes | Sequence[tuple[str, str | bytes]], seconds: float
    ) -> bytes:
        status, headers, answer = await self._open().ask({**url, **_WHOLE}, body, seconds)
        failed = failure(status, headers, answer)
        if failed is not None:
            raise failed
        if "Content-Length" not in headers and "Transfer-Encoding" not in headers:
            raise NoAnswer(f"an answer from {self.url} does not say where it ends: it may be cut off")
        return answer

    def _open(self) -> HttpSession:
        if self._session is None:
            from projections.clickhouse.http_session import HttpSession  # noqa: PLC0415 - see there

            self._session = HttpSession(self.url, self._headers, connections=self._connections)
        return self._session


def failure(status: int, headers: Mapping[str, str], body: bytes) -> StatementFailed | None:
    """What an answer says went wrong; None where it is a result, whatever its rows say."""
    text = body if status != 200 or _CODE_HEADER in headers else _tagged(headers.get(_TAG_HEADER, ""), body)
    if text is None:
        return None
    message = text[:_TEXT_BYTES_MAX].decode(errors="replace")
    named = headers.get(_CODE_HEADER, "")
    # An error's text quotes data too: its code stands at its beginning and nowhere else.
    found = _CODE.match(message)
    code = int(named) if named.isdecimal() else int(found[1]) if found else None
    return StatementFailed(code, status, message)


def _tagged(tag: str, body: bytes) -> bytes | None:
    """The exception that ends a body after its first rows, between marks that can't be guessed."""
    mark = tag.encode()
    if not mark or not body.endswith(b"%b\r\n__exception__\r\n" % mark):
        return None
    return body.rpartition(b"__exception__\r\n%b\r\n" % mark)[2]


def decode_rows(body: bytes) -> list[Any]:
    """An answer in a format with one JSON value a line. Integers of any size are ints. Raises NoAnswer."""
    try:
        return _decoder.decode_lines(body)
    except msgspec.DecodeError as error:
        raise NoAnswer(f"an answer's rows are no JSON: {error}") from error


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
