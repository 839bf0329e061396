"""An edge's connections: answers that leave whole, and what an application may do with its connection.

An application that answers without end finds in its scope how to end a connection at once, and how to hear
that the server stops (`api.liveops.sse.CONNECTION`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from api.liveops.sse import CONNECTION
from deploy.connections import Addresses, too_many
from deploy.http_protocol import BoundedProtocol
from deploy.unsent_answers import UnsentAnswers


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

    def is_closing(self) -> bool:
        """Whether nothing can be sent any more."""
        return self._transport.is_closing()

    def _flush(self) -> None:
        if self._held:
            held, self._held = self._held, b""
            self._transport.write(held)


class EdgeProtocol(BoundedProtocol):
    """One connection of an edge.

    Beyond the limit of its address its first request is answered 503; beyond twice the limit it is closed.
    It is ended at once where what its reader has not taken is beyond a limit, or is taken too slowly.
    """

    addresses = Addresses()
    unsent = UnsentAnswers()
    _counted = False
    _unsent_bytes = 0
    _sending_timer: asyncio.TimerHandle | None = None
    _at_shutdown: Callable[[], object] | None = None
    _extensions: dict[str, Any]

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """Begin to wait for the first head."""
        super().connection_made(transport)
        if self.client is not None:
            count = self.addresses.opened(self.client[0])
            self._counted = count > 0
            if count > self.addresses.limit:
                self.app = too_many
                if count > 2 * self.addresses.limit:
                    transport.abort()
        self._answers = WholeAnswers(transport, self.loop)
        self._extensions = {CONNECTION: {"abort": transport.abort, "on_shutdown": self._call_at_shutdown}}

    def connection_lost(self, exc: Exception | None) -> None:
        """The end."""
        if self._counted and self.client is not None:
            self._counted = False
            self.addresses.closed(self.client[0])
        self._at_shutdown = None
        self._release_unsent()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """The reader takes less than is written: the application waits, and what is held counts."""
        super().pause_writing()
        size = self.transport.get_write_buffer_size()
        if not self.unsent.hold(self._address, size):
            self.transport.abort()
            return
        self._unsent_bytes = size
        self._sending_timer = self.loop.call_later(self.unsent.seconds_to_send(size), self.transport.abort)

    def resume_writing(self) -> None:
        """The reader has taken most of it."""
        self._release_unsent()
        super().resume_writing()

    def on_message_begin(self) -> None:
        """A new head."""
        super().on_message_begin()
        self.scope["extensions"] = self._extensions
        self._at_shutdown = None

    def shutdown(self) -> None:
        """The server begins to stop: responses without an end are told to finish."""
        super().shutdown()
        if self._at_shutdown is not None:
            self._at_shutdown()

    @property
    def _address(self) -> str:
        return self.client[0] if self.client is not None else ""

    def _release_unsent(self) -> None:
        if self._sending_timer is not None:
            self._sending_timer.cancel()
            self._sending_timer = None
            self.unsent.release(self._address, self._unsent_bytes)

    def _call_at_shutdown(self, call: Callable[[], object]) -> None:
        self._at_shutdown = call


def edge_protocol(addresses: Addresses, unsent: UnsentAnswers | None = None) -> type[EdgeProtocol]:
    """The protocol of a server whose connections and unsent answers count there."""
    counts = {"addresses": addresses, "unsent": unsent or UnsentAnswers(proxies=addresses.proxies)}
    return type("EdgeProtocol", (EdgeProtocol,), counts)
