"""Processes by pid and start time: a pid alone may be another process's by now. Linux only."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

_STATE: Final = 0
_PARENT: Final = 1
_GROUP: Final = 2
_SESSION: Final = 3
_START_TICKS: Final = 19


class Identity(msgspec.Struct, frozen=True):
    """Which process: its pid, when it started (in ticks since boot) and in which boot."""

    pid: int
    start_ticks: int
    boot_id: str


def boot_id() -> str:
    """Changes with every boot of the machine."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def identify(pid: int) -> Identity | None:
    """The process that has this pid now; None where there is none, or only its unreaped rest."""
    fields = stat_fields(pid)
    if fields is None or fields[_STATE] in {"Z", "X"}:
        return None
    return Identity(pid, int(fields[_START_TICKS]), boot_id())


def alive(process: Identity) -> bool:
    """Whether this very process runs. A zombie does not."""
    return identify(process.pid) == process


def send(process: Identity, number: signal.Signals) -> bool:
    """Signals this very process; False where it is gone. The pidfd makes the check and the signal one."""
    try:
        descriptor = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return False
    try:
        if not alive(process):
            return False
        signal.pidfd_send_signal(descriptor, number)
    except ProcessLookupError:
        return False
    finally:
        os.close(descriptor)
    return True


def stat_fields(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat from the state on; None where there is no such process."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    return text.rpartition(")")[2].split()


def all_pids() -> Iterator[int]:
    """Every pid that this process can see."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            yield int(folder.name)


def with_variable(assignment: str) -> set[int]:
    """The living processes that were started with this variable (`NAME=value`), where that may be read."""
    found = set()
    for pid in all_pids():
        with contextlib.suppress(OSError):
            if assignment.encode() in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
                found.add(pid)
    return found


def tree_of(pid: int, *, uid: int | None) -> set[int]:
    """The living processes below `pid` and in its session or group, and with `uid` every one of that user.

    A process that has left its session and lost its parents is found by its user alone.
    """
    parents: dict[int, int] = {}
    found = set()
    for other in all_pids():
        fields = stat_fields(other)
        if fields is None or fields[_STATE] in {"Z", "X"}:
            continue
        parents[other] = int(fields[_PARENT])
        if other == pid or pid in {int(fields[_GROUP]), int(fields[_SESSION])}:
            found.add(other)
        elif uid is not None:
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                if Path(f"/proc/{other}").stat().st_uid == uid:
                    found.add(other)
    grown = True
    while grown:
        below = {child for child, parent in parents.items() if parent in found} - found
        found |= below
        grown = bool(below)
    return found
