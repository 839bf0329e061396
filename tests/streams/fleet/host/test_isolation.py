"""What a hostile build can't do to the host or its neighbours. With the driver `process` less is promised."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from deploy.stack.ports import free_port
from streams.fleet.host.attempts import Attempt
from streams.fleet.host.cores import parsed
from streams.fleet.host.driver import Exit
from streams.fleet.host.launch import Port
from streams.fleet.host.oci_spec import FILES_MAX, PIDS_MAX, SCRATCH_MIB
from streams.fleet.host.place import Seat
from tests.streams.fleet.host.world import ECHO, PYTHON, World, addresses, ready, until

CONNECT = """
import json, socket, sys
answers = {}
for place in json.loads(sys.argv[1]):
    family = socket.AF_INET6 if ":" in place[1] else socket.AF_INET
    kind = socket.SOCK_DGRAM if place[0] == "udp" else socket.SOCK_STREAM
    try:
        with socket.socket(family, kind) as asking:
            asking.settimeout(0.4)
            asking.connect((place[1], place[2]))
            if place[0] == "udp":
                asking.send(b"x")
                asking.recv(10)
            answers[" ".join(map(str, place))] = "reached"
    except OSError as error:
        answers[" ".join(map(str, place))] = str(error)
print(json.dumps(answers))
"""
TRIES = """
import ctypes, json, os, socket
assert os.getuid() != 0, "never as root"
libc = ctypes.CDLL(None, use_errno=True)
def call(name, *arguments):
    return "done" if getattr(libc, name)(*arguments) >= 0 else os.strerror(ctypes.get_errno())
def attempt(what):
    try:
        what()
        return "done"
    except Exception as error:
        return str(error)
import resource
print(json.dumps({
    "mount": call("mount", b"x", b"/tmp", b"tmpfs", 0, None),
    "setns": call("setns", os.open("/proc/self/ns/net", os.O_RDONLY), 0),
    "ptrace": call("ptrace", 16, 1, 0, 0),
    "bpf": call("syscall", 321, 0, 0, 0),
    "io_uring": call("syscall", 425, 8, 0),
    "keyctl": call("syscall", 250, 0, 0, 0),
    "vsock": attempt(lambda: socket.socket(40, socket.SOCK_STREAM)),
    "raw": attempt(lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)),
    "packet": attempt(lambda: socket.socket(17, socket.SOCK_RAW)),
    "write root": attempt(lambda: open("/usr/x", "w")),
    "write etc": attempt(lambda: open("/etc/x", "w")),
    "write server.json": attempt(lambda: open("/run/questlog/server.json", "w")),
    "disk": attempt(lambda: open("/dev/vda")),
    "mknod": attempt(lambda: os.mknod("/tmp/vda", 0o60600, os.makedev(254, 0))),
    "sysctl": attempt(lambda: open("/proc/sys/kernel/core_pattern", "w")),
    "host files": attempt(lambda: os.listdir("/root")),
    "uid": os.getuid(), "gid": os.getgid(), "pid 1": open("/proc/1/comm").read().strip(),
    "processes": len([name for name in os.listdir("/proc") if name.isdecimal()]),
    "caps": [line.split()[1] for line in open("/proc/self/status") if line.startswith("Cap")],
    "new privileges": [l.split()[1] for l in open("/proc/self/status") if l.startswith("NoNewPrivs")],
    "seccomp": [l.split()[1] for l in open("/proc/self/status") if l.startswith("Seccomp:")],
    "files": resource.getrlimit(resource.RLIMIT_NOFILE)[1],
    "devices": sorted(os.listdir("/sys/class/net")) if os.path.isdir("/sys/class/net") else [],
    "ipv6": attempt(lambda: socket.create_connection(("::1", 9), 0.2)),
    "unshare": call("unshare", 0x10000000),
}))
"""
WORKS = """
import time
begun = time.monotonic()
while time.process_time() < 0.5:
    pass
