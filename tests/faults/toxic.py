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

_LINGER_NOW = struct.pack("ii", 1, 0)


class Toxic:
    """Settings of a running proxy; each takes effect at once and for connections that are open already."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.latency_seconds = 0.0
        """Every piece is passed on that much later."""
        self.swallow = False
        """Nothing is passed on, nothing is closed: the far side seems to have fallen silent."""
        self.reset_after_bytes: int | None = None
        """A connection is reset once so many bytes more have gone towards the server."""
        self.refuse = False
        """New connections are reset at once."""
        self.connections = 0
        self._writers: set[asyncio.StreamWriter] = set()

    def reset_all(self) -> None:
        """Reset every open connection, on both sides."""
        for writer in list(self._writers):
            reset(writer)


def reset(writer: asyncio.StreamWriter) -> None:
    """Close with RST instead of FIN."""
    if (raw := writer.get_extra_info("socket")) is not None:
        with contextlib.suppress(OSError):
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOW)
    writer.transport.abort()


@asynccontextmanager
async def toxic(target: int) -> AsyncIterator[Toxic]:
    """A proxy on a free port of 127.0.0.1 to `target` on the same machine."""

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, up: bool) -> None:
        while data := await reader.read(65_536):
            if proxy.latency_seconds:
                await asyncio.sleep(proxy.latency_seconds)
            if proxy.swallow:
                continue
            if up and proxy.reset_after_bytes is not None:
                proxy.reset_after_bytes -= len(data)
                if proxy.reset_after_bytes <= 0:
                    proxy.reset_after_bytes = None
                    writer.write(data[: len(data) // 2])
                    raise ConnectionResetError
            writer.write(data)
            await writer.drain()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        proxy.connections += 1
        if proxy.refuse:
            reset(writer)
            return
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", target)
        except OSError:
            reset(writer)
            return
        proxy._writers |= {writer, far_writer}
        pumps = [
            asyncio.create_task(pump(reader, far_writer, up=True)),
            asyncio.create_task(pump(far_reader, writer, up=False)),
        ]
        try:
            done, _ = await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            broken = any(task.exception() is not None for task in done)
        finally:
            for task in pumps:
                task.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            proxy._writers -= {writer, far_writer}
        for one in (writer, far_writer):
            if broken:
                reset(one)
            else:
                one.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    proxy = Toxic(server.sockets[0].getsockname()[1])
    try:
        yield proxy
    finally:
        server.close()
        proxy.reset_all()
        await server.wait_closed()
