"""Control groups of relays: beside their servers', so that neither takes the other's memory or cores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from schemas.fleet.relays import relay_memory_mib
from streams.fleet.host.attempts import Attempt
from streams.fleet.host.cgroups import Groups
from streams.fleet.host.cores import Cores

_CPU_CORES: Final = 1.0
_PIDS: Final = 16


class RelayGroups:
    """Of one host. Without `groups` a relay's own limits hold alone."""

    def __init__(self, groups: Groups | None, cores: Cores, group_of: Callable[[Attempt], str]) -> None:
        """`group_of` gives the path of an attempt's group."""
        self._groups = groups
        self._cores = cores
        self._group_of = group_of

    def make(self, attempt: Attempt) -> Sequence[str]:
        """Makes the relay's group: the files that it writes its pid to. Raises OSError."""
        if self._groups is None:
            return ()
        path, ports = self._path(attempt), sum(port.tls for port in attempt.launch.ports)
        self._groups.make(path, cpu_cores=_CPU_CORES, memory_mib=relay_memory_mib(ports), pids=_PIDS)
        self._cores.take(path, ())
        return (*self._groups.entrances(path).split(), *self._cores.entrances(path).split())

    def find(self, attempt: Attempt) -> None:
        """A relay of an agent before this one may be in its group."""
        if _relayed(attempt):
            self._cores.find(self._path(attempt), ())

    def remove(self, attempt: Attempt) -> None:
        """It is gone. Twice is as once."""
        if self._groups is not None and _relayed(attempt):
            self._cores.give_back(self._path(attempt))
            self._groups.remove(self._path(attempt))

    def _path(self, attempt: Attempt) -> str:
        return f"{self._group_of(attempt)}-relay"


def _relayed(attempt: Attempt) -> bool:
    return any(port.tls for port in attempt.launch.ports)
