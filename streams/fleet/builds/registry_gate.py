"""The only way from the sandbox to registries: a proxy for CONNECT that checks every address it connects to.

What pulls an image is led by what registries answer: redirects, places to get tokens. So each connection is
checked as a webhook's is (`streams.webhooks.addresses`): public addresses at the ports of HTTPS and of the
image's registry, and registries that the deployment names wherever they are.
Source: contract/fleet.md, "Builds".
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

from streams.webhooks.addresses import AddressRefused, check_address

Endpoint = tuple[str, int]
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]

LOOPBACK: Final = frozenset({"localhost", "127.0.0.1"})
_HTTPS_PORT: Final = 443
_HEAD_BYTES_MAX: Final = 8 * 1024
_PIECE_BYTES: Final = 64 * 1024
_CONNECTIONS_MAX: Final = 64
_CONNECT_S: Final = 15.0
_REQUEST: Final = re.compile(
    rb"CONNECT (?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+)):([0-9]{1,5}) HTTP/1\.[01]\r\n"
)


class RegistryGate:
    """Serves one pull. `named` are registries that the deployment trusts to be where they are."""

    def __init__(self, registry: Endpoint, named: frozenset[Endpoint], *, bytes_max: int) -> None:
        self._registry = registry
        self._named = named
        self._bytes_left = bytes_max
        self._connections: set[asyncio.Task[None]] = set()
        self.refused: str | None = None
        """Why a connection was refused, for the build's owner."""

    @property
    def spent(self) -> bool:
        """Whether more bytes came than may come; then all connections are closed."""
        return self._bytes_left < 0

    @asynccontextmanager
    async def serving(self, proxy: socket.socket, direct: socket.socket | None) -> AsyncIterator[None]:
        """Serve these listening sockets until the block ends: CONNECT, and the registry at the loopback."""
        servers = [await asyncio.start_server(self._served(self._asked), sock=proxy, limit=_HEAD_BYTES_MAX)]
        if direct is not None:
            servers.append(await asyncio.start_server(self._served(self._to_loopback), sock=direct))
        try:
            yield
        finally:
            for server in servers:
                server.close()
            for task in self._connections:
                task.cancel()
            await asyncio.gather(*self._connections, return_exceptions=True)

    def _served(
        self, connect: Callable[[Streams], Awaitable[Streams | None]]
    ) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None  # noqa: S101 - asyncio runs this in a task
            self._connections.add(task)
            try:
                if len(self._connections) <= _CONNECTIONS_MAX:
                    await self._joined((reader, writer), await connect((reader, writer)))
            except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                pass  # the other side sees its connection end
            except asyncio.CancelledError:
                pass  # by `serving` alone; asyncio would report it as an error
            finally:
                self._connections.discard(task)
                await _closed(writer)

        return serve

    async def _asked(self, client: Streams) -> Streams | None:
        """The connection that a CONNECT asks for; None where it is refused."""
        reader, writer = client
        head = await reader.readuntil(b"\r\n\r\n")
        request = _REQUEST.match(head)
        if request is None:
            self.refused = "the registry leads to an address without HTTPS"
            writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            return None
        host = (request[1] or request[2]).decode().lower()
        try:
            server = await self._connected(host, int(request[3]))
        except AddressRefused as error:
            self.refused = str(error)
            writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            return None
        except OSError:
            writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
            return None
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        return server

    async def _connected(self, host: str, port: int) -> Streams:
        """Raises AddressRefused; OSError where the address does not answer."""
        named = (host, port) in self._named
        if not named and port != _HTTPS_PORT and (host, port) != self._registry:
            raise AddressRefused(f"{host}:{port} is no port that images are pulled from: 443 is")
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(_CONNECT_S):
                found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
                addresses = list(dict.fromkeys(str(where[0]) for *_, where in found))
                if not named:
                    for address in addresses:
                        check_address(host, address, ())
                return await _first(addresses, port)
        except TimeoutError:
            raise OSError(f"{host}:{port} doesn't answer") from None

    async def _to_loopback(self, _: Streams) -> Streams:
        return await asyncio.open_connection("127.0.0.1", self._registry[1])

    async def _joined(self, client: Streams, server: Streams | None) -> None:
        if server is None:
            return
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._copied(client[0], server[1], counted=False))
                both.create_task(self._copied(server[0], client[1], counted=True))
        except* OSError:
            pass  # one side has ended
        finally:
            await _closed(server[1])

    async def _copied(
        self, source: asyncio.StreamReader, target: asyncio.StreamWriter, *, counted: bool
    ) -> None:
        while piece := await source.read(_PIECE_BYTES):
            if counted:
                self._bytes_left -= len(piece)
                if self.spent:
                    raise OSError("more bytes than an image may have")
            target.write(piece)
            await target.drain()
        if target.can_write_eof():
            target.write_eof()


async def _first(addresses: list[str], port: int) -> Streams:
    """A connection to the first address that answers. Raises OSError."""
    last: OSError = OSError("no address")
    for address in addresses:
        try:
            return await asyncio.open_connection(address, port)
        except OSError as error:
            last = error
    raise last


async def _closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
