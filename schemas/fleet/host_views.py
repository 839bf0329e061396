"""Hosts as events carry them: what each has to give, how it is, and what it is to run.

NOTE: stored: a field may be added with a default. Times are unix milliseconds.
"""

from __future__ import annotations

from typing import Literal

from schemas.fleet.sizes import Region
from schemas.fleet.views import Isolation, LaunchSpec, Stored

HostStatus = Literal["up", "draining", "suspected", "lost"]


class Instance(Stored, frozen=True, kw_only=True, gc=False):
    """A server of a host that has joined: what is to be run, or brought to its end."""

    spec: LaunchSpec
    wanted: Literal["running", "gone"]
    """`gone`: its attempt is to be stopped, and its exit reported."""


class HostCapacity(Stored, frozen=True, kw_only=True, gc=False):
    """What a host has to give."""

    regions: list[Region]
    cpu_millis: int
    memory_mb: int
    first_port: int
    last_port: int
    """External ports, both ends included."""
    address: str
    """Where players reach it: a name or an IP address."""
    isolation: Isolation
    overcommit: bool = False
    """Memory may be promised more than once."""
    tls: bool = False
    """It can end TLS on tcp ports."""
    proxy_protocol: bool = False
    """Where it does it can tell servers who their players are."""
    runs_builds: bool = True
    """It processes builds."""
    agent_version: str = ""


class Host(Stored, frozen=True, kw_only=True, gc=False):
    """A host as it is after an event."""

    id: str
    epoch: int
    """From 1; each HostJoin begins a new one."""
    status: HostStatus
    capacity: HostCapacity
    joined_at_ms: int
    seen_at_ms: int
    suspected_at_ms: int | None = None
    due_at_ms: int | None = None
    """When the timer asks HostDue."""
    servers: int = 0
    memory_used_mb: int = 0
    cpu_reserved_millis: int = 0
    """A quarter of what its shared servers may use, and the cores of the others."""
