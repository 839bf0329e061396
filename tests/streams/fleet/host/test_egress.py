"""What servers in containers reach outside: a machine of the test's own that is outside, in a namespace.

It has a public address, and a private one where it answers as the deployment's resolver.
"""

from __future__ import annotations

import json
import random
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from ipaddress import IPv4Address
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from streams.fleet.host.attempts import Attempt
from streams.fleet.host.commands import run
from streams.fleet.host.namespaces import in_namespace, listener
from streams.fleet.host.network import Egress
from streams.fleet.host.oci import SDK_PORT
from tests.streams.fleet.host.world import PYTHON, World, kinds, nothing_left

CONTAINERS = [kind for kind in kinds() if kind in {"crun", "runc"}]
NAME: Final = "outside.example"
ASKS = """
import json, socket, sys
def tried(what):
    try:
        return what() or "reached"
    except OSError as error:
        return "refused" if isinstance(error, ConnectionRefusedError) else "unreached"
def tcp(*place, seconds=1):
    with socket.create_connection(place, seconds):
        pass
def udp(*place, seconds=1):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(seconds)
        asking.sendto(bytes(40), place)
        asking.recv(512)
public, resolver, name, sdk, patience = sys.argv[1:]
patience = float(patience)
print(json.dumps({
    "public tcp": tried(lambda: tcp(public, 80, seconds=patience)),
    "public udp": tried(lambda: udp(public, 80, seconds=patience)),
    "resolver": tried(lambda: udp(resolver, 53, seconds=patience)),
    "resolver's other port": tried(lambda: udp(resolver, 80)),
    "name": tried(lambda: socket.getaddrinfo(name, 80, socket.AF_INET)[0][4][0]),
    "sdk": tried(lambda: tcp("127.0.0.1", int(sdk))),
    "ipv6 of its own": tried(lambda: tcp("::1", int(sdk))),
    "ipv6 outside": tried(lambda: tcp("2001:db8::1", 80)),
    "ipv6 addresses": tried(lambda: open("/proc/net/if_inet6").read() or "none"),
}))
"""


class Outside(NamedTuple):
    public: str
    resolver: str


def _answer(asked: socket.socket, public: str) -> None:
    """Any datagram is answered; a question of DNS by the public address."""
    while True:
        data, who = asked.recvfrom(512)
        if who is None:  # the socket was shut down
            return
        end = data.find(b"\0", 12) + 5
        head = data[:2] + b"\x81\x80" + data[4:6] + b"\0\1" + bytes(4)
        answer = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + IPv4Address(public).packed
        asked.sendto(head + data[12:end] + answer, who)


def _wake(asked: socket.socket) -> None:
    """Ends the wait of the thread that reads; Linux does so though it says that nothing is connected."""
    with suppress(OSError):
        asked.shutdown(socket.SHUT_RD)


@pytest.fixture(scope="module")
def outside() -> Iterator[Outside]:
    number = random.randrange(1, 250)  # another run on this machine has another
    name, near = f"qt-out{number}", f"qt-near{number}"
    gateway, public, resolver = (f"11.22.{number}.1", f"11.22.{number}.2", f"10.200.{number}.53")
    namespace = Path("/run/netns") / name
    with ExitStack() as stack:
        run("ip", "netns", "add", name)
        stack.callback(run, "ip", "netns", "del", name)
        run("ip", "link", "add", near, "type", "veth", "peer", "name", "eth0", "netns", name)
        run("ip", "addr", "add", f"{gateway}/30", "dev", near)
        run("ip", "link", "set", near, "up")
        inner = f"link set lo up\naddr add {public}/30 dev eth0\naddr add {resolver}/32 dev lo\n"
        run(
            "ip",
            "-n",
            name,
            "-batch",
            "-",
            given=f"{inner}link set eth0 up\nroute add default via {gateway}\n",
        )
        run("ip", "route", "add", f"{resolver}/32", "via", public)
        with in_namespace(namespace):
            stack.enter_context(socket.create_server((public, 80)))
            for place in ((public, 80), (resolver, 53), (resolver, 80)):
                asked = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                asked.bind(place)
                thread = threading.Thread(target=_answer, args=(asked, public))
                thread.start()
                stack.callback(thread.join)
                stack.callback(asked.close)
                stack.callback(_wake, asked)
        yield Outside(public, resolver)


@contextmanager
def world_of(root: Path, kind: str, outside: Outside, egress: Egress) -> Iterator[World]:
    with nothing_left(root, kind):  # type: ignore[arg-type] # of a container
        world = World(root, kind, egress=egress, resolvers=[IPv4Address(outside.resolver)])  # type: ignore[arg-type] # the same
        try:
            yield world
        finally:
            world.close()


def asked(world: World, outside: Outside, *, patience_s: float) -> dict[str, str]:
    """What answers; what has not after `patience_s` counts as not reached."""
    words = (outside.public, outside.resolver, NAME, str(SDK_PORT), str(patience_s))
    attempt: Attempt = world.attempts.make(
        world.launch(PYTHON, "-c", ASKS, *words), driver=world.driver.name, now_ms=0
    )
    world.driver.prepare(attempt, None)
    namespace = world.driver.namespace(attempt)
    assert namespace is not None
    with listener(namespace, SDK_PORT):  # where the agent's SDK listens
        assert world.driver.start(attempt)
        assert world.end(attempt, within_s=120).code == 0, world.errors(attempt)
    found: dict[str, str] = json.loads(world.output(attempt))
    return found


@pytest.mark.skipif(not CONTAINERS, reason="this machine runs no containers")
@pytest.mark.parametrize("kind", CONTAINERS)
def test_public_addresses_and_the_resolver_are_reached(tmp_path: Path, kind: str, outside: Outside) -> None:
    with world_of(tmp_path, kind, outside, "public") as world:
        assert asked(world, outside, patience_s=60) == {
            "public tcp": "reached",
            "public udp": "reached",
            "resolver": "reached",
            "resolver's other port": "unreached",
            "name": outside.public,
            "sdk": "reached",
            "ipv6 of its own": "unreached",
            "ipv6 outside": "unreached",
            "ipv6 addresses": "none",
        }


@pytest.mark.skipif(not CONTAINERS, reason="this machine runs no containers")
@pytest.mark.parametrize("kind", CONTAINERS)
def test_without_egress_its_own_localhost_is_all_that_is_reached(
    tmp_path: Path, kind: str, outside: Outside
) -> None:
    with world_of(tmp_path, kind, outside, "none") as world:
        found = asked(world, outside, patience_s=1)
    assert {what for what, answer in found.items() if answer == "reached"} == {"sdk"}
    assert set(found.values()) == {"reached", "unreached", "none"}
