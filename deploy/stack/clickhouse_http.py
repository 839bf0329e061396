"""ClickHouse's HTTP protocol over the embedded engine: stock clickhouse-connect works unchanged.

Source: ClickHouse's documentation of its HTTP interface, clickhouse-connect 1.12, clickhouse-jdbc 0.9.8 and
clickhouse-go 2.51. Not served: external tables of readers.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

import prometheus_client

from deploy.stack.clickhouse_access import STUDIO_SETTING
from deploy.stack.clickhouse_execution import EngineError, Progress, Statement
from deploy.stack.clickhouse_fair_queue import RUNNING_MAX, FairShare
from deploy.stack.clickhouse_greeting import greeting, is_greeting
from deploy.stack.clickhouse_origin import foreign
from deploy.stack.clickhouse_readers import confine
from deploy.stack.clickhouse_request import (
    BODY_BYTES_MAX,
    READER_BODY_BYTES_MAX,
    credentials,
    statement_of,
)
from deploy.stack.clickhouse_response import PIECE_BYTES, SERVER, TIMEZONE, Held, Response
from deploy.stack.clickhouse_statement import first_word, output_format, outside

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Iterator, MutableMapping, Sequence

    from deploy.analysts import Account
    from deploy.stack.clickhouse_engine import ChdbEngine
    from deploy.stack.clickhouse_readers import Readers

    Scope = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
    Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

REQUESTS: Final = prometheus_client.Counter(
    "questlog_clickhouse_requests", "Statements by kind and HTTP status", ["kind", "status"]
)
SECONDS: Final = prometheus_client.Histogram("questlog_clickhouse_seconds", "Time to the last byte", ["kind"])
ROWS: Final = prometheus_client.Counter("questlog_clickhouse_rows", "Rows read and written", ["way"])
RUNNING: Final = prometheus_client.Gauge("questlog_clickhouse_running", "Statements running now")


class ClickHouseHttp:
    """The ASGI app. Reads, inserts and read-only users have threads each: none waits in another's queue."""

    def __init__(
        self, engine: ChdbEngine, readers: Readers, tenant_tables: Collection[str], databases: Sequence[str]
    ) -> None:
        """`tenant_tables` are those that the engine has row policies for.

        `databases` are the readers' own: a statement that names none is about the first that there is.
        """
        self._engine = engine
        self._readers = readers
        self._tenant_tables = tenant_tables
        self._databases = databases
        version = engine.run(Statement(text=b"SELECT version()"), Progress())
        self._version = b"".join(version).decode().strip()
        self._share = FairShare()
        self._reading = ThreadPoolExecutor(8, "read")
        self._writing = ThreadPoolExecutor(4, "write")
        self._analysing = ThreadPoolExecutor(RUNNING_MAX, "analyse")

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
        if (name := foreign(scope["headers"])) is not None:
            await _answer(send, 403, b"This server answers requests to localhost only, not " + name + b".\n")
        elif path in {"/ping", "/healthz", "/replicas_status"}:
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
        response = Response(send, headers.get("accept-encoding", ""))
        try:
            params = dict(
                parse_qsl(
                    scope["query_string"].decode("latin-1"), keep_blank_values=True, errors="surrogateescape"
                )
            )
            if scope["method"] in {"GET", "HEAD"} and "query" not in params and not _has_body(headers):
                await _answer(send, 200, b"Ok.\n")
                return
            response.query_id = params.get("query_id") or str(uuid.uuid4())
            if params.get("enable_http_compression") != "1":
                response.accept = ""
            response.blocks = params.get("compress") == "1"
            user, password = credentials(headers, params)
            reader = self._readers.authenticate(user, password)
            most = BODY_BYTES_MAX if reader is None else READER_BODY_BYTES_MAX
            body = await _body(receive, most)  # held and unpacked for known users alone
            if body is None:
                return
            statement = await asyncio.to_thread(statement_of, scope["method"], headers, params, body, most)
            response.format = output_format(statement.text, statement.format)
            whole = params.get("wait_end_of_query") == "1"
            if is_greeting(statement, params):
                kind = "greeting"
                asked_as = int(params["client_protocol_version"])
                await response.piece(
                    greeting(SERVER, self._version, TIMEZONE, asked_as), Progress(), last=True
                )
            elif reader is None:
                kind = _kind(statement)
                _keep_inside(statement)
                with RUNNING.track_inprogress():
                    await self._run(statement, kind, response, receive, whole=whole)
            else:
                kind = "analyst"
                async with self._share.place(reader.studio_id):
                    check = partial(self._check, user, reader)
                    await self._run_confined(statement, reader, response, receive, check, whole=whole)
        except EngineError as error:
            kind = "refused"
            await response.fail(error)
        REQUESTS.labels(kind, response.status).inc()
        SECONDS.labels(kind).observe(time.perf_counter() - begun)

    def _check(self, user: str, reader: Account) -> None:
        if not self._readers.has(user, reader):
            raise EngineError(
                394, f"Code: 394. DB::Exception: The account {user} was revoked. (QUERY_WAS_CANCELLED)"
            )

    async def _run_confined(
        self,
        statement: Statement,
        reader: Account,
        response: Response,
        receive: Receive,
        check: Callable[[], None],
        *,
        whole: bool,
    ) -> None:
        check()  # it may have waited long for its place
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(
            self._analysing, confine, self._engine, reader, self._tenant_tables, statement, self._databases
        )
        response.format = output_format(statement.text, statement.format)
        response.counts = False  # they count the rows read, other studios' among them
        with RUNNING.track_inprogress():
            await self._run(statement, "analyst", response, receive, check, whole=whole)

    async def _run(
        self,
        statement: Statement,
        kind: str,
        response: Response,
        receive: Receive,
        check: Callable[[], None] = lambda: None,
        *,
        whole: bool,
    ) -> None:
        """Send the result as it comes; with `whole` only once the statement has ended.

        `check` raises EngineError between two pieces where no more of it may be sent.
        """
        pool = {"insert": self._writing, "analyst": self._analysing}.get(kind, self._reading)
        loop = asyncio.get_running_loop()
        progress = Progress()
        pieces = self._engine.run(statement, progress)
        gone = asyncio.ensure_future(_disconnected(receive))
        failure: EngineError | None = None
        held = Held() if whole else None
        try:
            ended = False
            while not ended:
                try:
                    piece, ended = await loop.run_in_executor(pool, _pull, pieces)
                    check()
                except EngineError as error:
                    failure = error
                    break
                if gone.done():
                    return
                if held is None:
                    await response.piece(piece, progress, last=ended)
                else:
                    held.add(piece)
            if held is not None and failure is None:
                for piece, last in held.pieces():
                    await response.piece(piece, progress, last=last)
        finally:
            gone.cancel()
            if held is not None:
                held.close()
            await loop.run_in_executor(pool, pieces.close)  # type: ignore[attr-defined]  # a generator
        ROWS.labels("read").inc(progress.read_rows)
        ROWS.labels("written").inc(progress.written_rows)
        if failure is not None:
            await response.fail(failure)


def _keep_inside(statement: Statement) -> None:
    """Refuse what the engine's rights leave open to the owner. Raises EngineError 497."""
    if (word := outside(statement.text[: 1 << 20])) is not None:
        raise EngineError(
            497, f"Code: 497. DB::Exception: {word} is not served: files are out of reach. (ACCESS_DENIED)"
        )
    if STUDIO_SETTING in statement.settings:
        raise EngineError(
            497,
            f"Code: 497. DB::Exception: {STUDIO_SETTING} is not served: it names a reader's studio here. "
            "(ACCESS_DENIED)",
        )


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


def _has_body(headers: dict[str, str]) -> bool:
    return headers.get("content-length", "0") != "0" or "transfer-encoding" in headers


async def _body(receive: Receive, bytes_max: int) -> list[bytes] | None:
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
        if total > bytes_max:
            most = f"{bytes_max >> 20} MiB"
            raise EngineError(223, f"Code: 223. DB::Exception: The body is over {most}. (QUERY_IS_TOO_LARGE)")
        more = message.get("more_body", False)
        if held and (size >= PIECE_BYTES or not more):
            pieces.append(b"".join(held))
            held, size = [], 0
        if not more:
            return pieces


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


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
