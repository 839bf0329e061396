"""What a GameServer and its pod say about an attempt, in the terms of the agent's reports. Pure.

A server whose container ends before it is ready is not unhealthy to Agones: that end is read from the pod.
Source: contract/fleet.md, "Life"; Agones, pkg/apis/agones/v1/gameserver.go and pkg/gameservers/health.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

import msgspec

from schemas.fleet.views import ExitReason
from streams.fleet.host.agones.objects import GAME, ContainerStatus, GameServer, Pod, Terminated

Stage = Literal["starting", "started", "ready", "ending", "failed"]
"""`failed`: it has to be deleted; that it has exited is true once its object is gone."""
STAGES: Final[Mapping[str, Stage]] = {
    "": "starting",
    "PortAllocation": "starting",
    "Creating": "starting",
    "Starting": "starting",
    "Scheduled": "started",
    "RequestReady": "started",
    "Ready": "ready",
    "Reserved": "ready",
    "Allocated": "ready",
    "Shutdown": "ending",
    "Error": "failed",
    "Unhealthy": "failed",
}
_NOT_RUN: Final = frozenset({126, 127})
_NOT_STARTED: Final = frozenset({"StartError", "ContainerCannotRun"})


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt as the cluster has it."""

    stage: Stage | None
    """None for a state that this table lacks: it changes nothing."""
    address: str | None = None
    """Where players reach it: known from `started` on."""
    ports: dict[str, int] = {}
    """External ports by their names."""
    exit_code: int | None = None
    reason: ExitReason | None = None
    """Why it ends or has failed; None for an exit by itself."""


def seen(server: GameServer, pod: Pod | None, *, was_ready: bool) -> Seen:
    """`pod` is None where it is gone or not made yet; `was_ready` that the attempt was ready before."""
    status = server.status
    stage = STAGES.get(status.state if status is not None else "")
    address = status.address or None if status is not None else None
    if stage == "started" and address is None:
        stage = "starting"
    if server.metadata.deletion_timestamp is not None and stage != "failed":
        stage = "ending"
    code, reason = _end(pod, was_ready=was_ready or stage == "ready")
    if code is not None and stage not in {"ending", "failed"}:
        stage = "failed"
    if status is not None and reason is None:
        if status.state == "Shutdown" and server.metadata.deletion_timestamp is None:
            reason = "SHUTDOWN_SIGNAL"
        elif status.state == "Error":
            reason = "STARTUP_FAILURE_EXECUTABLE"
        elif status.state == "Unhealthy" and code is None:
            reason = "UNHEALTHY"
    return Seen(
        stage=stage,
        address=address,
        ports={port.name: port.port for port in (status.ports or ())} if status is not None else {},
        exit_code=code,
        reason=reason,
    )


def _end(pod: Pod | None, *, was_ready: bool) -> tuple[int | None, ExitReason | None]:
    if pod is None:
        return None, None
    for one in pod.status.init_container_statuses or ():
        fetched = one.state.terminated
        if fetched is not None and fetched.exit_code != 0:
            return fetched.exit_code, "STARTUP_FAILURE_DOWNLOAD"
    ended = _game(pod.status.container_statuses or ())
    if ended is None:
        return None, None
    if ended.reason == "OOMKilled":
        return ended.exit_code, "OOM_KILLED"
    if not was_ready and (ended.exit_code in _NOT_RUN or ended.reason in _NOT_STARTED):
        return ended.exit_code, "STARTUP_FAILURE_EXECUTABLE"
    return ended.exit_code, None


def _game(statuses: list[ContainerStatus] | tuple[()]) -> Terminated | None:
    return next((one.state.terminated for one in statuses if one.name == GAME), None)
