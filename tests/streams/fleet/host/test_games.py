"""Real games on every driver, asked from outside through the port that players use."""

from __future__ import annotations

import socket

import pytest

from deploy.stack.ports import free_port
from streams.fleet.host.launch import Port
from tests.streams.fleet.host.games import (
    TEEWORLDS,
    WESNOTH,
    installed,
    teeworlds_info,
    wesnoth_greeting,
)
from tests.streams.fleet.host.world import ECHO, PYTHON, World, addresses, ready, until


@pytest.mark.parametrize("address", addresses())
def test_the_mapped_port_answers_at_loopback_and_at_the_hosts_address(world: World, address: str) -> None:
    port = free_port()
    attempt = world.start(world.launch(PYTHON, "-c", ECHO, ports=(Port("game", 7777, port, "udp"),)))
    ready(world, attempt)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(60)
        asking.connect((address, port))
        asking.send(b"hello")
        assert asking.recv(100) == b"got hello"
        world.driver.kill(attempt)
        world.driver.clean(attempt)
        asking.send(b"hello")
        asking.settimeout(0.3)
        with pytest.raises(OSError, match=r"timed out|refused|reachable"):
            asking.recv(100)


def test_teeworlds_is_played_at_its_mapped_port(world: World) -> None:
    if not installed(TEEWORLDS):
        echo = world.start(world.launch(PYTHON, "-c", ECHO))
        world.driver.kill(echo)
        return
    port = free_port()
    launch = world.launch(
        TEEWORLDS,
        startup_args='"sv_port ${QUESTLOG_PORT_GAME}" "sv_name ${TITLE}"',
        environment={"TITLE": "questlog test"},
        ports=(Port("game", 8303, port, "udp"),),
    )
    attempt = world.start(launch)
    ready(world, attempt)
    found: list[bytes] = []

    def answered() -> bool:
        try:
            found[:] = teeworlds_info(("127.0.0.1", port))
        except (TimeoutError, ConnectionRefusedError):
            return False
        return True

    until(answered, what=lambda: world.output(attempt) + world.errors(attempt))
    assert b"questlog test" in found
    assert any(name in found for name in (b"dm1", b"ctf1"))
    # Where no control group counts it, CPU comes in ticks of 10 ms, and the game takes few.
    until(lambda: (now := world.driver.stats(attempt)) is not None and now.cpu_ns > 0)
    stats = world.driver.stats(attempt)
    assert stats is not None
    assert stats.memory_bytes > 1_000_000
    assert (stats.received_bytes > 0) == (world.driver.isolation == "container")


def test_wesnoth_is_reached_over_tcp(world: World) -> None:
    if not installed(WESNOTH):
        return
    port = free_port()
    launch = world.launch(
        WESNOTH, "--port", startup_args="${QUESTLOG_PORT_GAME}", ports=(Port("game", 15_000, port, "tcp"),)
    )
    attempt = world.start(launch)
    ready(world, attempt)
    assert b"[version]" in wesnoth_greeting(("127.0.0.1", port))
    with socket.create_connection(("127.0.0.1", port)):
        until(lambda: (stats := world.driver.stats(attempt)) is not None and stats.tcp_connections >= 1)
