"""A server behind TLS with every driver that this machine can run, and with the real agent and decider."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from deploy.stack.ports import free_ports
from schemas.fleet import events as ev
from schemas.fleet.commands import Launch
from schemas.fleet.views import PortConfig, Server
from streams.fleet.host import certificate as certificates
from streams.fleet.host.attempts import Attempt
from streams.fleet.host.certificate import CertificateFiles
from streams.fleet.host.cgroups import MOUNT
from streams.fleet.host.launch import Port
from streams.fleet.host.launching import launch_of
from streams.fleet.host.processes import send, with_variable
from streams.fleet.host.proxy_protocol import proxy_header
from tests.streams.fleet.host.authority import Authority, TlsPlayer, plain, serial
from tests.streams.fleet.host.fleet_log import Fleet
from tests.streams.fleet.host.world import PYTHON, World, until
from tests.walking import all_below

SERVE = """
import os, signal, socket, sys, threading
def ended(*_):
    os._exit(5)
signal.signal(signal.SIGTERM, ended)
listener = socket.create_server(("0.0.0.0", int(os.environ["QUESTLOG_PORT_WEB"])))
print("bound", flush=True)
def serve(connection):
    with connection:
        while data := connection.recv(65536):
            connection.sendall(b"got " + data)
        connection.sendall(b"bye")
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
"""
WEB = PortConfig(name="web", internal_port=8443, protocol="tcp", tls_enabled=True)
TELL = """
import os, socket
listener = socket.create_server(("0.0.0.0", int(os.environ["QUESTLOG_PORT_WEB"])))
print("bound", flush=True)
while True:
    with listener.accept()[0] as connection:
        data = b""
        while len(data) < 28 + 5:
            data += connection.recv(65536)
        connection.sendall(data)
