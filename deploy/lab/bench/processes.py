"""CPU time and memory of the stack's processes, from /proc, by the pids that the supervisor publishes."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Final

from deploy.stack.supervisor import STATUS_FILE

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")


class NoStackError(Exception):
    """No stack runs on the home."""


def parts(home: Path) -> dict[str, int]:
    """Pid of each running part by its name. Raises `NoStackError` where no supervisor runs."""
    try:
        status = json.loads((home / STATUS_FILE).read_bytes())
        os.kill(status["pid"], 0)
    except (FileNotFoundError, ProcessLookupError):
        raise NoStackError(
            f"no stack runs on {home}; start one with `questlog up --demo --home {home}`"
        ) from None
    return {part["name"]: part["pid"] for part in status["parts"] if part["pid"]}


def cpu_seconds(pids: dict[str, int]) -> dict[str, float]:
    """CPU used so far by each part and the children that it still has; parts that ended are left out."""
    children = _children()
    used: dict[str, float] = {}
    for name, pid in pids.items():
        family, total = [pid], 0.0
        for member in family:
            family += children.get(member, [])
            fields = _stat(member)
            total += (int(fields[11]) + int(fields[12])) / _TICKS if fields else 0.0
        if total:
            used[name] = total
    return used


def difference(before: dict[str, float], after: dict[str, float]) -> dict[str, float]:
    """CPU seconds between two looks; a part that was restarted in between counts from its restart."""
    return {
        name: seconds - before.get(name, 0.0) if seconds >= before.get(name, 0.0) else seconds
        for name, seconds in after.items()
    }


def resident_bytes(pid: int) -> int:
    """Resident memory of one process; 0 when it has ended."""
    fields = _stat(pid)
    return int(fields[21]) * _PAGE if fields else 0


def _children() -> dict[int, list[int]]:
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := _stat(int(entry.name))):
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    return children


def _stat(pid: int) -> list[str]:
    """Fields of /proc/<pid>/stat from the state on (index 0 is field 3 of proc(5)); empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []
