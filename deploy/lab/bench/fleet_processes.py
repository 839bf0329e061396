"""What of a host is on this machine: its servers, what we run beside each, and who reads builds."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from streams.fleet.host.processes import all_pids, stat_fields

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_VARIABLE: Final = b"QUESTLOG_ATTEMPT="
_INIT: Final = "init"
"""The container's first process, by its name."""
_READERS: Final = b"streams.fleet.builds."
_USER, _SYSTEM, _CHILDREN_SYSTEM = 11, 12, 14
_PARENT: Final = 1
LOOK_SECONDS: Final = 0.05


class Beside(msgspec.Struct, kw_only=True):
    """The processes of one server by whose they are."""

    game: set[int]
    ours: set[int]
    """The container's init, its runtime and the small parent."""


def servers(home: Path, instances: Collection[str]) -> dict[str, Beside]:
    """Processes of these servers, by attempt, where this user may see them."""
    found: dict[str, Beside] = {}
    for pid in all_pids():
        with contextlib.suppress(OSError):
            for variable in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
                attempt = variable.removeprefix(_VARIABLE).decode(errors="replace")
                if not variable.startswith(_VARIABLE) or attempt.rpartition("-")[0] not in instances:
                    continue
                one = found.setdefault(attempt, Beside(game=set(), ours=set()))
                init = Path(f"/proc/{pid}/comm").read_text().strip() == _INIT
                (one.ours if init else one.game).add(pid)
    for one in found.values():
        for pid in one.game | one.ours:
            one.ours |= _above(pid, home.absolute() / "fleet")
    return found


def cpu_seconds(pids: Iterable[int], *, children: bool = False) -> float:
    """CPU that these processes have used; with `children` also what those had used that they have reaped."""
    total = 0
    for pid in pids:
        fields = stat_fields(pid)
        last = _CHILDREN_SYSTEM if children else _SYSTEM
        total += sum(map(int, fields[_USER : last + 1])) if fields is not None else 0
    return total / _TICKS


def proportional_bytes(pids: Iterable[int]) -> int:
    """Memory of these processes; what several share is split among all that share it."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            total += _kibibytes(Path(f"/proc/{pid}/smaps_rollup").read_text(), "Pss:") * 1024
    return total


class Readers:
    """Looks at the processes that read builds, and notes the most memory that each has had."""

    def __init__(self) -> None:
        self._peaks: dict[int, int] = defaultdict(int)

    async def run(self) -> None:
        """Look until it is cancelled."""
        while True:
            await asyncio.to_thread(self.look)
            await asyncio.sleep(LOOK_SECONDS)

    def look(self) -> None:
        """Note what is there now."""
        for pid in all_pids():
            with contextlib.suppress(OSError):
                if _READERS in Path(f"/proc/{pid}/cmdline").read_bytes():
                    status = Path(f"/proc/{pid}/status").read_text()
                    self._peaks[pid] = max(self._peaks[pid], _kibibytes(status, "VmHWM:") * 1024)

    @property
    def peak_bytes(self) -> int:
        """Of the largest of them; 0 where none was seen."""
        return max(self._peaks.values(), default=0)


def _above(pid: int, folder: Path) -> set[int]:
    """The processes above one that are at home in this folder."""
    found: set[int] = set()
    while (fields := stat_fields(pid)) is not None:
        pid = int(fields[_PARENT])
        try:
            inside = Path(f"/proc/{pid}/cwd").readlink().is_relative_to(folder)
        except OSError:
            inside = False
        if not inside:
            break
        found.add(pid)
    return found


def _kibibytes(text: str, name: str) -> int:
    return next((int(line.split()[1]) for line in text.splitlines() if line.startswith(name)), 0)