"""
"""Sends back what a connection begins with."""


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture
async def fleet(best: World, tmp_path: Path) -> AsyncIterator[Fleet]:
    fleet = Fleet(best, tmp_path)
    await fleet.open({"serve": f"#!{PYTHON}\n{SERVE}".encode()})
    yield fleet
    for attempt in best.attempts:
        best.driver.kill(attempt)
        best.driver.clean(attempt)
        attempt.remove()


def relay_of(attempt: Attempt) -> int:
    (pid,) = with_variable(f"QUESTLOG_RELAY={attempt.id}")
    return pid


def answers(authority: Authority, port: int, data: bytes = b"hello") -> tuple[bytes, int]:
    """What the server says behind its relay, and the serial number of the certificate that was shown."""
    with TlsPlayer(authority.client(), port) as player:
        player.send(data)
        said = player.exactly(len(b"got ") + len(data))
        player.finish()
        assert player.rest() == b"bye"
        return said, player.serial


def closed(port: int) -> bool:
    try:
        with plain(port):
            return False
    except ConnectionRefusedError:
        return True


def relayed(world: World, authority: Authority, folder: Path, program: str, *, proxy: bool) -> Attempt:
    """A server behind its relay, both of which can be reached."""
    port = Port("web", 8443, free_ports(2)[0], "tcp", tls=True, proxy=proxy)
    launch = world.launch(PYTHON, "-c", program, ports=(port,))
    inner = {"web": free_ports(1)[0]} if world.driver.isolation == "process" else {}
    attempt = world.attempts.make(launch, driver=world.driver.name, now_ms=0, inner_ports=inner)
    certificate, key = authority.issue(folder)
    world.driver.certify(key.read_bytes() + certificate.read_bytes())
    world.driver.prepare(attempt, None)
    assert world.driver.start(attempt)
    until(lambda: world.driver.started(attempt), what=lambda: world.errors(attempt))
    assert world.driver.relay(attempt)
    until(lambda: "bound" in world.output(attempt), what=lambda: world.errors(attempt))
    until(lambda: world.driver.relayed(attempt), what=(attempt.folder / "relay.log").read_text)
    return attempt


def test_a_relay_says_who_its_player_is_before_the_first_byte(
    world: World, authority: Authority, tmp_path: Path
) -> None:
    attempt = relayed(world, authority, tmp_path, TELL, proxy=True)
    (port,) = attempt.launch.ports
    with TlsPlayer(authority.client(), port.external) as player:
        player.send(b"hello")
        said = player.exactly(28 + 5)
        own, door = player.address, ("127.0.0.1", port.external)
    assert own[1] != port.external
    assert said == proxy_header(own, door) + b"hello"
    world.driver.kill(attempt)
    world.driver.clean(attempt)
    attempt.remove()


def test_a_relay_ends_tls_before_its_server_and_ends_with_it(
    world: World, authority: Authority, tmp_path: Path
) -> None:
    external, _ = free_ports(2)
    launch = world.launch(PYTHON, "-c", SERVE, ports=(Port("web", 8443, external, "tcp", tls=True),))
    inner = {"web": free_ports(1)[0]} if world.driver.isolation == "process" else {}
    attempt = world.attempts.make(launch, driver=world.driver.name, now_ms=0, inner_ports=inner)
    certificate, key = authority.issue(tmp_path)
    world.driver.certify(key.read_bytes() + certificate.read_bytes())
    assert not world.driver.relay(attempt)  # there is no server yet
    world.driver.prepare(attempt, None)
    assert world.driver.start(attempt)
    until(lambda: world.driver.started(attempt), what=lambda: world.errors(attempt))
    assert world.driver.relay(attempt)
    assert not world.driver.relay(attempt)  # one is enough
    until(lambda: "bound" in world.output(attempt), what=lambda: world.errors(attempt))
    until(lambda: world.driver.relayed(attempt), what=(attempt.folder / "relay.log").read_text)
    assert answers(authority, external) == (b"got hello", serial(certificate))
    server = attempt.server()
    assert server is not None
    _has_no_rights(relay_of(attempt), server.pid, own_user=world.kind == "plain")
    with TlsPlayer(authority.client(), external) as player:
        player.send(b"a")
        assert player.exactly(5) == b"got a"
        assert send(server, signal.SIGKILL)  # nobody else does anything
        until(lambda: not world.driver.relayed(attempt))
        assert closed(external)
        assert with_variable(f"QUESTLOG_RELAY={attempt.id}") == set()
    assert not world.driver.relay(attempt)
    assert _groups_of(attempt) == (set() if world.kind == "plain" else {f"{attempt.id}-relay"})
    world.driver.kill(attempt)
    world.driver.clean(attempt)
    assert _groups_of(attempt) == set()
    attempt.remove()


def _groups_of(attempt: Attempt) -> set[str]:
    """Of its relay."""
    return {path.name for path in all_below(MOUNT) if path.name == f"{attempt.id}-relay"}


def _has_no_rights(relay: int, server: int, *, own_user: bool) -> None:
    status = Path(f"/proc/{relay}/status").read_text().splitlines()
    fields = {name: value.split() for name, _, value in (line.partition(":") for line in status)}
    assert fields["NoNewPrivs"] == ["1"]
    if not own_user:
        groups = Path(f"/proc/{relay}/cgroup").read_text().splitlines()
        assert any(line.endswith("-relay") for line in groups)
        assert fields["CapEff"] == fields["CapPrm"] == ["0000000000000000"]
        assert fields["Groups"] == []
        assert (
            Path(f"/proc/{relay}/mem").stat().st_uid == 0
        )  # nobody else's to look into, its own user's neither
        users = {int(uid) for uid in fields["Uid"]}
        assert users.isdisjoint({0, os.geteuid(), Path(f"/proc/{server}").stat().st_uid})


def test_a_relay_that_is_killed_with_its_server_leaves_nothing(
    best: World, authority: Authority, tmp_path: Path
) -> None:
    external, _ = free_ports(2)
    launch = best.launch(PYTHON, "-c", SERVE, ports=(Port("web", 8443, external, "tcp", tls=True),))
    certificate, key = authority.issue(tmp_path)
    best.driver.certify(key.read_bytes() + certificate.read_bytes())
    attempt = best.start(launch)
    until(lambda: best.driver.started(attempt), what=lambda: best.errors(attempt))
    assert best.driver.relay(attempt)
    best.driver.kill(attempt)  # it may only be starting
    assert with_variable(f"QUESTLOG_RELAY={attempt.id}") == set()
    assert not best.driver.relayed(attempt)
    best.driver.clean(attempt)
    attempt.remove()


async def test_a_server_behind_tls_with_its_agent(
    fleet: Fleet, authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(certificates, "LOOK_S", 0.05)
    certificate, key = authority.issue(tmp_path)
    files = CertificateFiles(certificate, key)
    async with fleet.agent(certificate=files):
        server = await _started(fleet)
        port = server.ports[0].external_port
        assert [(one.tls_enabled, one.host) for one in server.ports] == [(True, "127.0.0.1")]
        assert await asyncio.to_thread(answers, authority, port) == (b"got hello", serial(certificate))
        await asyncio.to_thread(_renewed, authority, tmp_path, port)
        (attempt,) = list(fleet.world.attempts)
        os.kill(relay_of(attempt), signal.SIGKILL)  # another begins by itself
        await asyncio.to_thread(until, lambda: not fleet.world.driver.relayed(attempt))
        await asyncio.to_thread(until, lambda: fleet.world.driver.relayed(attempt))
        assert await asyncio.to_thread(answers, authority, port) == (b"got hello", serial(certificate))
        kept = relay_of(attempt)
    with TlsPlayer(authority.client(), port) as player:
        player.send(b"alone")
        assert player.exactly(9) == b"got alone"
        async with fleet.agent(certificate=files) as agent:
            await asyncio.to_thread(until, lambda: bool(agent.servings))
            assert await asyncio.to_thread(answers, authority, port) == (b"got hello", serial(certificate))
            assert relay_of(attempt) == kept
            player.send(b"still")
            assert player.exactly(9) == b"got still"
            await fleet.stop(server)
            assert (await fleet.log.until(server.instance_id, "stopped")).exit_code == 5
            assert closed(port)
            await asyncio.to_thread(until, lambda: not agent.servings)
    assert with_variable(f"QUESTLOG_RELAY={attempt.id}") == set()
    assert fleet.happened(server) == ["placed", "started", "ready", "stopping", "stopped"]


def _renewed(authority: Authority, folder: Path, port: int) -> None:
    with TlsPlayer(authority.client(), port) as player:
        former = player.serial
        certificate, _ = authority.issue(folder)
        until(lambda: answers(authority, port)[1] == serial(certificate))
        player.send(b"x")
        assert player.exactly(5) == b"got x"
        assert player.serial == former != serial(certificate)


async def _started(fleet: Fleet) -> Server:
    asked = await fleet.start(launch=Launch(port_configs=[WEB]))
    return await fleet.log.until(asked.instance_id, "running")


AGENT = """
import sys, time
from pathlib import Path
import msgspec
from schemas.fleet.views import LaunchSpec
from streams.fleet.host.attempts import replace
from streams.fleet.host.environment import SERVER_FILE
from streams.fleet.host.launching import launch_of
from tests.streams.fleet.host.world import World, until
world = World(Path(sys.argv[1]), sys.argv[2])
spec = msgspec.json.decode(sys.argv[3], type=LaunchSpec)
attempt = world.attempts.make(
    launch_of(spec, lambda one: one.sealed), driver="x", now_ms=0, inner_ports={"web": int(sys.argv[5])}
)
world.driver.certify(sys.stdin.buffer.read())
world.driver.prepare(attempt, Path(sys.argv[4]))
replace(attempt.run_folder / SERVER_FILE, b"{}", mode=0o644)
assert world.driver.start(attempt)
until(lambda: world.driver.started(attempt))
assert world.driver.relay(attempt)
if sys.argv[6] == "listens":
    until(lambda: world.driver.relayed(attempt))
print("here", flush=True)
time.sleep(1000)
"""


@pytest.mark.parametrize("when", ["begins", "listens"])
async def test_an_agent_is_killed_and_the_next_one_keeps_the_relay(
    fleet: Fleet, authority: Authority, tmp_path: Path, when: str
) -> None:
    files = CertificateFiles(*authority.issue(tmp_path))
    async with fleet.agent(certificate=files):
        pass
    asked = await fleet.start(launch=Launch(port_configs=[WEB]))
    (spec,) = [event.spec for event in fleet.log.events() if isinstance(event, ev.ServerPlaced)]
    build = await fleet._build(launch_of(spec, lambda one: one.sealed))
    arguments = [str(fleet.world.root), fleet.world.kind, msgspec.json.encode(spec).decode(), str(build)]
    pipe = asyncio.subprocess.PIPE
    dying = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", AGENT, *arguments, str(free_ports(1)[0]), when),
        stdin=pipe,
        stdout=pipe,
        cwd=Path(__file__).parents[4],
    )
    assert dying.stdin is not None
    assert dying.stdout is not None
    dying.stdin.write(files.read())
    dying.stdin.close()
    assert await dying.stdout.readline() == b"here\n"
    dying.kill()
    await dying.wait()
    (attempt,) = list(fleet.world.attempts)
    kept = relay_of(attempt)
    async with fleet.agent(certificate=files):
        server = await fleet.log.until(asked.instance_id, "running")
        port = server.ports[0].external_port
        assert (await asyncio.to_thread(answers, authority, port))[0] == b"got hello"
        assert relay_of(attempt) == kept
        await fleet.stop(server)
        await fleet.log.until(server.instance_id, "stopped")
        assert closed(port)
    assert with_variable(f"QUESTLOG_RELAY={attempt.id}") == set()
