"""What the routes under `/dashboard/data/fleet` answer; servers, builds and metrics are S5's."""

from __future__ import annotations

import msgspec

from schemas.fleet.host_views import HostStatus
from schemas.fleet.sizes import ComputeSize, Region
from schemas.fleet.telemetry import Level
from schemas.fleet.views import Isolation


class ServerStates(msgspec.Struct, frozen=True):
    """How many servers of a game there are, by state. Unclaimed pool servers are in `pool` alone."""

    running: int
    launching: int
    pool: int
    stopped: int
    """In the last 7 days."""


class TailLine(msgspec.Struct, frozen=True):
    """A line that a server printed, and when (unix milliseconds)."""

    at: int
    level: Level
    message: str


class LogTail(msgspec.Struct, frozen=True):
    """Lines, the oldest first; `after` asks for what comes behind them, null before the first line."""

    lines: list[TailLine]
    after: str | None


class HostFigures(msgspec.Struct, frozen=True):
    """A machine and its room; times are unix milliseconds."""

    id: str
    status: HostStatus
    isolation: Isolation
    regions: list[Region]
    servers: int
    memory_mb: int
    memory_used_mb: int
    """What is promised to its servers: with `overcommit` it may be more than there is."""
    overcommit: bool
    cpu_millis: int
    cpu_reserved_millis: int
    """What its servers have for sure; all of them may use more."""
    seen_at: int


class HostPanel(msgspec.Struct, frozen=True):
    """The hosts, and what servers can be started as: the regions that hosts serve, and all sizes."""

    hosts: list[HostFigures]
    regions: list[Region]
    sizes: list[ComputeSize]
