"""What of the fleet drill's servers is on this machine: processes, and what is left when all have ended."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
from collections import defaultdict
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Final

from deploy.lab.drill.fleet_server import EXECUTABLE
from streams.fleet.host.cgroups import MOUNT
from streams.fleet.host.place import REGISTRY, device_prefix, table_name
from streams.fleet.host.processes import Identity, all_pids, identify

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LOOK_SECONDS: Final = 0.5
_VARIABLE: Final = b"QUESTLOG_ATTEMPT="


class Watch:
    """Looks again and again at which processes run which attempt."""

    def __init__(self) -> None:
        self.seen: dict[str, set[Identity]] = defaultdict(set)
        """By attempt, every process that was its server."""
        self.together: dict[tuple[str, str], int] = {}
        """Pairs of attempts of one server that ran at the same time, and in how many looks."""
        self.looks = 0

    async def run(self) -> None:
        """Look until it is cancelled."""
        while True:
            self.look(await asyncio.to_thread(servers))
            await asyncio.sleep(LOOK_SECONDS)

    def look(self, found: Mapping[str, set[Identity]]) -> None:
        """Take in what runs now."""
        self.looks += 1
        by_server: dict[str, list[str]] = defaultdict(list)
        for attempt, processes in found.items():
            self.seen[attempt] |= processes
            by_server[attempt.rpartition("-")[0]].append(attempt)
        for attempts in by_server.values():
            ordered = sorted(attempts, key=lambda one: int(one.rpartition("-")[2]))
            for older, newer in pairwise(ordered):
                self.together[older, newer] = self.together.get((older, newer), 0) + 1


def servers() -> dict[str, set[Identity]]:
    """The drill's servers that run, by attempt: of every drill on this machine that this user may see."""
    found: dict[str, set[Identity]] = defaultdict(set)
    for pid in all_pids():
        folder = Path(f"/proc/{pid}")
        with contextlib.suppress(OSError):
            if (folder / "comm").read_text().strip() != EXECUTABLE:
                continue
            process = identify(pid)
            for variable in (folder / "environ").read_bytes().split(b"\0"):
                if variable.startswith(_VARIABLE) and process is not None:
                    found[variable.removeprefix(_VARIABLE).decode()].add(process)
    return found


def slots(home: Path) -> list[int]:
    """What the hosts of this home call their own in the registry of the machine."""
    found = []
    for note in REGISTRY.glob("slot-*"):
        with contextlib.suppress(OSError):
            if Path(note.read_text()).is_relative_to(home.absolute() / "fleet"):
                found.append(int(note.name.removeprefix("slot-")))
    return found


def leftovers(home: Path, hosts: Sequence[str], taken: Sequence[int], attempts: Sequence[str]) -> list[str]:
    """What is left of these servers where all of them have ended, a line each."""
    fleet = home.absolute() / "fleet"
    found = [f"process {pid} of {one}" for pid, one in with_variable(set(attempts))]
    found += [f"folder {one}" for host in hosts for one in (fleet / host / "attempts").glob("*")]
    found += [f"container {one}" for host in hosts for one in (fleet / host / "runtime").glob("*")]
    mounts = Path("/proc/self/mounts").read_text(encoding="utf-8")
    found += [f"mount {line.split()[1]}" for line in mounts.splitlines() if f" {fleet}/" in line]
    for slot in taken:
        prefix = device_prefix(slot)
        found += [f"device {one.name}" for one in Path("/sys/class/net").glob(f"{prefix}*")]
        found += [f"namespace {one.name}" for one in Path("/run/netns").glob(f"{prefix}*")]
        found += [f"control group {one}" for one in _groups(slot) for one in one.glob("*/")]
        found += [f"rule {line}" for line in _elements(slot)]
    return found


def leftovers_of_hosts(home: Path, taken: Sequence[int]) -> list[str]:
    """What is left of hosts whose agents have ended after the last of their servers."""
    fleet = home.absolute() / "fleet"
    found = [f"slot {slot}" for slot in slots(home)]
    for slot in taken:
        found += [f"control group {one}" for one in _groups(slot)]
        found += ["table " + table_name(slot)] if _table(slot) else []
    for pid in all_pids():
        with contextlib.suppress(OSError):
            folder = Path(f"/proc/{pid}/cwd").readlink()
            if folder.is_relative_to(fleet):
                found.append(f"process {pid} in {folder}")
    return found


def with_variable(attempts: set[str]) -> list[tuple[int, str]]:
    """Every process that was started with the variable of one of these attempts, and whose it is."""
    found = []
    for pid in all_pids():
        with contextlib.suppress(OSError):
            variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
            own = [one.removeprefix(_VARIABLE).decode() for one in variables if one.startswith(_VARIABLE)]
            found += [(pid, one) for one in own if one in attempts]
    return found


def _groups(slot: int) -> list[Path]:
    """The control groups of a slot: one, or with version 1 one for each controller."""
    name = table_name(slot)
    return [one for one in (MOUNT / name, *MOUNT.glob(f"*/{name}")) if one.is_dir()]


def _elements(slot: int) -> list[str]:
    """What the slot's table still maps or lets pass."""
    return [line.strip() for line in _table(slot).splitlines() if "elements" in line]


def _table(slot: int) -> str:
    command = ["nft", "list", "table", "inet", table_name(slot)]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout
    except FileNotFoundError:  # without nft there are no rules
        return ""
