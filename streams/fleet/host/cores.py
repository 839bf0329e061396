"""Which cores servers run on: those with cores of their own are alone there, all others share the rest.

A group's set is the kernel's to keep, whatever its processes ask for. Whenever a server with cores of its own
comes or goes, the others move. Source: contract/fleet.md, "Start".
"""

from __future__ import annotations

import contextlib
import errno
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Protocol

from streams.fleet.host.cgroups import MOUNT

_TRIES: Final = 10
_CPUS: Final = "cpuset.cpus"
_MEMORY_NODES: Final = "cpuset.mems"


class CoreSets(Protocol):
    """Groups' cores, by paths as `cgroups.Groups` has them."""

    def all(self) -> frozenset[int]:
        """Those of the machine that groups may have."""

    def make(self, path: str, cores: frozenset[int]) -> None:
        """The group with its cores, made if it is not there. Raises OSError."""

    def move(self, path: str, cores: frozenset[int]) -> None:
        """Others from now on, for all that runs in it and below. Nothing happens where it has gone."""

    def entrances(self, path: str) -> str:
        """Files that a process writes its pid to, beside the group's other ones."""


class Cores:
    """Of one host. Its methods may be called from several threads."""

    def __init__(self, sets: CoreSets | None) -> None:
        """Without `sets` the machine keeps no server from a core: nothing is done."""
        self._sets = sets
        self._own: dict[str, frozenset[int]] = {}
        self._lock = threading.Lock()

    def find(self, path: str, own: Sequence[int]) -> None:
        """A group that an agent before this one has made: it runs where it does."""
        if self._sets is not None:
            with self._lock:
                self._own[path] = frozenset(own) & self._sets.all()

    def take(self, path: str, own: Sequence[int]) -> None:
        """Makes the group of a server that starts. Raises OSError."""
        if self._sets is None:
            return
        with self._lock:
            self._own[path] = frozenset(own) & self._sets.all()
            if self._own[path]:
                self._move_shared(self._sets)
            self._sets.make(path, self._own[path] or self._shared(self._sets))

    def give_back(self, path: str) -> None:
        """The server has ended. Twice is as once."""
        if self._sets is None:
            return
        with self._lock:
            if self._own.pop(path, None):
                self._move_shared(self._sets)

    def entrances(self, path: str) -> str:
        """See CoreSets."""
        return "" if self._sets is None else self._sets.entrances(path)

    def _shared(self, sets: CoreSets) -> frozenset[int]:
        """What no server has for itself. Placement leaves some; a set can't be empty where it did not."""
        found = sets.all().difference(*self._own.values())
        return found or sets.all()

    def _move_shared(self, sets: CoreSets) -> None:
        shared = self._shared(sets)
        for path in [path for path, own in self._own.items() if not own]:
            sets.move(path, shared)


def core_sets(mount: Path = MOUNT) -> CoreSets | None:
    """The machine's; None where it has none that this process may use."""
    if (mount / "cgroup.controllers").exists():
        available = "cpuset" in (mount / "cgroup.controllers").read_text().split()
        return _Unified(mount) if available else None
    return _Separate(mount / "cpuset") if (mount / "cpuset" / _CPUS).exists() else None


class _Separate:
    """Version 1: a group has no more than the one above it, and no less than those below."""

    def __init__(self, mount: Path) -> None:
        self._mount = mount

    def all(self) -> frozenset[int]:
        return parsed((self._mount / _CPUS).read_text())

    def make(self, path: str, cores: frozenset[int]) -> None:
        above = self._mount
        for name in Path(path).parts:
            folder = above / name
            folder.mkdir(exist_ok=True)
            for file in (_CPUS, _MEMORY_NODES):
                if not (folder / file).read_text().strip():
                    (folder / file).write_text((above / file).read_text())
            above = folder
        self.move(path, cores)

    def move(self, path: str, cores: frozenset[int]) -> None:
        with contextlib.suppress(FileNotFoundError):
            for left in reversed(range(_TRIES)):
                try:
                    _narrow(self._mount / path, cores)
                except _Busy:
                    if not left:
                        raise
                else:
                    return

    def entrances(self, path: str) -> str:
        return str(self._mount / path / "cgroup.procs")


class _Busy(OSError):
    """A group below was made meanwhile, with what the one above had."""


def _narrow(folder: Path, cores: frozenset[int]) -> None:
    """The group and all below: first as wide as both, then those below, then itself."""
    file = folder / _CPUS
    now = parsed(file.read_text())
    try:
        if not cores <= now:
            file.write_text(written(now | cores))
        for below in [each for each in folder.iterdir() if each.is_dir()]:
            with contextlib.suppress(FileNotFoundError):
                _narrow(below, cores)
        file.write_text(written(cores))
    except OSError as error:
        if error.errno == errno.ENODEV:  # it was removed while it was open
            return
        if error.errno == errno.EBUSY:
            raise _Busy(*error.args) from error
        raise


class _Unified:
    """Version 2: what is above bounds what is below by itself."""

    def __init__(self, mount: Path) -> None:
        self._mount = mount

    def all(self) -> frozenset[int]:
        return parsed((self._mount / f"{_CPUS}.effective").read_text())

    def make(self, path: str, cores: frozenset[int]) -> None:
        folder = self._mount / path
        folder.mkdir(parents=True, exist_ok=True)
        for above in [*reversed(folder.relative_to(self._mount).parents)]:
            (self._mount / above / "cgroup.subtree_control").write_text("+cpuset")
        (folder / _CPUS).write_text(written(cores))

    def move(self, path: str, cores: frozenset[int]) -> None:
        file = self._mount / path / _CPUS
        if file.exists():
            with contextlib.suppress(FileNotFoundError):
                file.write_text(written(cores))

    def entrances(self, path: str) -> str:
        del path
        return ""


def parsed(text: str) -> frozenset[int]:
    """A list as the kernel writes it: `0-2,5`."""
    found: set[int] = set()
    for part in filter(None, text.strip().split(",")):
        first, _, last = part.partition("-")
        found |= set(range(int(first), int(last or first) + 1))
    return frozenset(found)


def written(cores: frozenset[int]) -> str:
    """A list as the kernel reads it."""
    return ",".join(map(str, sorted(cores)))
