"""What uvicorn's request cycle leaves out: clients of HTTP/1.0, and those that ask before they send."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

if TYPE_CHECKING:
    from collections.abc import Mapping

    from uvicorn._types import ASGISendEvent


class Http10Cycle(RequestResponseCycle):
    """A body of unknown length ends with the connection: an HTTP/1.0 client does not know chunks."""

    _until_close = False

    async def send(self, message: ASGISendEvent) -> None:
        """As uvicorn's, without chunks."""
        if message["type"] == "http.response.start":
            if not _has(message, b"content-length"):
                self._until_close = True
                self.chunked_encoding = False
        elif self._until_close and message["type"] == "http.response.body":
            self.expected_content_length = len(message.get("body", b""))
        await super().send(message)


class ExpectingCycle(RequestResponseCycle):
    """The client waits for `100 Continue`, which is sent when the application reads the body.

    Where it is answered without that, it may send its body or leave it out: only the connection's end tells
    where the next request begins.
    """

    async def send(self, message: ASGISendEvent) -> None:
        """As uvicorn's; the connection ends where the body was not asked for and is not there."""
        if self.waiting_for_100_continue and self.more_body:
            self.keep_alive = False
        await super().send(message)


def _has(message: Mapping[str, Any], name: bytes) -> bool:
    return any(key.lower() == name for key, _ in message.get("headers", ()))
