"""When an attempt is ready, late or unhealthy. Pure. Source: contract/fleet.md, "Life"."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, Literal

import msgspec

from streams.fleet.host.launch import Port, Readiness

ALIVE_S: Final = 2.0
"""A server without ports is ready when it has lived for so long."""
AWAY_S: Final = 5.0
"""One that has to be ready or healthy by a time is looked at each second: who did not look was stopped."""
HEALTH_SILENCE_S: Final = 30.0
"""Once it has said that it is healthy, longer silence is unhealthy."""

Verdict = Literal["wait", "ready", "late", "unhealthy"]


class Watched(msgspec.Struct, kw_only=True):
    """What is known of an attempt's readiness. Times are of a clock that only goes on, in seconds."""

    readiness: Readiness
    ports: tuple[Port, ...]
    started_s: float
    startup_timeout_s: float
    ready: bool = False
    sdk_ready: bool = False
    healthy_s: float | None = None
    """When it last said so; None where it never did."""
    looked_s: float | None = None
    """When it was last looked at; None where it never was."""


def look(
    watched: Watched, bound: Collection[tuple[str, int]], now_s: float, *, started: bool = True
) -> Verdict:
    """`verdict`, without counting the time in which the agent could not hear the server.

    An agent that was stopped for a while finds what servers said meanwhile only after its first look.
    """
    away_s = now_s - watched.looked_s if watched.looked_s is not None else 0.0
    watched.looked_s = now_s
    if away_s > AWAY_S:
        watched.started_s = min(now_s, watched.started_s + away_s)
        if watched.healthy_s is not None:
            watched.healthy_s = min(now_s, watched.healthy_s + away_s)
    return verdict(watched, bound, now_s, started=started)


def verdict(
    watched: Watched, bound: Collection[tuple[str, int]], now_s: float, *, started: bool = True
) -> Verdict:
    """What is to be reported now: `ready` once, then `wait` unless it falls silent.

    One that has not `started` is late as any other, and not ready.
    """
    if watched.healthy_s is not None and now_s - watched.healthy_s > HEALTH_SILENCE_S:
        return "unhealthy"
    if watched.ready:
        return "wait"
    if started and _is_ready(watched, bound, now_s):
        return "ready"
    return "late" if now_s - watched.started_s > watched.startup_timeout_s else "wait"


def _is_ready(watched: Watched, bound: Collection[tuple[str, int]], now_s: float) -> bool:
    if watched.readiness == "sdk":
        return watched.sdk_ready
    if not watched.ports:
        return now_s - watched.started_s >= ALIVE_S
    return all((port.protocol, port.internal) in bound for port in watched.ports)
