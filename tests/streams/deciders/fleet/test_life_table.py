"""Every cell of the life table: what a row says happens, and what no row says changes nothing."""

from __future__ import annotations

from typing import Any, Final

import pytest

from schemas.codec import Message
from schemas.envelope import CommandRejected
from schemas.fleet import commands as ask
from schemas.fleet import events as ev
from schemas.fleet.host_commands import Report
from schemas.fleet.states import CAUSES, PHASES, TRANSITIONS, Cause, Transition, transitions
from schemas.fleet.views import Phase
from tests.streams.deciders.fleet.given import HOST, LIMITS, Fleet, happened

REPORTS: Final[dict[str, Any]] = {
    "report-started": "started",
    "report-ready": "ready",
    "report-exited": "exited",
}
EXISTING: Final = [row for row in TRANSITIONS if row.phase is not None]
CELLS: Final[list[tuple[Phase, Cause]]] = [
    (phase, cause)
    for phase in PHASES
    for cause in CAUSES
    if not transitions(phase, cause) and transitions(None, cause) == ()
]
NO_ROOM: Final = ("there is none", "its pause is over, there is none", "restarting, there is none")
RESTARTS_ITSELF: Final = ("auto_restart", "its host ended it")


def world_of(phase: Phase, guard: str, cause: Cause) -> tuple[Fleet, str]:
    """A fleet with a server in a phase, where what a row's guard says is so."""
    # A port rests for a minute once it is free: the host of one port has no room then.
    ports = 1 if phase == "queued" or guard in NO_ROOM else 100
    hosts = (HOST, "host-2") if cause == "host-lost" and "there is room" in guard else (HOST,)
    fleet = Fleet(hosts=hosts, last_port=31_000 + ports - 1)
    more: dict[str, Any] = {"ttl_s": 3600}
    if guard.startswith(RESTARTS_ITSELF) or phase in {"queued", "backoff"}:
        more["auto_restart"] = True
    instance_id = fleet.server_in(phase, **more)
    if "restarting" in guard:
        fleet.given(ask.RestartServer(instance_id=instance_id, limits=LIMITS))
    return fleet, instance_id


def caused(fleet: Fleet, instance_id: str, cause: Cause, **more: Any) -> list[Message] | CommandRejected:
    """Let a cause happen to a server."""
    match cause:
        case "report-started" | "report-ready" | "report-exited":
            known = fleet.state.servers.get(instance_id)
            attempt = known.server.attempt if known is not None else 1
            return fleet.told(Report(instance_id=instance_id, attempt=attempt, kind=REPORTS[cause], **more))
        case "host-lost":
            return fleet.lose()
        case "due":
            fleet.at_ms += 61_000
            return [*fleet.told(), *fleet.given(ask.ServerDue(instance_id=instance_id))]
        case "ttl-due":
            fleet.at_ms += 3_600_000
            return fleet.given(ask.ServerDue(instance_id=instance_id))
        case _:
            body: Message = ask.StopServer(instance_id=instance_id)
            if cause == "restart":
                body = ask.RestartServer(instance_id=instance_id, limits=LIMITS)
            verdict = fleet.when(body)
            return verdict if isinstance(verdict, CommandRejected) else fleet.given(body)


@pytest.mark.parametrize("row", EXISTING, ids=lambda row: f"{row.phase}-{row.cause}-{row.guard}")
def test_a_row_happens(row: Transition) -> None:
    assert row.phase is not None
    fleet, instance_id = world_of(row.phase, row.guard, row.cause)
    more = {"reason": "HOST_STOPPED"} if row.guard.startswith("its host ended it") else {}
    if more:  # nor has it room for another attempt
        fleet = Fleet(last_port=31_000)
        instance_id = fleet.server_in(row.phase, auto_restart=True)
    if (row.phase, row.cause, row.guard) == ("queued", "restart", "there is room"):
        fleet.later(59)  # the host has said that it lives, and its port is about to be free
        fleet.at_ms += 1000
    if (row.phase, row.cause) == ("backoff", "due") and row.guard in NO_ROOM:
        fleet.at_ms += 1000
        events: Any = fleet.given(ask.ServerDue(instance_id=instance_id))
    else:
        events = caused(fleet, instance_id, row.cause, **more)
    assert not isinstance(events, CommandRejected)
    assert happened(events, instance_id) == row.events
    last = [event.server for event in events if isinstance(event, ev.ServerEvent)][-1]
    assert (last.phase, last.updated_at_ms) == (row.to, fleet.state.time_ms)
    assert (instance_id in fleet.state.stopped) == (row.to == "stopped")


@pytest.mark.parametrize(("phase", "cause"), CELLS)
def test_what_is_in_no_row_changes_nothing(phase: Phase, cause: Cause) -> None:
    fleet, instance_id = world_of(phase, "", cause)
    before = fleet.state.servers.get(instance_id)
    events = caused(fleet, instance_id, cause)
    if cause == "restart":
        assert isinstance(events, CommandRejected)
        assert (events.status, events.code) == (409, "stopped")
    else:
        assert not isinstance(events, CommandRejected)
        assert happened(events, instance_id) == ()
    assert fleet.state.servers.get(instance_id) == before


def test_what_a_client_asks_of_a_stopped_server() -> None:
    fleet = Fleet()
    for phase in ("stopping", "stopped"):
        instance_id = fleet.server_in(phase)
        assert fleet.given(ask.StopServer(instance_id=instance_id)) == []
        update = ask.UpdateServer(instance_id=instance_id, custom_data="{}")
        assert fleet.refusal(update) == (409, "stopped")
    for body in (
        ask.StopServer(instance_id=instance_id),
        ask.UpdateServer(instance_id=instance_id, custom_data="{}"),
        ask.RestartServer(instance_id=instance_id, limits=LIMITS),
    ):
        assert fleet.refusal(body, "another_game") == (404, "not_found")


@pytest.mark.parametrize("phase", ["queued", "starting", "running", "backoff"])
def test_an_update_changes_no_phase(phase: Phase) -> None:
    fleet, instance_id = world_of(phase, "", "stop")
    events = fleet.given(ask.UpdateServer(instance_id=instance_id, custom_data='{"map":"dust"}'))
    assert happened(events, instance_id) == ("updated",)
    after = fleet.server(instance_id)
    assert (after.phase, after.custom_data) == (phase, '{"map":"dust"}')


@pytest.mark.parametrize("phase", ["queued", "starting", "running", "backoff"])
def test_a_server_that_starts_is_ready_by_its_own_word(phase: Phase) -> None:
    fleet, instance_id = world_of(phase, "", "stop")
    events = fleet.given(ask.UpdateServer(instance_id=instance_id, ready=True))
    assert happened(events, instance_id) == (("updated", "ready") if phase == "starting" else ())
    after = fleet.server(instance_id)
    assert after.phase == ("running" if phase == "starting" else phase)
    assert (after.ready_at_ms is not None) == (after.phase == "running")
