"""A host of the test's own, with the driver that this machine can run, and what is left of it afterwards."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, Final, Literal

from streams.fleet.host.attempts import Attempt, Attempts
from streams.fleet.host.base_root import host_resolvers
from streams.fleet.host.cgroups import groups_of_machine
from streams.fleet.host.commands import run
from streams.fleet.host.driver import Exit
from streams.fleet.host.launch import Launch
from streams.fleet.host.oci import OciDriver, oci_lacks
from streams.fleet.host.place import REGISTRY, device_prefix, table_name, take_slot
from streams.fleet.host.process import ProcessDriver
from streams.fleet.host.processes import all_pids, stat_fields
from tests.walking import all_below

Kind = Literal["crun", "runc", "process", "plain"]
HOST: Final = "127.0.0.1"
PYTHON: Final = next(
    path for path in ("/usr/bin/python3", shutil.which("python3") or "") if Path(path).exists()
)

ECHO = (
    "import os, socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM);"
    "s.bind(('0.0.0.0', int(os.environ['QUESTLOG_PORT_GAME']))); print('up', flush=True)\n"
    "while True:\n    d, a = s.recvfrom(2048); s.sendto(b'got ' + d, a)"
)
"""A program that answers at its port `game`."""


def kinds() -> list[Kind]:
    """The drivers that this machine can run, of the two OCI runtimes both."""
    found: list[Kind] = ["plain"]
    if os.geteuid() == 0:
        found.insert(0, "process")
    if not oci_lacks():
        found = [*(kind for kind in ("crun", "runc") if shutil.which(kind)), *found]
    return found


class World:
    """One host: its driver, its attempts, and helpers that wait for what they say."""

    def __init__(self, root: Path, kind: Kind, **settings: Any) -> None:
        self.root = root
        self.kind = kind
        self.driver: OciDriver | ProcessDriver = (
            ProcessDriver(
                root,
                groups=groups_of_machine() if kind == "process" else None,
                host=HOST,
                as_root=kind == "process",
            )
            if kind in {"process", "plain"}
            else OciDriver(
                root, runtime=kind, groups=_groups(), host=HOST, **{"resolvers": resolvers(), **settings}
            )
        )
        self.attempts = Attempts(root)
        self.driver.open()

    def launch(self, *command: str, **fields: Any) -> Launch:
        """A launch of this command, small; `fields` replace the rest."""
        given = {"instance_id": str(uuid.uuid4()), "attempt": 1, "region": "eu-west", "cpu_cores": 1.0}
        return Launch(**{**given, "memory_mib": 128, "command": command, **fields})

    def script(self, text: str, **fields: Any) -> Launch:
        """A launch of a shell script."""
        return self.launch("/bin/sh", "-c", text, **fields)

    def start(self, launch: Launch, build: Path | None = None) -> Attempt:
        """Started by the driver; nothing is awaited."""
        attempt = self.attempts.make(launch, driver=self.driver.name, now_ms=0)
        self.driver.prepare(attempt, build)
        assert self.driver.start(attempt)
        return attempt

    def end(self, attempt: Attempt, within_s: float = 60) -> Exit:
        """How it ended, once it has."""
        until(lambda: self.driver.ended(attempt) is not None, within_s=within_s)
        ended = self.driver.ended(attempt)
        assert ended is not None
        return ended

    def output(self, attempt: Attempt) -> str:
        """All that it has printed."""
        return attempt.output("stdout").read_text(errors="replace")

    def errors(self, attempt: Attempt) -> str:
        """All that it, and those who started it, complained about."""
        log = attempt.folder / "runtime.log"
        return attempt.output("stderr").read_text(errors="replace") + (
            log.read_text() if log.exists() else ""
        )

    def close(self) -> None:
        """Ends and removes everything."""
        for attempt in self.attempts:
            self.driver.kill(attempt)
            self.driver.clean(attempt)
            attempt.remove()
        self.driver.close()


def until(true: Callable[[], bool], *, within_s: float = 60, what: Callable[[], object] = lambda: "") -> None:
    """Returns as soon as it is so; fails after the time."""
    end = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < end, what()
        time.sleep(0.01)


def addresses() -> list[str]:
    """Of this machine: loopback, and its own where it has one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        try:
            asking.connect(("192.0.2.1", 9))
        except OSError:
            return ["127.0.0.1"]
        return ["127.0.0.1", asking.getsockname()[0]]


class HeldGuard:
    """The guard of this root's host stands still from the call on, to the end of the block."""

    def __init__(self, root: Path) -> None:
        # The subshells that it forks are called as it is: they end by themselves.
        self._pids = [pid for pid in all_pids() if _is_guard(_command(pid), root)]
        assert self._pids, "no guard runs"
        self._signal(signal.SIGSTOP)

    def __enter__(self) -> None:
        """Nothing more: it stands still since the call."""

    def __exit__(self, *_: object) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        for pid in self._pids:
            with suppress(ProcessLookupError):
                os.kill(pid, number)


def ready(world: World, attempt: Attempt) -> None:
    """Returns when all its ports are bound."""
    ports = {(port.protocol, port.internal) for port in world.driver.ports(attempt)}
    until(lambda: ports <= world.driver.bound(attempt), what=lambda: world.errors(attempt))


@contextmanager
def nothing_left(root: Path, kind: Kind) -> Iterator[None]:
    """Fails where a process, namespace, device, mount, table or control group is there afterwards."""
    slot = take_slot(root) if kind != "plain" else None
    yield
    left = left_of(root, slot)
    if slot is not None:
        left += [note.name for note in REGISTRY.glob("slot-*") if note.read_text() == str(root)]
    assert left == [], left


def left_of(root: Path, slot: int | None) -> list[str]:
    """Processes and mounts of this root, and what of the machine is set up for its slot."""
    left = [
        f"process {pid}: {fields}"
        for pid in all_pids()
        if (fields := _command(pid)) and str(root) in fields and pid != os.getpid()
    ]
    left += [line for line in Path("/proc/self/mounts").read_text().splitlines() if str(root) in line]
    if slot is not None:
        prefix = device_prefix(slot)
        left += [path.name for path in Path("/sys/class/net").glob(f"{prefix}*")]
        left += [str(path) for path in Path("/run/netns").glob(f"{prefix}*")]
        groups = (path for path in all_below(Path("/sys/fs/cgroup")) if path.name == table_name(slot))
        left += [str(path) for path in groups if path.exists()]
        if shutil.which("nft"):
            left += [
                table
                for table in run("nft", "list", "tables").splitlines()
                if table.endswith(table_name(slot))
            ]
    return left


def resolvers() -> list[IPv4Address]:
    return host_resolvers() or [IPv4Address("9.9.9.9")]


def _groups() -> Any:
    groups = groups_of_machine()
    assert groups is not None
    return groups


def _is_guard(command: str, root: Path) -> bool:
    return f" questlog-guard {root} " in command


def _command(pid: int) -> str:
    try:
        if (stat_fields(pid) or ["Z"])[0] == "Z":
            return ""
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace").replace("\0", " ")
    except OSError:
        return ""
