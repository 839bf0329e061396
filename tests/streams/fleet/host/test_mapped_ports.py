"""Clients that keep their own port while the server behind the host's port changes."""

from __future__ import annotations

import itertools
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from deploy.stack.ports import free_port
from streams.fleet.host.attempts import Attempt
from streams.fleet.host.connections import Connection, forget
from streams.fleet.host.launch import Port
from streams.fleet.host.place import device_prefix, take_slot
from tests.streams.fleet.host.world import PYTHON, World, addresses, ready, until

SAYS_WHO = (
    "import os, socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM);"
    "s.bind(('0.0.0.0', int(os.environ['QUESTLOG_PORT_GAME'])))\n"
    "while True:\n    d, a = s.recvfrom(2048); s.sendto(d + b' ' + os.environ['WHO'].encode(), a)"
)


@contextmanager
def client(to: tuple[str, int]) -> Iterator[socket.socket]:
    """A UDP socket that keeps its port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(0.2)
        asking.bind((to[0], 0))
        yield asking


_numbers = itertools.count()


def answer(asking: socket.socket, to: tuple[str, int]) -> str | None:
    """What answers this question; what comes late to one before it is passed over."""
    question = f"who?{next(_numbers)}"
    try:
        asking.sendto(question.encode(), to)
        while True:
            about, _, who = asking.recv(100).decode().partition(" ")
            if about == question:
                return who
    except (TimeoutError, ConnectionRefusedError):
        return None


def serve(world: World, who: str, port: int) -> Attempt:
    attempt = world.start(
        world.launch(
            PYTHON, "-c", SAYS_WHO, environment={"WHO": who}, ports=(Port("game", 7777, port, "udp"),)
        )
    )
    ready(world, attempt)
    return attempt


@pytest.mark.parametrize("address", addresses())
def test_a_client_that_goes_on_sending_reaches_the_server_that_has_the_port_now(
    world: World, address: str
) -> None:
    place = (address, free_port())
    with client(place) as asking:
        assert answer(asking, place) is None  # before there is a server, as soon as its address is known
        for number in range(3):
            attempt = serve(world, f"server {number}", place[1])
            until(lambda number=number: answer(asking, place) == f"server {number}")  # type: ignore[misc] # bound now
            world.driver.kill(attempt)
            world.driver.clean(attempt)
            assert [answer(asking, place) for _ in range(3)] == [None] * 3


def test_no_address_of_the_machine_comes_or_goes_with_a_server(world: World) -> None:
    """Browsers break off all requests when one does."""
    if world.driver.isolation == "process":
        return
    device = device_prefix(take_slot(world.root))
    with subprocess.Popen(
        ["ip", "monitor", "address"],  # noqa: S607 - of the system
        stdout=subprocess.PIPE,
        text=True,
    ) as monitor:
        try:
            attempt = serve(world, "one", free_port())
            world.driver.kill(attempt)
            world.driver.clean(attempt)
        finally:
            monitor.terminate()
        assert monitor.stdout is not None
        assert [line for line in monitor.stdout if device in line] == []


def test_of_a_server_that_is_gone_no_connection_is_remembered(world: World) -> None:
    if world.driver.isolation == "process":
        return
    place = (addresses()[-1], free_port())
    attempt = serve(world, "one", place[1])
    with client(place) as asking:
        until(lambda: answer(asking, place) == "one")
        assert known_to(place[1]) == [True]
        world.driver.kill(attempt)
        world.driver.clean(attempt)
        assert known_to(place[1]) == []


def known_to(port: int) -> list[bool]:
    """Of every connection to this port that the kernel remembers, whether it is translated."""
    found = []

    def look(one: Connection) -> bool:
        if one.first.to_port == port:
            found.append(one.translated)
        return False

    forget(look)
    return found


def test_a_connection_between_others_stays(world: World) -> None:
    """To a port of the same number elsewhere, translated by someone else: only un-translated ones may go."""
    if world.driver.isolation == "process":
        return
    port = free_port()
    with socket.create_server(("127.0.0.1", port)) as listening:
        attempt = world.start(world.script("sleep 60", ports=(Port("game", 7777, port, "udp"),)))
        with socket.create_connection(("127.0.0.1", port)) as asking:
            served, _ = listening.accept()
            with served:
                world.driver.kill(attempt)
                world.driver.clean(attempt)
                asking.sendall(b"still here")
                assert served.recv(100) == b"still here"
