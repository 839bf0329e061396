"""uvicorn's HTTP protocol with bounds on a request's head: how long it may take, how large it may be.

uvicorn itself waits for ever for a head and keeps however many headers come. Bodies are bounded by whoever
reads them. An application that answers without end finds in its scope how to end a connection at once, and
how to hear that the server stops (`api.liveops.sse.CONNECTION`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from api.liveops.sse import CONNECTION

HEAD_SECONDS: Final = 15.0
HEAD_BYTES_MAX: Final = 64 * 1024
"""Beyond the first piece that the socket gives."""
_TOO_LARGE: Final = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: text/plain\r\n"
    b"content-length: 17\r\nconnection: close\r\n\r\nheaders too large"
)


class WholeAnswers:
    """A transport that sends an answer's head together with its body's first piece.

    uvicorn writes them one after the other, which costs a system call, a packet and a
    client's waking. What is written once within a turn of the event loop goes out at the turn's end.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._held = b""

    def write(self, data: bytes) -> None:
        """Hold a first piece, send a second one behind it."""
        if self._held:
            held, self._held = self._held, b""
            self._transport.write(held + data)
        else:
            self._held = data
            self._loop.call_soon(self._flush)

    def close(self) -> None:
        """Send what is held, then close."""
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._held:
            held, self._held = self._held, b""
            self._transport.write(held)


class EdgeProtocol(HttpToolsProtocol):
    """One connection. A head that is late is a quiet close, one that is too large 431."""

    head_seconds: float = HEAD_SECONDS
    _in_head = True
    _head_bytes = 0
    _head_timer: asyncio.TimerHandle | None = None
    _at_shutdown: Callable[[], object] | None = None
    _extensions: dict[str, Any]
    _answers: WholeAnswers

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """Begin to wait for the first head."""
        super().connection_made(transport)
        self._answers = WholeAnswers(transport, self.loop)
        self._extensions = {CONNECTION: {"abort": transport.abort, "on_shutdown": self._call_at_shutdown}}
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """The end: nothing is waited for any more."""
        self._stop_waiting()
        self._at_shutdown = None
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse; where the head goes on, count it and give it a deadline."""
        began_before = self._in_head
        super().data_received(data)
        if self._in_head and not self.transport.is_closing():
            self._head_goes_on(len(data) if began_before else 0)

    def on_message_begin(self) -> None:
        """A new head."""
        self._in_head = True
        self._head_bytes = 0
        super().on_message_begin()
        self.scope["extensions"] = self._extensions
        self._at_shutdown = None

    def on_headers_complete(self) -> None:
        """The head is whole."""
        self._in_head = False
        self._stop_waiting()
        super().on_headers_complete()
        if self.cycle is not None:  # None where the connection is upgraded
            self.cycle.transport = self._answers  # type: ignore[assignment]  # all that a cycle asks of it

    def shutdown(self) -> None:
        """The server begins to stop: what would go on for ever is told to end."""
        super().shutdown()
        if self._at_shutdown is not None:
            self._at_shutdown()

    def _call_at_shutdown(self, call: Callable[[], object]) -> None:
        self._at_shutdown = call

    def _head_goes_on(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > HEAD_BYTES_MAX:
            self.transport.write(_TOO_LARGE)
            self.transport.close()
        elif self._head_timer is None:
            self._wait_for_head()

    def _wait_for_head(self) -> None:
        self._head_timer = self.loop.call_later(self.head_seconds, self._head_is_late)

    def _stop_waiting(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _head_is_late(self) -> None:
        self._head_timer = None
        if self._in_head and not self.transport.is_closing():
            self.transport.close()
