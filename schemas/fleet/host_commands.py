"""What hosts ask and report, and the timer of them. `aggregate_id` is `names.host_aggregate`.

A host's agent appends them to the partition that it serves, and reads what came of them in its events.
Nothing of a studio is in their envelope: `studio_id` and `game_id` are empty.
"""

from __future__ import annotations

from typing import ClassVar, Final, Literal

import msgspec

from schemas.codec import Message
from schemas.fleet.host_views import HostCapacity
from schemas.fleet.views import Artefact, ExitReason, Isolation

ReportKind = Literal["started", "ready", "exited", "custom-data"]


class Report(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """What an agent saw of an attempt. It counts only where that is the server's current attempt, here.

    The same twice changes nothing: agents repeat what they have no answer to.
    """

    instance_id: str
    attempt: int
    kind: ReportKind
    isolation: Isolation | None = None
    """Of `started`: what really confines it."""
    address: str | None = None
    """Of `started`: where players reach it, if that is not the host's address."""
    exit_code: int | None = None
    """Of `exited`: a signal n is 128 + n; None where nothing was run."""
    reason: ExitReason | None = None
    """Of `exited`, where its process and all its children are gone, or never were. None: PROCESS_EXITED."""
    custom_data: str | None = None
    """Of `custom-data`: a JSON object as text, at most `limits.CUSTOM_DATA_BYTES_MAX`."""


class BuildAttempt(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An attempt of processing that an agent is at."""

    build_id: str
    attempt: int


class BuildReport(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """How an attempt of processing ended. It counts only where that is the build's current attempt, here."""

    build_id: str
    attempt: int
    artefact: Artefact | None = None
    """Of one that succeeded: it is in the object store."""
    error: str | None = None
    """Of one that can't succeed, in words for the build's owner. It is not tried again by itself."""


class JoinHost(Message, frozen=True, kw_only=True):
    """An agent begins to serve its host: a new epoch, and all that it should run. 409 `too_many_hosts`.

    Who served it before is fenced: reports of an older epoch are refused.
    """

    WIRE: ClassVar[str] = "fleet.host-join.v1"

    host_id: str
    capacity: HostCapacity
    builds: list[str] = []
    """Hashes of the artefacts that it holds."""


class ReportHost(Message, frozen=True, kw_only=True):
    """What an agent has seen, at least every 5 s: that it lives, and reports in the order they came.

    409 `fenced`: another agent has joined since, or the host was declared lost; this process must end.
    """

    WIRE: ClassVar[str] = "fleet.host-report.v1"

    host_id: str
    epoch: int
    reports: list[Report] = []
    build_reports: list[BuildReport] = []
    processing: list[BuildAttempt] = []
    """What it is at: an attempt that is not named for 60 s is given to another."""
    builds: list[str] | None = None
    """Hashes of the artefacts that it holds, where they are others than last time."""


class DrainHost(Message, frozen=True, kw_only=True):
    """Give a host no new servers and builds, until an agent joins again. 409 `fenced`. Twice: nothing."""

    WIRE: ClassVar[str] = "fleet.host-drain.v1"

    host_id: str
    epoch: int


class HostDue(Message, frozen=True, kw_only=True):
    """A host may be silent, says the timer. Early, late or twice: nothing."""

    WIRE: ClassVar[str] = "fleet.host-due.v1"

    host_id: str


HOST_COMMANDS: Final[tuple[type[Message], ...]] = (JoinHost, ReportHost, DrainHost, HostDue)
