"""ClickHouse's HTTP protocol over the embedded engine: stock clickhouse-connect works unchanged.

Source: ClickHouse's documentation of its HTTP interface and clickhouse-connect 1.12. Not served:
ClickHouse's own block compression (`compress=1`, `decompress=1`) and external tables.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import secrets
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

import prometheus_client
from python_multipart.multipart import parse_options_header

from deploy.stack.clickhouse_codec import Compressor, UnknownEncodingError, choose, compressor, decompress
from deploy.stack.clickhouse_engine import ChdbEngine, EngineError, Progress, Statement
from deploy.stack.clickhouse_form import read_form
from deploy.stack.clickhouse_readers import Readers, confine
from deploy.stack.clickhouse_statement import first_word, output_format

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, MutableMapping
    from pathlib import Path

    Scope = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
    Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

BODY_BYTES_MAX: Final = 2 * 1024**3
PIECE_BYTES: Final = 1 << 20
_SERVER: Final = "questlog-chdb"
_STATUS: Final[dict[int, int]] = {
    **dict.fromkeys((6, 26, 27, 33, 38, 41, 43, 53, 62, 69, 70, 72, 117, 130, 131, 321, 457, 1000), 400),
    **dict.fromkeys((194,), 401),
    **dict.fromkeys((192, 193, 497, 516), 403),
    **dict.fromkeys((46, 47, 50, 56, 60, 63, 73, 78, 81, 115, 152), 404),
    159: 408,
    381: 411,
    223: 413,
    48: 501,
    **dict.fromkeys((76, 209, 439), 503),
}
_NOT_SETTINGS: Final = frozenset(
    {
        *("query", "database", "user", "password", "quota_key", "role", "session_id", "session_timeout"),
        *("session_check", "query_id", "compress", "decompress", "default_format", "client_protocol_version"),
        *("wait_end_of_query", "buffer_size", "stacktrace", "enable_http_compression"),
        *("send_progress_in_http_headers", "http_headers_progress_interval_ms"),
        "cancel_http_readonly_queries_on_client_close",
    }
)

REQUESTS: Final = prometheus_client.Counter(
    "questlog_clickhouse_requests", "Statements by kind and HTTP status", ["kind", "status"]
)
SECONDS: Final = prometheus_client.Histogram("questlog_clickhouse_seconds", "Time to the last byte", ["kind"])
ROWS: Final = prometheus_client.Counter("questlog_clickhouse_rows", "Rows read and written", ["way"])
RUNNING: Final = prometheus_client.Gauge("questlog_clickhouse_running", "Statements running now")


class ClickHouseHttp:
    """The ASGI app. Reads, inserts and read-only users have threads each: none waits in another's queue."""

    def __init__(self, engine: ChdbEngine, readers: Path) -> None:
        self._engine = engine
        self._readers = Readers(readers)
        self._reading = ThreadPoolExecutor(8, "read")
        self._writing = ThreadPoolExecutor(4, "write")
        self._analysing = ThreadPoolExecutor(2, "analyse")

    def close(self) -> None:
        """End the threads once their statements are done."""
        for pool in (self._reading, self._writing, self._analysing):
            pool.shutdown()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        if scope["type"] != "http":
            return
        path = scope["path"]
        if path in {"/ping", "/healthz", "/replicas_status"}:
            await _answer(send, 200, b"Ok.\n")
        elif path == "/metrics":
            await _answer(
                send, 200, prometheus_client.generate_latest(), prometheus_client.CONTENT_TYPE_LATEST
            )
        elif path == "/":
            await self._statement(scope, receive, send)
        else:
            await _answer(send, 404, b"There is no handle " + path.encode() + b"\n")

    async def _statement(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        begun = time.perf_counter()
        response = _Response(send, headers.get("accept-encoding", ""))
        try:
            body = await _body(receive)
            if body is None:
                return
            params = dict(
                parse_qsl(
                    scope["query_string"].decode("latin-1"), keep_blank_values=True, errors="surrogateescape"
                )
            )
            if scope["method"] in {"GET", "HEAD"} and not body and "query" not in params:
                await _answer(send, 200, b"Ok.\n")
                return
            response.query_id = params.get("query_id") or str(uuid.uuid4())
            if params.get("enable_http_compression") != "1":
                response.accept = ""
            statement = await asyncio.to_thread(_statement_of, scope["method"], headers, params, body)
            response.format = output_format(statement.text, statement.format)
            reader = self._readers.authenticate(*_credentials(headers, params))
            if reader is not None:
                await asyncio.get_running_loop().run_in_executor(
                    self._analysing, confine, self._engine, reader, statement
                )
            kind = _kind(statement) if reader is None else "analyst"
            with RUNNING.track_inprogress():
                await self._run(statement, kind, response, receive)
        except EngineError as error:
            kind = "refused"
            await response.fail(error)
        REQUESTS.labels(kind, response.status).inc()
        SECONDS.labels(kind).observe(time.perf_counter() - begun)

    async def _run(self, statement: Statement, kind: str, response: _Response, receive: Receive) -> None:
        pool = {"insert": self._writing, "analyst": self._analysing}.get(kind, self._reading)
        loop = asyncio.get_running_loop()
        progress = Progress()
        pieces = self._engine.run(statement, progress)
        gone = asyncio.ensure_future(_disconnected(receive))
        failure: EngineError | None = None
        try:
            ended = False
            while not ended:
                try:
                    piece, ended = await loop.run_in_executor(pool, _pull, pieces)
                except EngineError as error:
                    failure = error
                    break
                if gone.done():
                    return
                await response.piece(piece, progress, last=ended)
        finally:
            gone.cancel()
            await loop.run_in_executor(pool, pieces.close)  # type: ignore[attr-defined]  # a generator
        ROWS.labels("read").inc(progress.read_rows)
        ROWS.labels("written").inc(progress.written_rows)
        if failure is not None:
            await response.fail(failure)


class _Response:
    """Status and headers are sent with the first piece, so that an early failure still has its status."""

    def __init__(self, send: Send, accept: str) -> None:
        self._send = send
        self.accept = accept
        self.query_id = ""
        self.format = "TabSeparated"
        self.status = 0
        self._tag = secrets.token_hex(8)
        self._compressor: Compressor | None = None

    async def piece(self, data: bytes, progress: Progress, *, last: bool) -> None:
        if not self.status:
            encoding = choose(self.accept)
            extra = [
                (b"x-clickhouse-format", self.format.encode()),
                (b"x-clickhouse-summary", _summary(progress)),
            ]
            if encoding:
                self._compressor = compressor(encoding)
                extra.append((b"content-encoding", encoding.encode()))
            if not last:
                extra.append((b"x-clickhouse-exception-tag", self._tag.encode()))
            elif not encoding:
                extra.append((b"content-length", str(len(data)).encode()))
            await self._start(200, extra, _content_type(self.format))
        if self._compressor is not None:
            data = self._compressor.compress(data) + (self._compressor.finish() if last else b"")
        await self._send({"type": "http.response.body", "body": data, "more_body": not last})

    async def fail(self, error: EngineError) -> None:
        text = error.message.encode()
        if not self.status:
            code = str(error.code).encode()
            extra = [(b"x-clickhouse-exception-code", code), (b"content-length", str(len(text) + 1).encode())]
            await self._start(_STATUS.get(error.code, 500), extra, b"text/plain; charset=UTF-8")
            await self._send({"type": "http.response.body", "body": text + b"\n"})
            return
        tag = self._tag.encode()
        block = b"\r\n__exception__\r\n%b\r\n%b\n%d %b\r\n__exception__\r\n" % (tag, text, len(text) + 1, tag)
        if self._compressor is not None:
            block = self._compressor.compress(block) + self._compressor.finish()
        await self._send({"type": "http.response.body", "body": block})

    async def _start(self, status: int, extra: list[tuple[bytes, bytes]], content_type: bytes) -> None:
        self.status = status
        await self._send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [
                    (b"content-type", content_type),
                    (b"x-clickhouse-query-id", self.query_id.encode()),
                    (b"x-clickhouse-server-display-name", _SERVER.encode()),
                    (b"x-clickhouse-timezone", b"UTC"),
                    *extra,
                ],
            }
        )


