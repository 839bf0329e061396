"""Servers of live-ops lobbies: one for each, once, and gone with it."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from schemas.fleet import commands as ask
from schemas.fleet import events as ev
from schemas.fleet.commands import Launch
from schemas.fleet.names import lobby_instance_id
from schemas.fleet.plans import PLANS
from schemas.fleet.states import transitions
from streams.deciders.fleet.noun import FLEET
from tests.streams.deciders.fleet.given import AT_MS, Fleet, happened, kinds, only

LOBBY = "lob_one"
ENDS_AT_MS = AT_MS + 600_000
END = ask.EndLobbyServer(lobby_id=LOBBY)


def start(fleet: Fleet, lobby_id: str = LOBBY, **more: Any) -> ask.StartLobbyServer:
    launch = Launch(match_id=lobby_id, **more)
    return ask.StartLobbyServer(
        lobby_id=lobby_id,
        ends_at_ms=ENDS_AT_MS,
        name=f"duel {lobby_id}",
        region="us-east",
        compute_size="small",
        limits=fleet.limits,
        launch=launch,
    )


def test_a_lobby_gets_one_server_however_often_it_is_asked_for() -> None:
    fleet = Fleet()
    events = fleet.given(start(fleet))
    (row, _) = transitions(None, "lobby-start")
    assert happened(events, lobby_instance_id(LOBBY)) == row.events
    given = only(ev.LobbyServerGiven, events)
    assert (given.instance_id, given.ends_at_ms) == (lobby_instance_id(LOBBY), ENDS_AT_MS)
    assert fleet.server(given.instance_id).match_id == LOBBY
    assert fleet.given(start(fleet)) == []
    fleet.ready(given.instance_id)
    fleet.given(ask.StopServer(instance_id=given.instance_id))  # the match is over
    fleet.exits(given.instance_id)
    assert fleet.given(start(fleet)) == []


def test_it_ends_with_its_lobby_and_is_known_no_more() -> None:
    fleet = Fleet()
    instance_id = only(ev.LobbyServerGiven, fleet.given(start(fleet))).instance_id
    fleet.ready(instance_id)
    fleet.later((ENDS_AT_MS - AT_MS) / 1000)
    events = fleet.given(END)
    assert kinds(events) == ["LobbyServerEnded", "ServerStopping"]
    assert fleet.server(instance_id).stop_reason == "LOBBY_CLOSED"
    assert fleet.given(END) == []
    fleet.exits(instance_id)
    assert fleet.given(start(fleet)) == []  # its window is over: nothing begins anew
    assert (dict(fleet.project.lobbies), dict(fleet.project.closed_lobbies)) == ({}, {})


def test_a_lobby_that_closes_before_this_clock_says_so_gets_nothing_again() -> None:
    fleet = Fleet()
    fleet.given(start(fleet))
    fleet.at_ms = ENDS_AT_MS - 1000
    fleet.given(END)
    assert fleet.given(start(fleet)) == []
    fleet.at_ms = ENDS_AT_MS
    fleet.given(replace(start(fleet, "lob_two"), ends_at_ms=ENDS_AT_MS + 1000))
    assert (list(fleet.project.lobbies), list(fleet.project.closed_lobbies)) == (["lob_two"], [])


def test_without_room_it_waits_and_is_placed_when_there_is_some() -> None:
    fleet = Fleet(last_port=31_000)
    first = fleet.running()
    events = fleet.given(start(fleet))
    (_, row) = transitions(None, "lobby-start")
    instance_id = only(ev.LobbyServerGiven, events).instance_id
    assert happened(events, instance_id) == row.events
    assert fleet.server(instance_id).phase == row.to
    fleet.given(ask.StopServer(instance_id=first))
    fleet.exits(first)
    fleet.later(61)  # its port has rested
    assert fleet.server(instance_id).phase == "starting"


def test_one_that_still_waits_ends_at_once() -> None:
    fleet = Fleet(last_port=31_000)
    fleet.running()
    instance_id = only(ev.LobbyServerGiven, fleet.given(start(fleet))).instance_id
    assert happened(fleet.given(END), instance_id) == ("stopped",)
    assert not fleet.state.queued


def test_what_a_start_is_refused_for_stays_the_lobbys_answer() -> None:
    fleet = Fleet(builds=())
    assert only(ev.LobbyServerRefused, fleet.given(start(fleet))).code == "not_found"
    fleet.build()
    assert fleet.given(start(fleet)) == []
    assert kinds(fleet.given(END)) == ["LobbyServerEnded"]
    fleet.limits = PLANS["free"]
    fleet.given(start(fleet, "lob_two"))
    over = only(ev.LobbyServerRefused, fleet.given(start(fleet, "lob_three")))
    assert (over.code, over.message) == ("quota_exceeded", "The plan allows 1 active servers")


def test_a_pool_server_that_fits_is_claimed_and_another_made() -> None:
    fleet = Fleet()
    fleet.pool(1)
    (idle,) = fleet.idle()
    fleet.ready(idle)
    events = fleet.given(start(fleet, custom_data='{"eventKey": "duel"}'))
    assert kinds(events) == ["ServerClaimed", "LobbyServerGiven", "ServerPlaced"]
    assert only(ev.LobbyServerGiven, events).instance_id == idle
    assert (fleet.server(idle).match_id, fleet.server(idle).name) == (LOBBY, f"duel {LOBBY}")
    assert idle not in fleet.idle()
    assert len(fleet.idle()) == 1
    assert happened(fleet.given(END), idle) == ("stopping",)


def test_a_server_that_fails_is_not_replaced() -> None:
    fleet = Fleet()
    instance_id = only(ev.LobbyServerGiven, fleet.given(start(fleet))).instance_id
    assert happened(fleet.exits(instance_id), instance_id) == ("exited", "stopped")
    assert kinds(fleet.given(END)) == ["LobbyServerEnded"]


def test_a_snapshot_knows_lobbies() -> None:
    fleet = Fleet()
    for number in range(200):
        fleet.given(start(fleet, f"lob_{number}", version_tag="none"))
    fleet.given(start(fleet))
    fleet.at_ms += 1
    fleet.given(END)
    assert len(fleet.project.lobbies) == 200
    assert FLEET.unpack(FLEET.pack(fleet.state)) == fleet.state
