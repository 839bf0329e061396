"""One player of a server behind TLS: what either side says passes as fast as the other takes it.

Part of the program `relay`: it needs the standard library alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from typing import Final

HALF_CLOSED_S: Final = 300.0
"""Once one side has said its last, the other may be silent for so long."""
PIECE_BYTES: Final = 16 * 1024
_UNSENT_BYTES: Final = 64 * 1024
_ENDS: Final = (ssl.SSLWantReadError, ssl.SSLZeroReturnError, ssl.SSLEOFError)


class Player:
    """A connection's end that speaks TLS. One task may read while another writes."""

    def __init__(self, connection: socket.socket, context: ssl.SSLContext) -> None:
        self._loop = asyncio.get_running_loop()
        self._socket = connection
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._sending = asyncio.Lock()
        self._early: list[bytes] = []
        self._ended = False

    async def handshake(self) -> None:
        """Raises SSLError, OSError."""
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                await self._send()
                await self._receive()
            except ssl.SSLError:
                await self._send()  # says why
                raise
            else:
                await self._send()
                return

    async def read(self) -> bytes:
        """What comes next; empty once the player has said its last. Raises SSLError, OSError."""
        while not self._early and not self._ended:
            if (data := self._decrypted()) is not None:
                return data
            # Answers of TLS itself don't wait for a player who does not read, as long as they are few.
            if self._outgoing.pending > (_UNSENT_BYTES if self._sending.locked() else 0):
                await self._send()
            await self._receive()
        return self._early.pop(0) if self._early else b""

    async def write(self, data: bytes) -> None:
        """Returns once the kernel has it. Raises SSLError, OSError."""
        self._tls.write(data)
        await self._send()

    async def finish(self) -> None:
        """Says that nothing more comes; what the player says can be read on."""
        while not self._ended and (data := self._decrypted()):  # OpenSSL gives up over what it meets then
            self._early.append(data)
        with contextlib.suppress(*_ENDS):
            self._tls.unwrap()
        await self._send()
        self._socket.shutdown(socket.SHUT_WR)

    def _decrypted(self) -> bytes | None:
        """Empty at the end, orderly or not, as many programs end; None where more has to come first."""
        try:
            data: bytes = self._tls.read(PIECE_BYTES)
        except ssl.SSLWantReadError:
            return None
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            data = b""
        self._ended = not data
        return data

    async def _receive(self) -> None:
        data = await self._loop.sock_recv(self._socket, PIECE_BYTES)
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()

    async def _send(self) -> None:
        async with self._sending:
            while self._outgoing.pending:
                await self._loop.sock_sendall(self._socket, self._outgoing.read(_UNSENT_BYTES))


class Connection:
    """A player and its server."""

    def __init__(self, player: Player, server: socket.socket) -> None:
        self._loop = asyncio.get_running_loop()
        self._player = player
        self._server = server
        self._pieces = 0

    async def run(self) -> None:
        """Until both have said their last. Raises SSLError, OSError, TimeoutError."""
        both = [asyncio.create_task(self._up()), asyncio.create_task(self._down())]
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            while True:
                passed = self._pieces
                for task in both:
                    if task.done():
                        task.result()
                rest = [task for task in both if not task.done()]
                if not rest:
                    return
                done, _ = await asyncio.wait(rest, timeout=HALF_CLOSED_S)
                if not done and passed == self._pieces:
                    raise TimeoutError
        finally:
            for task in both:
                task.cancel()
            await asyncio.gather(*both, return_exceptions=True)

    async def _up(self) -> None:
        while data := await self._player.read():
            await self._loop.sock_sendall(self._server, data)
            self._pieces += 1
        self._server.shutdown(socket.SHUT_WR)

    async def _down(self) -> None:
        while data := await self._loop.sock_recv(self._server, PIECE_BYTES):
            await self._player.write(data)
            self._pieces += 1
        await self._player.finish()