print(time.monotonic() - begun)
"""
FORK_BOMB = """
import os, time
number = 0
while True:
    try:
        if os.fork() == 0:
            time.sleep(1000)
        number += 1
    except OSError as error:
        print(number, error, flush=True)
        break
time.sleep(1000)
"""


@pytest.fixture
def listeners() -> Iterator[tuple[int, int]]:
    """A TCP and a UDP port that answer on all of the host's addresses, IPv6 too."""
    with ExitStack() as stack:
        tcp = stack.enter_context(
            socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
        )
        udp = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        udp.bind(("", 0))

        def answer() -> None:
            while not done.is_set():
                _, who = udp.recvfrom(100)
                udp.sendto(b"y", who)

        done = threading.Event()
        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield tcp.getsockname()[1], udp.getsockname()[1]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ending:
            done.set()
            ending.sendto(b"", ("127.0.0.1", udp.getsockname()[1]))
        thread.join()


def ask(world: World, places: list[tuple[str, str, int]]) -> dict[str, str]:
    attempt = world.start(world.launch(PYTHON, "-c", CONNECT, json.dumps(places)))
    assert world.end(attempt, within_s=60).code == 0, world.errors(attempt)
    found: dict[str, str] = json.loads(world.output(attempt))
    return found


def test_a_server_reaches_no_port_of_the_host_and_no_address_that_is_not_public(
    world: World, listeners: tuple[int, int]
) -> None:
    tcp, udp = listeners
    mine = [*addresses(), "127.0.0.2"]
    if world.driver.isolation == "process":
        assert ask(world, [("tcp", "127.0.0.1", tcp)]) == {f"tcp 127.0.0.1 {tcp}": "reached"}
        return
    neighbour_port = free_port()
    neighbour = world.start(
        world.launch(PYTHON, "-c", ECHO, ports=(Port("game", 7777, neighbour_port, "udp"),))
    )
    ready(world, neighbour)
    slot = world.driver._slot
    assert slot is not None
    seat = Seat(slot, neighbour.spec.seat)
    places = [("tcp", address, tcp) for address in [*mine, seat.gateway, "::1", *_own_ipv6()]]
    places += [("udp", address, udp) for address in [*mine, seat.gateway]]
    places += [("udp", address, neighbour_port) for address in mine]
    places += [("udp", seat.address, 7777)]
    places += [("tcp", address, 80) for address in ("169.254.169.254", "10.0.0.1", "100.64.0.1")]
    places += [("tcp", address, 80) for address in ("172.16.0.1", "192.168.0.1", "192.0.2.1", "fd00::1")]
    found = ask(world, places)
    assert {place for place, answer in found.items() if answer == "reached"} == set()
    assert len(found) == len(places)


def test_a_server_has_no_rights(world: World) -> None:
    if world.kind == "plain":  # it has the agent's own: what it tries must never be tried with them
        return
    attempt = world.start(world.launch(PYTHON, "-c", TRIES))
    assert world.end(attempt).code == 0, world.errors(attempt)
    found = json.loads(world.output(attempt))
    assert found["files"] == FILES_MAX
    assert found["uid"] == found["gid"] == Seat(world.driver._slot or 0, attempt.spec.seat).uid
    assert set(found["caps"]) == {"0000000000000000"}
    assert found["new privileges"] == ["1"]
    refused = ["mount", "setns", "ptrace", "raw", "packet", "write etc", "disk", "mknod", "sysctl"]
    if world.driver.isolation == "container":
        assert found["seccomp"] == ["2"]
        assert found["processes"] <= 3
        assert found["pid 1"].startswith("init")
        refused += [
            "unshare",
            "bpf",
            "io_uring",
            "keyctl",
            "vsock",
            "write root",
            "write server.json",
            "ipv6",
        ]
    assert [name for name in [*refused, "host files"] if found[name] == "done"] == []


