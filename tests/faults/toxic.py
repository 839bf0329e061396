"""A TCP proxy that spoils what goes through it: late, cut off, swallowed."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PIECE = 65_536
_LINGER_NOW = struct.pack("ii", 1, 0)


class Toxic:
    """Settings of a running proxy; each takes effect at once and for connections that are open already."""

    def __init__(self, target: int) -> None:
        self.port = 0
        self._target = target
        self.latency_seconds = 0.0
        """Every piece is passed on that much later."""
        self.swallow = False
        """Nothing is passed on, nothing is closed: the far side seems to have fallen silent."""
        self.reset_after_bytes: int | None = None
        """A connection is reset once so many bytes more have gone towards the server."""
        self.refuse = False
        """New connections are reset at once."""
        self.connections = 0
        self.bytes_swallowed = 0
        self._writers: set[asyncio.StreamWriter] = set()

    def reset_all(self) -> None:
        """Reset every open connection, on both sides."""
        for writer in list(self._writers):
            reset(writer)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection until either side ends it."""
        self.connections += 1
        try:
            if self.refuse:
                raise ConnectionRefusedError
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            reset(writer)
            return
        both = {writer, far_writer}
        self._writers |= both
        pumps = [
            asyncio.create_task(self._up(reader, far_writer)),
            asyncio.create_task(self._pump(far_reader, writer)),
        ]
        try:
            done, _ = await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            broken = any(task.exception() is not None for task in done)
        finally:
            for task in pumps:
                task.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            self._writers -= both
        for one in both:
            if broken:
                reset(one)
            else:
                one.close()

    async def _up(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(PIECE):
            if self.reset_after_bytes is not None:
                self.reset_after_bytes -= len(data)
                if self.reset_after_bytes <= 0:
                    self.reset_after_bytes = None
                    writer.write(data[: len(data) // 2])
                    raise ConnectionResetError
            await self._pass(data, writer)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(PIECE):
            await self._pass(data, writer)

    async def _pass(self, data: bytes, writer: asyncio.StreamWriter) -> None:
        if self.latency_seconds:
            await asyncio.sleep(self.latency_seconds)
        if self.swallow:
            self.bytes_swallowed += len(data)
            return
        writer.write(data)
        await writer.drain()


def reset(writer: asyncio.StreamWriter) -> None:
    """Close with RST instead of FIN."""
    if (raw := writer.get_extra_info("socket")) is not None:
        with contextlib.suppress(OSError):
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOW)
    writer.transport.abort()


@asynccontextmanager
async def toxic(target: int) -> AsyncIterator[Toxic]:
    """A proxy on a free port of 127.0.0.1 to `target` on the same machine."""
    proxy = Toxic(target)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        proxy.reset_all()
        await server.wait_closed()
