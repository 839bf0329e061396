"""A tiny HTTP server that answers every post as the gateway would, and counts; for tests of what sends."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ANSWER = b'HTTP/1.1 %d X\r\ncontent-type: application/json\r\ncontent-length: 19\r\n\r\n{"status":"queued"}'


class Sink:
    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.heads: list[bytes] = []
        self.statuses: list[int] = []
        self.url = ""

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                self.bodies.append(await reader.readexactly(length))
                self.heads.append(head)
                status = self.statuses.pop(0) if self.statuses else 200
                answer = ANSWER % status
                writer.write(answer[:30])  # in two pieces: an answer need not come whole
                await writer.drain()
                writer.write(answer[30:])
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def sink() -> AsyncIterator[Sink]:
    served = Sink()
    server = await asyncio.start_server(served._serve, "127.0.0.1", 0)
    served.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield served
    finally:
        server.close()
        await server.wait_closed()
