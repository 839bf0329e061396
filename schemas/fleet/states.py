"""The life of a server as data: what may happen in each phase, and where it leads.

The decider, the documentation and tests read the same rows. What is in no row changes nothing: reports and
dues are without effect then, a stop of a stopped server is a success again, and the writes that a client
asks are refused with 409. Source: contract/fleet.md, "Life".
"""

from __future__ import annotations

from typing import Final, Literal, get_args

import msgspec

from schemas.fleet.views import Phase

Status = Literal["launching", "running", "stopped"]
Cause = Literal[
    "start",
    "start-claims",
    "pool-refill",
    "lobby-start",
    "due",
    "report-started",
    "report-ready",
    "report-exited",
    "host-lost",
    "stop",
    "ttl-due",
    "restart",
]
"""What happens to a server. `due` is the end of a backoff, or room that came free for one that is queued.
`report-exited` is every confirmed end of its attempt: its process ended, was unhealthy, or was not ready in
time."""
Happened = Literal[
    "placed",
    "queued",
    "claimed",
    "started",
    "ready",
    "exited",
    "stopping",
    "stopped",
    "restarting",
]
"""Its events, without `fleet.server-`."""

PHASES: Final[tuple[Phase, ...]] = get_args(Phase)
CAUSES: Final[tuple[Cause, ...]] = get_args(Cause)
STATUSES: Final[dict[Phase, Status]] = {
    "queued": "launching",
    "starting": "launching",
    "backoff": "launching",
    "running": "running",
    "stopping": "stopped",
    "stopped": "stopped",
}
LIVE: Final = frozenset[Phase]({"queued", "starting", "running", "backoff"})
"""What can be stopped, and what counts for a plan's active servers: all whose status is not `stopped`."""


class Transition(msgspec.Struct, frozen=True):
    """One row: where a guard holds, the phase it leads to and the events that say so."""

    phase: Phase | None
    """None: there is no server yet; of `start-claims` no server of this request. A `lobby-start` claims as a
    start does."""
    cause: Cause
    guard: str
    to: Phase
    events: tuple[Happened, ...]


TRANSITIONS: Final = (
    Transition(None, "start", "there is room", "starting", ("placed",)),
    Transition(None, "start-claims", "a pool server fits", "running", ("claimed",)),
    Transition(None, "pool-refill", "there is room", "starting", ("placed",)),
    Transition(None, "pool-refill", "there is none", "queued", ("queued",)),
    Transition(None, "lobby-start", "there is room", "starting", ("placed",)),
    Transition(None, "lobby-start", "there is none", "queued", ("queued",)),
    Transition("queued", "due", "there is room", "starting", ("placed",)),
    Transition("backoff", "due", "its pause is over, there is room", "starting", ("placed",)),
    Transition("backoff", "due", "its pause is over, there is none", "queued", ("queued",)),
    Transition("starting", "report-started", "", "starting", ("started",)),
    Transition("starting", "report-ready", "", "running", ("ready",)),
    Transition("starting", "report-exited", "auto_restart, no crash loop", "backoff", ("exited",)),
    Transition("running", "report-exited", "auto_restart, no crash loop", "backoff", ("exited",)),
    Transition(
        "starting", "report-exited", "its host ended it, auto_restart", "queued", ("exited", "queued")
    ),
    Transition("running", "report-exited", "its host ended it, auto_restart", "queued", ("exited", "queued")),
    Transition("starting", "report-exited", "restarting, there is room", "starting", ("exited", "placed")),
    Transition("starting", "report-exited", "restarting, there is none", "queued", ("exited", "queued")),
    Transition("starting", "report-exited", "else", "stopped", ("exited", "stopped")),
    Transition("running", "report-exited", "else", "stopped", ("exited", "stopped")),
    Transition("starting", "host-lost", "restarting, there is room", "starting", ("exited", "placed")),
    Transition("starting", "host-lost", "auto_restart or restarting", "queued", ("exited", "queued")),
    Transition("running", "host-lost", "auto_restart", "queued", ("exited", "queued")),
    Transition("starting", "host-lost", "else", "stopped", ("exited", "stopped")),
    Transition("running", "host-lost", "else", "stopped", ("exited", "stopped")),
    Transition("queued", "stop", "", "stopped", ("stopped",)),
    Transition("backoff", "stop", "", "stopped", ("stopped",)),
    Transition("starting", "stop", "", "stopping", ("stopping",)),
    Transition("running", "stop", "", "stopping", ("stopping",)),
    Transition("queued", "ttl-due", "", "stopped", ("stopped",)),
    Transition("backoff", "ttl-due", "", "stopped", ("stopped",)),
    Transition("starting", "ttl-due", "", "stopping", ("stopping",)),
    Transition("running", "ttl-due", "", "stopping", ("stopping",)),
    Transition("stopping", "report-exited", "", "stopped", ("stopped",)),
    Transition("stopping", "host-lost", "", "stopped", ("stopped",)),
    Transition("queued", "restart", "there is room", "starting", ("restarting", "placed")),
    Transition("queued", "restart", "there is none", "queued", ("restarting",)),
    Transition("backoff", "restart", "there is room", "starting", ("restarting", "placed")),
    Transition("backoff", "restart", "there is none", "queued", ("restarting",)),
    Transition("starting", "restart", "the old attempt is told to end", "starting", ("restarting",)),
    Transition("running", "restart", "the old attempt is told to end", "starting", ("restarting",)),
)
"""Every row. A restart of an unclaimed pool server, and of one that is stopping or stopped, is 409."""

_ROWS: Final[dict[tuple[Phase | None, Cause], tuple[Transition, ...]]] = {}
for _row in TRANSITIONS:
    _key = (_row.phase, _row.cause)
    _ROWS[_key] = (*_ROWS.get(_key, ()), _row)


def transitions(phase: Phase | None, cause: Cause) -> tuple[Transition, ...]:
    """The rows of a phase and a cause; none where the table has none."""
    return _ROWS.get((phase, cause), ())
