"""What one attempt's server is told and says: its server.json, and the SDK on its own localhost."""

from __future__ import annotations

import logging
import socket
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec

from streams.fleet.host.attempts import Attempt
from streams.fleet.host.driver import Driver
from streams.fleet.host.namespaces import listener
from streams.fleet.host.oci import SDK_PORT
from streams.fleet.host.sdk import Said, Sdk

_log: Final = logging.getLogger(__name__)


class Conversation:
    """Of one attempt. `show` at any time, `open` once, `close` at its end."""

    def __init__(
        self,
        attempt: Attempt,
        *,
        driver: Driver,
        in_thread: Callable[..., Awaitable[Any]],
        document: dict[str, Any],
        said: Callable[[Said], None],
        custom_data: Callable[[str], None],
    ) -> None:
        """`said` hears what the server says of itself, `custom_data` a JSON object as text."""
        self._attempt = attempt
        self._driver = driver
        self._in_thread = in_thread
        self._document = document
        self._sdk = Sdk(said=said, custom_data=custom_data, shown=lambda: self._document)

    def show(self, document: dict[str, Any]) -> None:
        """server.json is this from now on, and those who watch by the SDK are told."""
        if document != self._document:
            self._document = document
            try:
                self.write()
            except OSError as error:  # the disk is full; the SDK tells it, and the next change writes it
                _log.warning("%s has no new server.json: %s", self._attempt.id, error)
            self._sdk.changed()

    def write(self) -> None:
        """server.json as it is now. Raises OSError."""
        self._driver.show(self._attempt, msgspec.json.format(msgspec.json.encode(self._document)))

    async def open(self) -> None:
        """The SDK, where the driver leaves it to the agent."""
        namespace = self._driver.namespace(self._attempt)
        port = self._attempt.spec.sdk_port
        try:
            if namespace is not None:
                await self._sdk.open(await self._in_thread(listener, namespace, SDK_PORT))
            elif port is not None:
                await self._sdk.open(socket.create_server(("127.0.0.1", port)))
        except OSError as error:  # of a server that has just ended, or whose port is another's by now
            _log.warning("%s has no SDK: %s", self._attempt.id, error)

    async def close(self) -> None:
        """Nothing is heard any more. Twice is as once."""
        await self._sdk.close()
