"""The relay between players and a server of the test's own."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from queue import Queue
from threading import Event
from typing import Any

import pytest

from streams.fleet.host import relay, relay_connection
from streams.fleet.host.relay import Relay
from streams.fleet.host.relays import certify
from tests.streams.fleet.host.authority import Authority, TlsPlayer, plain, serial

Talk = Callable[[socket.socket], None]
LARGE = bytes(range(256)) * 16_384


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


class Running:
    """A relay at `port`, and what it ends TLS with."""

    def __init__(self, root: Path, authority: Authority) -> None:
        self._root = root
        self._authority = authority
        self.port = 0
        self.serial = self.renew()

    def renew(self) -> int:
        """Another certificate; its serial number."""
        certificate, key = self._authority.issue(self._root)
        certify(self._root, key.read_bytes() + certificate.read_bytes(), None)
        return serial(certificate)

    async def asks(self, ask: Callable[[TlsPlayer], Any]) -> Any:
        """What a player makes of its connection."""

        def play() -> Any:
            with TlsPlayer(self._authority.client(), self.port) as player:
                return ask(player)

        return await asyncio.to_thread(play)


@asynccontextmanager
async def relayed(
    root: Path, authority: Authority, talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Running]:
    """A relay before a server that talks to each connection in a thread."""
    running = Running(root, authority)
    monkeypatch.setattr(relay, "CERTIFICATE", str(root / "tls" / relay.CERTIFICATE))
    ended = asyncio.Event()
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_server(("127.0.0.1", 0)) as door:
        server.settimeout(0)
        door.settimeout(0)
        running.port = door.getsockname()[1]
        to = {"host": "127.0.0.1", "port": server.getsockname()[1], "source": None, "proxy": False}
        tasks = [
            asyncio.create_task(Relay([(door, to)]).run(ended)),
            asyncio.create_task(_serve(server, talk)),
        ]
        try:
            yield running
        finally:
            ended.set()
            await tasks[0]
            tasks[1].cancel()
            await asyncio.wait(tasks)


async def _serve(server: socket.socket, talk: Talk) -> None:
    loop = asyncio.get_running_loop()

    def answer(connection: socket.socket) -> None:
        with connection:
            connection.settimeout(60)
            with suppress(ConnectionError):
                talk(connection)

    async with asyncio.TaskGroup() as talks:
        while True:
            connection, _ = await loop.sock_accept(server)
            talks.create_task(asyncio.to_thread(answer, connection))


def echo(connection: socket.socket) -> None:
    while data := connection.recv(65_536):
        connection.sendall(data)


def everything(connection: socket.socket) -> bytes:
    found = b""
    while data := connection.recv(65_536):
        found += data
    return found


async def test_bytes_pass_both_ways_and_both_ends_are_told(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ask(player: TlsPlayer) -> tuple[bytes, str | None, str | None]:
        player.send(b"hello")
        answer = player.exactly(5)
        player.finish()
        assert player.rest() == b""
        return answer, player.tls.version(), player.tls.selected_alpn_protocol()

    async with relayed(tmp_path, authority, echo, monkeypatch) as running:
        assert await running.asks(ask) == (b"hello", "TLSv1.3", None)


async def test_a_player_says_its_last_and_hears_all_that_the_server_says_then(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    def talk(connection: socket.socket) -> None:
        heard = everything(connection)
        connection.sendall(b"%d " % len(heard) + LARGE)

    def ask(player: TlsPlayer) -> bytes:
        player.send(LARGE)
        player.finish()
        return player.rest()

    async with relayed(tmp_path, authority, talk, monkeypatch) as running:
        assert await running.asks(ask) == b"%d " % len(LARGE) + LARGE


async def test_a_server_says_its_last_and_hears_all_that_the_player_says_then(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = Queue[bytes]()

    def talk(connection: socket.socket) -> None:
        begin = connection.recv(6)
        connection.sendall(b"bye")
        connection.shutdown(socket.SHUT_WR)
        heard.put(begin + everything(connection))

    def ask(player: TlsPlayer) -> bytes:
        player.send(b"begin ")
        said = player.rest()
        for start in range(0, len(LARGE), 100_000):
            player.send(LARGE[start : start + 100_000])
        player.finish()
        return said

    async with relayed(tmp_path, authority, talk, monkeypatch) as running:
        assert await running.asks(ask) == b"bye"
        assert await asyncio.to_thread(heard.get, timeout=60) == b"begin " + LARGE


async def test_a_player_who_does_not_read_does_not_keep_its_words_from_the_server(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    much = LARGE * 8
    stuck, heard = Event(), Event()

    def talk(connection: socket.socket) -> None:
        connection.settimeout(0.5)
        sent = 0
        with suppress(TimeoutError):
            while sent < len(much):
                sent += connection.send(much[sent : sent + 65_536])
        stuck.set()
        connection.settimeout(60)
        word = connection.recv(4)
        heard.set()
        connection.sendall(word + b" after %d" % sent)

    def ask(player: TlsPlayer) -> bytes:
        assert stuck.wait(60)
        player.send(b"word")
        assert heard.wait(60)
        return player.rest()

    async with relayed(tmp_path, authority, talk, monkeypatch) as running:
        said = await running.asks(ask)
    said, _, sent = said.rpartition(b"word after ")
    assert said == much[: int(sent)]
    assert 0 < int(sent) < len(much)  # the player held it back: the relay's memory did not take it


async def test_what_the_server_breaks_off_is_no_orderly_end(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    def talk(connection: socket.socket) -> None:
        connection.recv(4)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    def ask(player: TlsPlayer) -> bytes:
        player.send(b"word")
        return player.rest()

    async with relayed(tmp_path, authority, talk, monkeypatch) as running:
        with pytest.raises(ConnectionError):
            await running.asks(ask)


async def test_what_is_no_tls_of_today_is_refused(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "HANDSHAKE_S", 0.2)
    talked: list[bool] = []

    def old(port: int) -> None:
        context = authority.client()
        context.maximum_version = ssl.TLSVersion.TLSv1_1
        context.set_ciphers("ALL:@SECLEVEL=0")
        TlsPlayer(context, port)

    def unanswered(port: int, words: bytes) -> bytes:
        with plain(port) as connection:
            connection.sendall(words)
            try:
                return everything(connection)
            except ConnectionResetError:
                return b""

    async with relayed(tmp_path, authority, lambda _: talked.append(True), monkeypatch) as running:
        with pytest.warns(DeprecationWarning, match="TLSv1_1"), pytest.raises(ssl.SSLError):
            await asyncio.to_thread(old, running.port)
        assert b"HTTP" not in await asyncio.to_thread(unanswered, running.port, b"GET / HTTP/1.0\r\n\r\n")
        began = time.monotonic()
        assert (
            await asyncio.to_thread(unanswered, running.port, b"\x16") == b""
        )  # the handshake's time is over
        assert time.monotonic() - began >= 0.2
        assert talked == []


async def test_a_port_has_so_many_connections_and_one_more_once_one_has_gone(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "CONNECTIONS_MAX", 2)

    def asked(player: TlsPlayer) -> bytes:
        player.send(b"hello")
        return player.exactly(5)

    def crowd(port: int) -> None:
        with TlsPlayer(authority.client(), port) as first:
            with TlsPlayer(authority.client(), port) as second:
                with pytest.raises((ssl.SSLError, ConnectionError)):
                    TlsPlayer(authority.client(), port)
                assert asked(first) == asked(second) == b"hello"
            until = time.monotonic() + 60
            gets_in = False
            while not gets_in:
                assert time.monotonic() < until
                with suppress(ssl.SSLError, ConnectionError), TlsPlayer(authority.client(), port) as third:
                    gets_in = asked(third) == b"hello"

    async with relayed(tmp_path, authority, echo, monkeypatch) as running:
        await asyncio.to_thread(crowd, running.port)


async def test_an_address_has_a_share_of_a_port_s_connections(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "CONNECTIONS_OF_ADDRESS_MAX", 1)

    def crowd(port: int) -> None:
        with TlsPlayer(authority.client(), port) as first:
            with pytest.raises((ssl.SSLError, ConnectionError)):
                TlsPlayer(authority.client(), port)
            with TlsPlayer(authority.client(), port, source="127.0.0.2") as another:
                for player in (first, another):
                    player.send(b"hello")
                    assert player.exactly(5) == b"hello"
        until = time.monotonic() + 60
        gets_in = False
        while not gets_in:
            assert time.monotonic() < until
            with suppress(ssl.SSLError, ConnectionError), TlsPlayer(authority.client(), port) as again:
                again.send(b"hello")
                gets_in = again.exactly(5) == b"hello"

    async with relayed(tmp_path, authority, echo, monkeypatch) as running:
        await asyncio.to_thread(crowd, running.port)


async def test_a_certificate_is_taken_anew_and_connections_go_on(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "_RENEW_S", 0.01)

    def shown(running: Running) -> int:
        with TlsPlayer(authority.client(), running.port) as player:
            return player.serial

    def play(running: Running) -> None:
        with TlsPlayer(authority.client(), running.port) as player:
            assert player.serial == running.serial
            renewed = running.renew()
            until = time.monotonic() + 60
            while shown(running) != renewed:
                assert time.monotonic() < until
            (tmp_path / "tls" / "relay.pem").write_bytes(b"broken")
            time.sleep(0.1)
            assert shown(running) == renewed
            player.send(b"still here")
            assert player.exactly(10) == b"still here"

    async with relayed(tmp_path, authority, echo, monkeypatch) as running:
        await asyncio.to_thread(play, running)


async def test_one_side_may_be_silent_for_some_time_once_the_other_has_said_its_last(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay_connection, "HALF_CLOSED_S", 0.3)

    def talk(connection: socket.socket) -> None:
        everything(connection)
        for _ in range(5):
            connection.sendall(b".")
            time.sleep(0.1)
        assert connection.recv(1) == b""
        connection.settimeout(60)
        while True:  # until the relay gives up, of which the player hears
            time.sleep(1)
            connection.sendall(b".")

    def ask(player: TlsPlayer) -> bytes:
        player.finish()
        said = player.exactly(5)
        with pytest.raises(ConnectionError):
            player.rest()
        return said

    async with relayed(tmp_path, authority, talk, monkeypatch) as running:
        assert await running.asks(ask) == b"....."
