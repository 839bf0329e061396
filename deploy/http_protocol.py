"""uvicorn's HTTP/1 protocol with a bound on all that is not a body, and on how long a client may be idle.

uvicorn itself waits for ever for a head, keeps every header and trailer, queues any number of pipelined
requests, and takes any byte for a sign of life. Here the bytes of a message outside its body (head, chunk
framing, trailers, blank lines before a head) have one limit; trailers are read over; heads that are not
whole yet share a limit for the process. Bodies are bounded by the handlers that read them.

`Upgrade` is ignored, whatever it asks for (RFC 9110, 7.8): nothing here serves another protocol.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final
from urllib.parse import unquote

import httptools
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from deploy.http_cycles import ExpectingCycle, Http10Cycle

HEAD_SECONDS: Final = 15.0
OUTSIDE_BYTES_MAX: Final = 64 * 1024
"""Of one message, beyond the piece from the socket that its head begins in; half of its body more."""
HEADERS_MAX: Final = 200
HEADS_BYTES_MAX: Final = 32 * 1024 * 1024
"""What all heads of this process together may hold that are not whole yet."""
PIPELINED_MAX: Final = 64
"""Requests that wait behind a running one. The connection ends after them; clients send the rest again."""
UNREAD_BYTES_MAX: Final = 1024 * 1024
"""Of a body that goes on after its answer."""
LINGER_SECONDS: Final = 2.0


def _answer(status: bytes, text: bytes, headers: bytes = b"") -> bytes:
    return (
        b"HTTP/1.1 %s\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: %d\r\n"
        b"%sconnection: close\r\n\r\n%s" % (status, len(text), headers, text)
    )


_MALFORMED: Final = _answer(b"400 Bad Request", b"Invalid HTTP request received.")
_TOO_LARGE: Final = _answer(
    b"431 Request Header Fields Too Large",
    b"too many or too large headers, trailers, or bytes between chunks",
)
_BUSY: Final = _answer(b"503 Service Unavailable", b"too many unfinished requests", b"retry-after: 2\r\n")


class _Held:
    """What the heads of this process hold that are not whole yet."""

    bytes = 0


class _Deaf:
    """Stands in for the parser of a connection that is refused: what still comes is dropped."""

    def feed_data(self, data: object) -> None:
        """Drop it."""


class _Dropped(list[Any]):
    """Where trailers go."""

    def append(self, item: object, /) -> None:
        """Drop it."""


_DEAF: Final[Any] = _Deaf()
_DROPPED: Final = _Dropped()


class BoundedProtocol(HttpToolsProtocol):
    """One connection. A head that is late is a quiet close, too much beside a body is 431.

    Of uvicorn it replaces what parses (`data_received` and the parser's callbacks after the head); a canary
    in the tests tells when a new release of uvicorn has changed those.
    """

    head_seconds: float = HEAD_SECONDS
    heads_bytes_max: int = HEADS_BYTES_MAX
    _in_head = True
    _outside_bytes = 0
    _held_bytes = 0
    _unread_bytes = 0
    _upgrading = False
    _refusal = _MALFORMED
    _head_timer: asyncio.TimerHandle | None = None
    _running: RequestResponseCycle | None = None
    _answers: Any
    """What cycles write to: the transport, or what stands before it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """Begin to wait for the first head."""
        super().connection_made(transport)
        self._answers = transport
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """The end: nothing is waited for any more."""
        self._head_ends()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse, and count what is not body. The keep-alive timer goes on until a head begins."""
        self._outside_bytes += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._ignore_upgrade(memoryview(data), upgrade.args[0])
        except httptools.HttpParserError:
            self._refuse(self._refusal)
        if self._outside_bytes > OUTSIDE_BYTES_MAX:
            self._too_much_outside()
        elif self._in_head:
            self._head_goes_on(len(data))

    def on_message_begin(self) -> None:
        """A new head."""
        self._in_head = True
        self._outside_bytes = 0
        self._unset_keepalive_if_required()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The head is whole: start the request, or queue it behind the one that runs."""
        self._in_head = False
        self._head_ends()
        self._unset_keepalive_if_required()  # armed by an answer that ended within this head
        parser = self.parser
        http_version = parser.get_http_version()
        method = parser.get_method().decode("ascii")
        if parser.should_upgrade() and method != "CONNECT":
            self._upgrading = True
            return
        self._check_size()
        scope = self.scope
        scope["method"] = method
        url = httptools.parse_url(self.url)
        raw_path = url.path or b"/"  # none in the absolute form of a host alone
        path = raw_path.decode("ascii")
        scope["path"] = unquote(path) if "%" in path else path
        scope["raw_path"] = raw_path
        scope["query_string"] = url.query or b""
        make = RequestResponseCycle
        if http_version != "1.1":
            scope["http_version"] = http_version
            make = Http10Cycle
        elif self.expect_100_continue:
            make = ExpectingCycle
        existing: RequestResponseCycle | None = self.cycle
        waits = existing is not None and not existing.response_complete
        if waits and len(self.pipeline) >= PIPELINED_MAX:
            raise httptools.HttpParserError("too many requests behind one another")
        self.headers = _DROPPED  # what still comes is trailers
        self._unread_bytes = 0
        self.cycle = make(
            scope=scope,
            transport=self._answers,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=self.access_log,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=make is ExpectingCycle,
            keep_alive=make is not Http10Cycle and parser.should_keep_alive() and method != "CONNECT",
            on_response=self.on_response_complete,
        )
        if waits:
            self.flow.pause_reading()
            self.pipeline.appendleft((self.cycle, self.app))
        else:
            self._start_asgi_task(self.cycle, self.app)

    def on_body(self, body: bytes) -> None:
        """A piece of the body for its reader."""
        cycle = self.cycle
        if cycle.response_complete:
            self._unread_bytes += len(body)
            self._outside_bytes -= len(body)
            if self._unread_bytes > UNREAD_BYTES_MAX:
                self.transport.close()
            return
        outside = self._outside_bytes - len(body) - (len(body) >> 1)
        self._outside_bytes = max(outside, 0)
        cycle.body += body
        if len(cycle.body) > HIGH_WATER_LIMIT:
            self.flow.pause_reading()
        cycle.message_event.set()

    def on_message_complete(self) -> None:
        """The message is whole."""
        if self._upgrading:
            return
        cycle = self.cycle
        cycle.more_body = False
        cycle.message_event.set()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def _check_size(self) -> None:
        if len(self.headers) > HEADERS_MAX:
            self._refusal = _TOO_LARGE
            raise httptools.HttpParserError("too many headers")

    def _ignore_upgrade(self, data: memoryview, body_at: int) -> None:
        """Go on with the message as if its head had no `Upgrade`.

        The parser takes what follows such a head for another protocol, so a new one reads the head without
        that header and then what follows.
        """
        while True:
            if not self._upgrading:  # CONNECT: nothing of HTTP follows
                self.parser = _DEAF
                return
            self._upgrading = False
            headers = [b"%s: %s\r\n" % header for header in self.headers if header[0] != b"upgrade"]
            line = b"%s %s HTTP/%s\r\n" % (
                self.parser.get_method(),
                self.url,
                self.parser.get_http_version().encode(),
            )
            data = data[body_at:]
            self.parser = httptools.HttpRequestParser(self)
            self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
            try:
                self.parser.feed_data(line + b"".join(headers) + b"\r\n")
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                body_at = upgrade.args[0]
            except httptools.HttpParserError:
                self._refuse(self._refusal)
                return
            else:
                return

    def _refuse(self, answer: bytes) -> None:
        """Read nothing more. Requests that are whole are answered first; the broken one with `answer`."""
        self.parser = _DEAF
        self._in_head = False
        self._outside_bytes = 0
        self._head_ends()
        last: RequestResponseCycle | None = self.cycle
        if last is not None and last.more_body:  # it is the broken one
            if last.response_complete:
                self.transport.close()
                return
            if self.pipeline:
                self.pipeline.popleft()
                last = self.pipeline[0][0] if self.pipeline else self._running
            elif last.response_started:
                self.transport.close()
                return
            else:
                last.disconnected = True
                last.message_event.set()
                last = None
        if last is not None and not last.response_complete:
            last.keep_alive = False
            return
        if self.transport.is_closing():
            return
        self._answers.write(answer)
        # Closing at once would reset the connection and take the answer with it.
        self.loop.call_later(LINGER_SECONDS, self.transport.close)

    def _too_much_outside(self) -> None:
        if self.parser is _DEAF:
            self.transport.close()
        else:
            self._refuse(_TOO_LARGE)

    def _head_goes_on(self, size: int) -> None:
        self._held_bytes += size
        _Held.bytes += size
        if _Held.bytes > self.heads_bytes_max:
            self._refuse(_BUSY)
        elif self._head_timer is None and not self.transport.is_closing():
            self._wait_for_head()

    def _head_ends(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
        if self._held_bytes:
            _Held.bytes -= self._held_bytes
            self._held_bytes = 0

    def _wait_for_head(self) -> None:
        self._head_timer = self.loop.call_later(self.head_seconds, self._head_is_late)

    def _head_is_late(self) -> None:
        self._head_timer = None
        if self._in_head and not self.transport.is_closing():
            self.transport.close()