def test_a_fork_bomb_meets_its_limit_and_dies_with_its_server(world: World) -> None:
    if world.kind == "plain":  # the limit of the user's processes is not this server's alone
        return
    attempt = world.start(world.launch(PYTHON, "-c", FORK_BOMB, memory_mib=512))
    until(lambda: "\n" in world.output(attempt), within_s=60, what=lambda: world.errors(attempt))
    forks = int(world.output(attempt).split()[0])
    assert PIDS_MAX - 10 < forks <= PIDS_MAX
    world.driver.kill(attempt)
    assert world.driver._members(attempt) == set()


def test_a_memory_eater_is_killed_and_recognised(world: World) -> None:
    if world.kind == "plain":
        return
    program = "data = []\nwhile True: data.append(bytearray(1024 * 1024))"
    attempt = world.start(world.launch(PYTHON, "-c", program, memory_mib=64))
    assert world.end(attempt) == Exit(137, out_of_memory=True), world.errors(attempt)
    calm = world.start(world.script("kill -9 $$", memory_mib=64))
    assert world.end(calm) == Exit(137, out_of_memory=False)


def test_a_disk_filler_fills_its_scratch_layer_alone(world: World) -> None:
    if world.kind == "plain":
        return
    attempt = world.start(world.script("dd if=/dev/zero of=big bs=1M 2>&1; ls -l big", memory_mib=512))
    assert world.end(attempt).code == 0, world.errors(attempt)
    size = int(world.output(attempt).splitlines()[-1].split()[4])
    assert SCRATCH_MIB * 0.9 < size / 1024 / 1024 <= SCRATCH_MIB
    assert "No space left" in world.output(attempt)


def test_cpu_is_limited_to_the_allotment(world: World) -> None:
    if world.kind == "plain":
        return
    attempt = world.start(world.launch(PYTHON, "-c", WORKS, cpu_cores=0.25))
    assert world.end(attempt).code == 0, world.errors(attempt)
    groups = world.driver._groups
    assert groups is not None
    # The process counts half a second from its fork on, its group from when it is moved there.
    assert groups.cpu_ns(world.driver._group(attempt)) > 0.45e9
    assert float(world.output(attempt)) > 1.2  # without a limit half a second; on a busy machine more


def test_cores_of_its_own_are_the_ones_it_runs_on(world: World) -> None:
    if world.kind == "plain":
        return
    attempt = world.start(world.script("grep Cpus_allowed_list /proc/self/status", cores=(0,)))
    assert world.end(attempt).code == 0, world.errors(attempt)
    assert world.output(attempt).split() == ["Cpus_allowed_list:", "0"]
    world.driver.clean(attempt)


def test_servers_without_cores_of_their_own_stay_off_those_of_others(world: World) -> None:
    """They move while they run, also those that an agent before this one has started."""
    if world.kind == "plain" or len(os.sched_getaffinity(0)) < 2:
        return
    all_cores = frozenset(os.sched_getaffinity(0))
    sleeps = "echo up; while :; do sleep 0.1; done"

    def cores(attempt: Attempt) -> frozenset[int]:
        until(lambda: world.driver.started(attempt) and "up" in world.output(attempt))
        server = attempt.server()
        assert server is not None
        status = Path(f"/proc/{server.pid}/status").read_text()
        return parsed(next(line for line in status.splitlines() if "Cpus_allowed_list" in line).split()[1])

    before = world.start(world.script(sleeps))
    assert cores(before) == all_cores
    own = world.start(world.script(sleeps, cores=(0,)))
    assert cores(own) == {0}
    assert cores(before) == all_cores - {0}
    again = World(world.root, world.kind)
    later = again.start(again.script(sleeps))
    assert cores(later) == all_cores - {0}
    again.driver.kill(own)
    again.driver.clean(own)
    assert cores(before) == cores(later) == all_cores
    for attempt in (before, own, later):
        world.driver.kill(attempt)
        world.driver.clean(attempt)


def _own_ipv6() -> list[str]:
    found = []
    with open("/proc/net/if_inet6") as file:
        for line in file:
            text = line.split()[0]
            found.append(":".join(text[place : place + 4] for place in range(0, 32, 4)))
    return [address for address in found if not address.startswith("fe80")]
