"""Ends TLS before one server: players speak TLS at its external ports, the server plain TCP at its own.

A program of its own beside each server that asks for it, outside its sandbox and with no rights: it outlives
the agent, and ends with the server's first process, which it watches. It needs the standard library alone. A
program of our own, because stunnel, haproxy and hitch don't end with a process that they did not start: each
would need another one beside it for that, and a package on every host.

The certificate is taken anew whenever its file is replaced: for connections that come; others go on.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import json
import os
import resource
import signal
import socket
import ssl
import sys
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any, Final

from schemas.fleet.relays import relay_memory_mib
from streams.fleet.host.proxy_protocol import proxy_header
from streams.fleet.host.relay_connection import Connection, Player

CERTIFICATE: Final = "relay.pem"
"""In the folder of certificates: the key and the chain."""
LISTENS: Final = "is-relayed"
"""A file in the attempt's folder: its relay listens."""
CONNECTIONS_MAX: Final = 512
"""Of each port; more are closed at once."""
CONNECTIONS_OF_ADDRESS_MAX: Final = 128
"""Of each port, of one address: players at others get in."""
HANDSHAKE_S: Final = 10.0
CONNECT_S: Final = 5.0
FLUSH_S: Final = 1.0
"""What a server said last has so long to reach its players once it has ended."""
_RENEW_S: Final = 1.0
_AGAIN_S: Final = 0.05
_RECEIVE_BYTES: Final = 64 * 1024
_SEND_BYTES: Final = 128 * 1024
_MIB: Final = 1024 * 1024
_START_TICKS: Final = 19
_NO_NEW_PRIVILEGES: Final = 38


class Relay:
    """All ports of one server."""

    def __init__(self, doors: list[tuple[socket.socket, dict[str, Any]]]) -> None:
        """`doors` are what listens, and where to connect from there."""
        self._doors = doors
        self._loop = asyncio.get_running_loop()
        self._stamp = _stamp()
        self._context = _context()
        self._connections: set[asyncio.Task[None]] = set()

    async def run(self, ended: asyncio.Event) -> None:
        """Until the server has ended."""
        working = [asyncio.create_task(self._accept(*door)) for door in self._doors]
        working.append(asyncio.create_task(self._renew()))
        await ended.wait()
        for task in working:
            task.cancel()
        await asyncio.wait(working)
        for listener, _ in self._doors:
            listener.close()
        if self._connections:
            await asyncio.wait(self._connections, timeout=FLUSH_S)

    async def _accept(self, listener: socket.socket, to: dict[str, Any]) -> None:
        connected: set[asyncio.Task[None]] = set()
        of_address: Counter[str] = Counter()
        while True:
            try:
                connection, (address, _) = await self._loop.sock_accept(listener)
            except OSError:  # it has gone already, or no more can be opened
                await asyncio.sleep(_AGAIN_S)
                continue
            if len(connected) >= CONNECTIONS_MAX or of_address[address] >= CONNECTIONS_OF_ADDRESS_MAX:
                connection.close()
                continue
            of_address[address] += 1
            task = asyncio.create_task(self._serve(connection, to))
            for tasks in (connected, self._connections):
                tasks.add(task)
                task.add_done_callback(tasks.discard)
            task.add_done_callback(partial(_gone, of_address, address))

    async def _serve(self, connection: socket.socket, to: dict[str, Any]) -> None:
        with connection, socket.socket() as server:
            try:
                _tune(connection)
                player = Player(connection, self._context)
                async with asyncio.timeout(HANDSHAKE_S):
                    await player.handshake()
                server.settimeout(0)
                server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BYTES)
                _tune(server)
                if to["source"] is not None:
                    server.bind((to["source"], 0))
                async with asyncio.timeout(CONNECT_S):
                    await self._loop.sock_connect(server, (to["host"], to["port"]))
                    if to["proxy"]:
                        header = proxy_header(connection.getpeername(), connection.getsockname())
                        await self._loop.sock_sendall(server, header)
                await Connection(player, server).run()
            except (OSError, MemoryError):  # SSLError and TimeoutError are of OSError
                for one in (connection, server):  # what one end has lost the other is not to take for an end
                    with contextlib.suppress(OSError):
                        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(_RENEW_S)
            stamp = _stamp()
            if stamp != self._stamp:
                self._stamp = stamp
                with contextlib.suppress(OSError):
                    self._context = _context()


def _gone(of_address: Counter[str], address: str, _: object) -> None:
    of_address[address] -= 1
    if not of_address[address]:
        del of_address[address]


def _stamp() -> tuple[int, int] | None:
    try:
        seen = Path(CERTIFICATE).stat()
    except OSError:
        return None
    return seen.st_ino, seen.st_mtime_ns


def _context() -> ssl.SSLContext:
    """TLS 1.2 and later, no protocol of an application's (ALPN), any name (SNI)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.load_cert_chain(CERTIFICATE, password=b"")
    return context


def _tune(connection: socket.socket) -> None:
    connection.settimeout(0)
    for level, name, value in (
        (socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BYTES),
        (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
        (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
        (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 60),
        (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 15),
        (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 4),
    ):
        connection.setsockopt(level, name, value)


def _listen(port: int) -> socket.socket:
    every = "0.0.0.0"  # noqa: S104 - players come from anywhere
    listener = socket.create_server((every, port), backlog=CONNECTIONS_MAX)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BYTES)  # connections inherit it
    listener.settimeout(0)
    return listener


def _process(pid: int, start_ticks: int) -> int:
    """A pidfd of the server's first process. Raises ProcessLookupError where it has ended."""
    descriptor = os.pidfd_open(pid)
    fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    if int(fields[_START_TICKS]) != start_ticks:
        raise ProcessLookupError(f"process {pid} is another one by now")
    return descriptor


def _confine(user: tuple[int, int] | None, ports: int) -> None:
    """Bounds, and the rights of a user that owns nothing. `user` None: the agent's own."""
    files = 2 * CONNECTIONS_MAX * ports + 64
    _, files_max = resource.getrlimit(resource.RLIMIT_NOFILE)
    if os.geteuid() != 0 and files_max != resource.RLIM_INFINITY:
        files = min(files, files_max)
    for limit, value in (
        (resource.RLIMIT_NOFILE, files),
        (resource.RLIMIT_DATA, relay_memory_mib(ports) * _MIB),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, _MIB),
        (resource.RLIMIT_NPROC, 0),
    ):
        resource.setrlimit(limit, (value, value))
    if user is not None:
        uid, gid = user
        os.setgroups([])
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
    ctypes.CDLL(None).prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)


async def _run(doors: list[tuple[socket.socket, dict[str, Any]]], process: int) -> None:
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    loop.set_exception_handler(lambda *_: None)  # whatever players do, nothing is written
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    loop.add_reader(process, ended.set)
    await Relay(doors).run(ended)


def main(given: str) -> None:
    """`given` is JSON: see `streams.fleet.host.relays`."""
    asked = json.loads(given)
    os.chdir(asked["certificates"])  # which is all of the machine that it needs afterwards
    process = _process(*asked["server"])
    _context()
    doors = [(_listen(door["external"]), door) for door in asked["doors"]]
    Path(asked["folder"], LISTENS).touch()
    _confine(asked["user"], len(doors))
    asyncio.run(_run(doors, process))


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except OSError as error:
        sys.exit(f"{type(error).__name__}: {error}")