def _statement_of(
    method: str, headers: dict[str, str], params: dict[str, str], body: list[bytes]
) -> Statement:
    """Read a request into a statement. Raises EngineError."""
    if params.get("compress") == "1" or params.get("decompress") == "1":
        raise EngineError(
            48, "Code: 48. DB::Exception: compress=1 and decompress=1 are not served. (NOT_IMPLEMENTED)"
        )
    body = _plain(headers.get("content-encoding", "").strip().lower(), body)
    kind, options = parse_options_header(headers.get("content-type", ""))
    if kind == b"multipart/form-data":
        params |= read_form(options.get(b"boundary", b""), b"".join(body))
        body = []
    settings = {
        name: value
        for name, value in params.items()
        if name not in _NOT_SETTINGS and not name.startswith("param_")
    }
    if method == "GET":
        settings.setdefault("readonly", "2")  # as ClickHouse: a GET changes nothing
    text = params.get("query", "").encode("utf-8", "surrogateescape")
    if not text and body:
        text, body = body[0], body[1:]
        if len(text) < 1 << 16:  # the statement's own text must be in one piece
            text, body = b"".join([text, *body]), []
    elif body:
        text += b"\n"
    try:
        session_seconds = min(3600.0, float(params.get("session_timeout", "60")))
    except ValueError:
        raise EngineError(36, "Code: 36. DB::Exception: Invalid session timeout. (BAD_ARGUMENTS)") from None
    return Statement(
        text=text,
        data=body,
        format=params.get("default_format") or headers.get("x-clickhouse-format") or "TabSeparated",
        database=params.get("database") or headers.get("x-clickhouse-database", ""),
        settings=settings,
        parameters={name[6:]: value for name, value in params.items() if name.startswith("param_")},
        session=params.get("session_id", ""),
        session_seconds=session_seconds,
    )


