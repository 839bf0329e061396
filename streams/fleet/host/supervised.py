"""What drivers share that run a server below a parent of ours: who it is, signals, and its end."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from abc import ABC, abstractmethod
from typing import Final

from streams.fleet.host import relays
from streams.fleet.host.attempts import Attempt, replace, running_server
from streams.fleet.host.driver import KILLED, CannotStart, Exit
from streams.fleet.host.environment import SERVER_FILE
from streams.fleet.host.parent import reap
from streams.fleet.host.processes import Identity, identify, send, tree_of
from streams.fleet.host.relay_groups import RelayGroups
from streams.fleet.host.relays import Door

MEMORY: Final = "out-of-memory"
"""The mark of an attempt that met its limit, where what counted that is gone."""
_KILL_S: Final = 10.0
_PARENT_GRACE_S: Final = 1.0


class Supervised(ABC):
    """The half of a Driver that looks at processes and files of this machine."""

    guarded: Final = True
    starting_s: Final = 0.02
    _relay_groups: RelayGroups

    def began(self, attempt: Attempt) -> bool:
        """See Driver."""
        return attempt.parent() is not None

    def started(self, attempt: Attempt) -> bool:
        """See Driver."""
        return self.adopt(attempt) and self.server(attempt) is not None

    def address(self, attempt: Attempt) -> str | None:
        """The host's own."""
        del attempt
        return None

    def said_ready(self, attempt: Attempt) -> bool:
        """Its SDK is the agent's."""
        del attempt
        return False

    def watch(self, attempt: Attempt) -> int | None:
        """See Driver: its parent's end, or where that was killed its own."""
        watched = attempt.parent() if attempt.locked() else attempt.server()
        return os.pidfd_open(watched.pid) if watched is not None else None

    def show(self, attempt: Attempt, document: bytes) -> None:
        """See Driver."""
        with contextlib.suppress(FileNotFoundError):  # it was removed meanwhile
            replace(attempt.run_folder / SERVER_FILE, document, mode=0o644)

    def adopt(self, attempt: Attempt) -> bool:
        """See Driver."""
        if self.server(attempt) is not None:
            return True
        return attempt.exit_code() is None and (attempt.locked() or bool(self._grouped(attempt)))

    def signal(self, attempt: Attempt, number: signal.Signals) -> bool:
        """See Driver."""
        server = self.server(attempt)
        return server is not None and send(server, number)

    def relay(self, attempt: Attempt) -> bool:
        """See Driver."""
        server, doors = self.server(attempt), self._doors(attempt)
        if server is None or not doors:
            return False
        return relays.begin(attempt, server, doors, user=self._relay_user(attempt), groups=self._relay_groups)

    def relayed(self, attempt: Attempt) -> bool:
        """See Driver."""
        return relays.listens(attempt)

    def kill(self, attempt: Attempt) -> None:
        """The first process first: with a container's the kernel ends its whole pid namespace.

        Raises CannotStart where the kernel holds a process for 10 s.
        """
        begun = time.monotonic()
        while attempt.locked() or self._members(attempt):
            waited = time.monotonic() - begun
            if waited > _KILL_S:
                raise CannotStart(f"{attempt.id} can't be killed: the kernel holds its processes")
            members = self._members(attempt)  # before the first is gone, below which they are found
            server = self.server(attempt)
            if server is not None:
                send(server, signal.SIGKILL)
            parent = attempt.parent()
            if parent is not None and waited > _PARENT_GRACE_S and identify(parent.pid) == parent:
                members |= tree_of(parent.pid, uid=None)  # it hangs before the server's start
            for pid in members:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            reap(attempt)
            time.sleep(0.005)  # what was killed takes a moment to be gone
        if any(port.tls for port in attempt.launch.ports):
            relays.end(attempt)
        if attempt.parent() is not None and attempt.exit_code() is None:
            attempt.note_exit(KILLED)

    def ended(self, attempt: Attempt) -> Exit | None:
        """See Driver."""
        if attempt.parent() is None or self.adopt(attempt):
            return None
        reap(attempt)
        code = attempt.exit_code()
        memory = code in {None, KILLED} and (attempt.marked(MEMORY) or self._out_of_memory(attempt))
        begun = attempt.noted_pid() is not None
        return Exit(KILLED if code is None else code, memory, None if begun else "STARTUP_FAILURE_EXECUTABLE")

    def server(self, attempt: Attempt) -> Identity | None:
        """The server's first process while it runs. Who it is gets noted when it is first seen."""
        if attempt.server() is not None:
            return running_server(attempt)
        pid = attempt.noted_pid()
        found = identify(pid) if pid is not None and self._believed(attempt, pid) else None
        if found is not None:
            attempt.note_server(found)
        return found

    @abstractmethod
    def _doors(self, attempt: Attempt) -> list[Door]:
        """What its relay listens at, and where the server is from there."""

    @abstractmethod
    def _relay_user(self, attempt: Attempt) -> tuple[int, int] | None:
        """User and group of its relay; None: the agent's own."""

    @abstractmethod
    def _members(self, attempt: Attempt) -> set[int]:
        """Every living process of the attempt, however long it takes to find."""

    @abstractmethod
    def _grouped(self, attempt: Attempt) -> set[int]:
        """Those living processes of the attempt that are found without a search of the whole machine."""

    @abstractmethod
    def _believed(self, attempt: Attempt, pid: int) -> bool:
        """Whether the noted pid is the attempt's, and not another process's since."""

    @abstractmethod
    def _out_of_memory(self, attempt: Attempt) -> bool:
        """Whether the attempt met its memory limit."""
