"""What S5 answers beside servers, builds and settings. Source: the S5 reference and contract/fleet.md."""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from schemas.fleet.resources import BuildResource, ServerResource
from schemas.fleet.sizes import Region
from schemas.fleet.telemetry import Level
from schemas.fleet.validation import Detail


class ErrorResponse(msgspec.Struct, frozen=True, kw_only=True):
    """A refusal. `detail` is the message again, or of 422 every problem."""

    error: str
    detail: str | list[Detail]
    status: int
    code: str
    """In one word; `quota_exceeded` also names `limit`."""
    limit: str | UnsetType = UNSET


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """The API answers."""

    status: Literal["ok"]
    timestamp: str


class Project(msgspec.Struct, frozen=True, kw_only=True):
    """The key's project."""

    project_id: str


class ServerList(msgspec.Struct, frozen=True, kw_only=True):
    """A page of servers, newest first; both totals count all that match."""

    total: int
    total_servers: int
    servers: list[ServerResource]
    limit: int
    offset: int
    has_more: bool


class Stopped(msgspec.Struct, frozen=True, kw_only=True):
    """The server stops or has stopped."""

    status: Literal["stopped"]


class BuildList(msgspec.Struct, frozen=True, kw_only=True):
    """A page of builds, newest first."""

    total: int
    builds: list[BuildResource]
    limit: int
    offset: int
    has_more: bool


class UploadUrl(msgspec.Struct, frozen=True, kw_only=True):
    """Where a ZIP is to be PUT; the upload has to begin within 15 minutes."""

    build_id: str
    name: str
    version: int
    upload_url: str
    message: str


class Processing(msgspec.Struct, frozen=True, kw_only=True):
    """The build is being processed."""

    status: Literal["processing"]
    build_id: str
    message: str


class Deleted(msgspec.Struct, frozen=True, kw_only=True):
    """No server is started from the build any more."""

    status: Literal["success"]
    message: str


class BuildLogLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line about a build's processing."""

    timestamp: str
    level: Level
    step: str
    message: str


class BuildLogs(msgspec.Struct, frozen=True, kw_only=True):
    """A page of them, the oldest first."""

    build_id: str
    logs: list[BuildLogLine]
    total: int
    limit: int
    offset: int
    has_more: bool


class LogEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A line that a server printed. Logs of a whole project also have the server's name."""

    timestamp: str
    message: str
    level: Level
    instance: str
    region: Region | str
    server_name: str | UnsetType = UNSET


class ServerLogs(msgspec.Struct, frozen=True, kw_only=True):
    """Lines of one server, the oldest first. `next_token` as `start_time` goes on right behind the last."""

    logs: list[LogEntry]
    instance_id: str
    machine_id: str | None
    next_token: str | None


class ProjectLogs(msgspec.Struct, frozen=True, kw_only=True):
    """Lines of all of a project's servers, likewise."""

    logs: list[LogEntry]
    next_token: str | None


class Period(msgspec.Struct, frozen=True, kw_only=True):
    """A span in unix seconds."""

    start: int
    end: int
    step: str


class MetricPoint(msgspec.Struct, frozen=True):
    """A value at a time, in unix seconds: the beginning of its step."""

    t: int
    v: float


class CpuMetrics(msgspec.Struct, frozen=True, kw_only=True):
    """Percent of what the server is allotted."""

    usage_percent: list[MetricPoint]


class MemoryMetrics(msgspec.Struct, frozen=True, kw_only=True):
    """The most that was used in each step, and what the server may use."""

    used_mb: list[MetricPoint]
    total_mb: int


class NetworkMetrics(msgspec.Struct, frozen=True, kw_only=True):
    """Received and sent."""

    rx_bytes_per_sec: list[MetricPoint]
    tx_bytes_per_sec: list[MetricPoint]


class LoadMetrics(msgspec.Struct, frozen=True, kw_only=True):
    """Busy cores, as a mean over a minute."""

    average_1m: list[MetricPoint]


class ConnectionMetrics(msgspec.Struct, frozen=True, kw_only=True):
    """Established TCP connections."""

    tcp: list[MetricPoint]


class ServerMetrics(msgspec.Struct, frozen=True, kw_only=True):
    """What a server used; a step without a sample has no point."""

    instance_id: str
    machine_id: str | None
    region: Region
    period: Period
    cpu: CpuMetrics
    memory: MemoryMetrics
    network: NetworkMetrics
    load: LoadMetrics
    connections: ConnectionMetrics