def _plain(encoding: str, body: list[bytes]) -> list[bytes]:
    if encoding in {"", "identity"}:
        return body
    try:
        return [decompress(encoding, b"".join(body))]
    except UnknownEncodingError:
        message = f"Code: 48. DB::Exception: Unknown compression method {encoding}. (NOT_IMPLEMENTED)"
        raise EngineError(48, message) from None
    except ValueError as error:
        raise EngineError(354, f"Code: 354. DB::Exception: {error}. (ZLIB_INFLATE_FAILED)") from None


def _credentials(headers: dict[str, str], params: dict[str, str]) -> tuple[str, str]:
    authorization = headers.get("authorization", "")
    if authorization.lower().startswith("basic "):
        try:
            user, _, password = base64.b64decode(authorization[6:]).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            raise EngineError(
                516, "Code: 516. DB::Exception: Invalid credentials. (AUTHENTICATION_FAILED)"
            ) from None
        return user or "default", password
    user = headers.get("x-clickhouse-user") or params.get("user") or "default"
    return user, headers.get("x-clickhouse-key") or params.get("password", "")


def _kind(statement: Statement) -> str:
    word = first_word(statement.text[:65536])
    return {b"INSERT": "insert", b"SELECT": "select", b"WITH": "select"}.get(word, "other")


def _pull(pieces: Iterator[bytes]) -> tuple[bytes, bool]:
    """At least PIECE_BYTES of the result, or all that is left and True."""
    gathered: list[bytes] = []
    size = 0
    for piece in pieces:
        gathered.append(piece)
        size += len(piece)
        if size >= PIECE_BYTES:
            return b"".join(gathered), False
    return b"".join(gathered), True


async def _body(receive: Receive) -> list[bytes] | None:
    """The whole body in pieces of a MiB and more; None where the client went away."""
    pieces: list[bytes] = []
    held: list[bytes] = []
    size = total = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        if data := message.get("body", b""):
            held.append(data)
            size += len(data)
            total += len(data)
        if total > BODY_BYTES_MAX:
            raise EngineError(223, "Code: 223. DB::Exception: The body is over 2 GiB. (QUERY_IS_TOO_LARGE)")
        more = message.get("more_body", False)
        if held and (size >= PIECE_BYTES or not more):
            pieces.append(b"".join(held))
            held, size = [], 0
        if not more:
            return pieces


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _summary(progress: Progress) -> bytes:
    names = ("read_rows", "read_bytes", "written_rows", "written_bytes")
    return json.dumps({name: str(getattr(progress, name)) for name in names}).encode()


def _content_type(name: str) -> bytes:
    if name.startswith("JSON") and "EachRow" not in name:
        return b"application/json; charset=UTF-8"
    if name.startswith(("TabSeparated", "TSV")):
        return b"text/tab-separated-values; charset=UTF-8"
    return b"application/octet-stream"


async def _answer(send: Send, status: int, body: bytes, kind: str = "text/plain; charset=UTF-8") -> None:
    headers = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
