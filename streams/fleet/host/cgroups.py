"""The limits and counters of one attempt, in the kernel's control groups, version 1 or 2.

The attempt's group is the parent of the one that the runtime makes and removes: what it counted can still be
read after the end. That is how a kill for memory is recognised.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Protocol

MOUNT: Final = Path("/sys/fs/cgroup")
_PERIOD_US: Final = 100_000
_MIB: Final = 1024 * 1024
_REMOVE_S: Final = 2.0
_NEEDED: Final = ("cpu", "memory", "pids")


class Groups(Protocol):
    """Groups of a machine, by a path below the root such as `questlog-fleet-3/ATTEMPT`."""

    def make(self, path: str, *, cpu_cores: float, memory_mib: int, pids: int) -> None:
        """Makes the group with its limits; existing ones get these limits. Raises OSError."""

    def entrances(self, path: str) -> str:
        """The files, with spaces between, that a process writes its pid to in order to be in the group."""

    def pids(self, path: str) -> set[int]:
        """The processes in the group and below."""

    def cpu_ns(self, path: str) -> int:
        """CPU time since the group was made."""

    def memory_bytes(self, path: str) -> int:
        """In use, without what the kernel can drop at once."""

    def out_of_memory(self, path: str, limit_mib: int) -> bool:
        """Whether the group has met its memory limit to the last page, or was killed for it."""

    def remove(self, path: str) -> None:
        """Removes the group and those below it. Twice is as once; a group with processes stays."""


def groups_of_machine(mount: Path = MOUNT) -> Groups | None:
    """The machine's control groups; None where this process may not make any."""
    if (mount / "cgroup.controllers").exists():
        available = (mount / "cgroup.controllers").read_text().split()
        found: Groups = _Unified(mount)
        able = set(_NEEDED) <= set(available)
    else:
        found = _Separate(mount)
        able = all((mount / name / "cgroup.procs").exists() for name in _NEEDED)
    if not able:
        return None
    probe = f"questlog-fleet-probe-{secrets.token_hex(8)}"  # others may be asking, too
    try:
        found.make(probe, cpu_cores=1, memory_mib=64, pids=16)
    except OSError:
        return None
    finally:
        with contextlib.suppress(OSError):
            found.remove(probe)
    return found


class _Separate:
    """Version 1: each controller has a tree of its own."""

    def __init__(self, mount: Path) -> None:
        self._mount = mount

    def make(self, path: str, *, cpu_cores: float, memory_mib: int, pids: int) -> None:
        limit = str(memory_mib * _MIB)
        for controller, settings in {
            "memory": {"memory.limit_in_bytes": limit, "memory.memsw.limit_in_bytes": limit},
            "cpu": {
                "cpu.cfs_period_us": str(_PERIOD_US),
                "cpu.cfs_quota_us": str(int(cpu_cores * _PERIOD_US)),
                "cpu.shares": str(max(2, int(cpu_cores * 1024 / 4))),
            },
            "cpuacct": {},
            "pids": {"pids.max": str(pids)},
        }.items():
            folder = self._mount / controller / path
            folder.mkdir(parents=True, exist_ok=True)
            _write(folder, settings)

    def entrances(self, path: str) -> str:
        folders = (self._mount / controller / path for controller in (*_NEEDED, "cpuacct"))
        return " ".join(str(folder / "cgroup.procs") for folder in folders)

    def pids(self, path: str) -> set[int]:
        return _processes(self._mount / "pids" / path)

    def cpu_ns(self, path: str) -> int:
        return int((self._mount / "cpuacct" / path / "cpuacct.usage").read_text())

    def memory_bytes(self, path: str) -> int:
        folder = self._mount / "memory" / path
        usage = int((folder / "memory.usage_in_bytes").read_text())
        return max(0, usage - _table(folder / "memory.stat").get("total_inactive_file", 0))

    def out_of_memory(self, path: str, limit_mib: int) -> bool:
        peak = self._mount / "memory" / path / "memory.max_usage_in_bytes"
        return peak.exists() and int(peak.read_text()) >= limit_mib * _MIB

    def remove(self, path: str) -> None:
        for controller in self._mount.iterdir():
            if controller.is_dir() and not controller.is_symlink():
                _remove(controller / path)


class _Unified:
    """Version 2: one tree."""

    def __init__(self, mount: Path) -> None:
        self._mount = mount

    def make(self, path: str, *, cpu_cores: float, memory_mib: int, pids: int) -> None:
        folder = self._mount / path
        folder.mkdir(parents=True, exist_ok=True)
        for above in [*reversed(folder.relative_to(self._mount).parents)]:
            (self._mount / above / "cgroup.subtree_control").write_text("+cpu +memory +pids")
        settings = {
            "memory.max": str(memory_mib * _MIB),
            "memory.swap.max": "0",
            "cpu.max": f"{int(cpu_cores * _PERIOD_US)} {_PERIOD_US}",
            "cpu.weight": str(max(1, int(cpu_cores * 100 / 4))),
            "pids.max": str(pids),
        }
        _write(folder, settings)
        (folder / "cgroup.subtree_control").write_text("+cpu +memory +pids")
        (folder / "server").mkdir(exist_ok=True)

    def entrances(self, path: str) -> str:
        return str(self._mount / path / "server" / "cgroup.procs")

    def pids(self, path: str) -> set[int]:
        return _processes(self._mount / path)

    def cpu_ns(self, path: str) -> int:
        return _table(self._mount / path / "cpu.stat")["usage_usec"] * 1000

    def memory_bytes(self, path: str) -> int:
        folder = self._mount / path
        usage = int((folder / "memory.current").read_text())
        return max(0, usage - _table(folder / "memory.stat").get("inactive_file", 0))

    def out_of_memory(self, path: str, limit_mib: int) -> bool:
        del limit_mib
        events = self._mount / path / "memory.events"
        return events.exists() and _table(events).get("oom_kill", 0) > 0

    def remove(self, path: str) -> None:
        _remove(self._mount / path)


def _write(folder: Path, settings: Mapping[str, str]) -> None:
    for name, value in settings.items():
        file = folder / name
        if file.exists():  # swap accounting and bandwidth are options of the kernel
            file.write_text(value)


def _table(file: Path) -> dict[str, int]:
    return {name: int(value) for name, value in (line.split() for line in file.read_text().splitlines())}


def _processes(folder: Path) -> set[int]:
    found: set[int] = set()
    for at, _, files in os.walk(folder):  # passes over a group that is removed while it is listed
        if "cgroup.procs" in files:
            found |= members(Path(at) / "cgroup.procs")
    return found


def members(file: Path) -> set[int]:
    """The pids in a group's file; none where the group is removed before or, ENODEV, while it is read."""
    try:
        return {int(pid) for pid in file.read_text().split()}
    except OSError as error:
        if error.errno in {errno.ENOENT, errno.ENODEV}:
            return set()
        raise


def _remove(folder: Path) -> None:
    until = time.monotonic() + _REMOVE_S
    while folder.exists():
        gone = True
        for at, _, _ in os.walk(folder, topdown=False):
            gone &= _remove_one(Path(at))
        if gone or time.monotonic() > until:
            return
        time.sleep(0.01)  # the kernel takes a moment to let go of what was killed


def _remove_one(folder: Path) -> bool:
    try:
        folder.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True
