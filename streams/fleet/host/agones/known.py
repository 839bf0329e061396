"""One attempt on the cluster, as its object and its pod have told of it so far."""

from __future__ import annotations

import asyncio
from typing import Final

import msgspec

from streams.fleet.host.agones.objects import GameServer, Pod
from streams.fleet.host.agones.states import Seen, seen
from streams.fleet.host.attempts import Attempt, replace
from streams.fleet.host.driver import KILLED, Exit

ASKED: Final = "asked"
"""The mark of an attempt that was asked of the cluster: it is never asked again."""


class Known:
    """One attempt on the cluster."""

    def __init__(self, attempt: Attempt, server: GameServer) -> None:
        self.attempt = attempt
        self.server = server
        self.seen: Seen = seen(server, None, was_ready=attempt.marked("ready"))
        self.end = noted_end(attempt)
        """What is known of how it ended; None where nothing is."""
        self._end_unnoted = False
        self.gone = False
        """Its object is, and its pod was before it."""
        self.drained = asyncio.Event()
        """Set once all that it has printed is in its file, or can't be had any more."""
        self.draining: asyncio.Task[None] | None = None
        self.shown: str | None = None
        self.showing: asyncio.Task[None] | None = None
        self.accompanying: asyncio.Task[None] | None = None

    def take(self, pod: Pod | None) -> None:
        """What its object, as it is now, and its pod say. An end that was read stays when the pod goes."""
        found = seen(self.server, pod, was_ready=self.attempt.marked("ready"))
        end = self.end or Exit(KILLED)
        if found.exit_code is not None:
            end = msgspec.structs.replace(end, code=found.exit_code)
        if end.reason is None:
            end = msgspec.structs.replace(end, reason=found.reason)
        if self._end_unnoted or end != (self.end or Exit(KILLED)):
            self.end = end
            path = self.attempt.folder / "end"
            noted = self.attempt.noted("end", lambda: replace(path, msgspec.json.encode(end)))
            self._end_unnoted = not noted
        if found.exit_code is None and self.seen.exit_code is not None:
            stage = found.stage if found.stage in {"ending", "failed"} else "failed"
            found = msgspec.structs.replace(found, stage=stage, exit_code=self.seen.exit_code)
        self.seen = found

    def tasks(self) -> list[asyncio.Task[None]]:
        """Those that are about it."""
        return [task for task in (self.accompanying, self.showing, self.draining) if task is not None]

    @property
    def ran(self) -> bool:
        """Whether its pod may have printed something."""
        return self.gone or self.seen.stage in {"started", "ready", "ending", "failed"}


def noted_end(attempt: Attempt) -> Exit | None:
    """What an agent has noted of how it ended; None where nothing was."""
    try:
        return msgspec.json.decode((attempt.folder / "end").read_bytes(), type=Exit)
    except FileNotFoundError:
        return None
