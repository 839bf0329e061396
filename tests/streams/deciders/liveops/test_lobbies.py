from __future__ import annotations

from typing import Any

import pytest
from msgspec import UNSET

from schemas.codec import Message
from schemas.liveops.bots import BOT_TICK_MS, bot_score
from schemas.liveops.commands import JoinEvent, LobbyDue, SettleLobbies
from schemas.liveops.event_windows import (
    BotsScored,
    EventJoined,
    LobbiesSettled,
    LobbyActivated,
    LobbyClosed,
    LobbyOpened,
)
from schemas.liveops.names import board_id
from schemas.liveops.views import WantedServer
from schemas.liveops.windows import window_from_id
from streams.deciders.liveops.state import EventWindow
from tests.streams.deciders.liveops.given import AT_MS, GAME_ID, Liveops, event, kinds, only

MATCH = {"size": 3, "minPlayers": 2, "fillSeconds": 20}


def duel(**more: Any) -> Liveops:
    return Liveops(event(matchmaking=MATCH | more))


def join_events(world: Liveops, player: str, **more: Any) -> list[Message]:
    command = JoinEvent(event_key="frags", window_id=world.window(), external_id=player, **more)
    return world.given(command)


def join(world: Liveops, player: str, **more: Any) -> EventJoined:
    return only(EventJoined, join_events(world, player, **more))


def due(world: Liveops, lobby_id: str) -> tuple[Message, ...] | list[Message]:
    return world.given(LobbyDue(event_key="frags", window_id=world.window(), lobby_id=lobby_id))


def window(world: Liveops) -> EventWindow:
    (found,) = world.state.windows.values()
    return found


def test_groups_fill_in_order_of_arrival_and_hold_for_the_window() -> None:
    world = Liveops(event(mode="grouped", groupSize=2))
    joined = [join(world, player) for player in ("ann", "bob", "cat", "ann")]
    assert [one.group for one in joined] == [1, 1, 2, 1]
    assert [one.lobby_status for one in joined] == ["active"] * 4
    assert joined[2].board_id == board_id(GAME_ID, "frags", world.window(), group=2)
    assert kinds(join_events(world, "bob")) == ["EventJoined"]
    world.at_ms += 3_600_000
    assert join(world, "cat").group == 1


def test_in_mode_global_a_join_says_the_board() -> None:
    world = Liveops()
    joined = join(world, "ann")
    assert (joined.group, joined.lobby_id) == (None, "")
    assert joined.board_id == board_id(GAME_ID, "frags", world.window())


def test_a_lobby_forms_and_is_active_at_once_when_full() -> None:
    world = duel()
    events = join_events(world, "ann")
    assert kinds(events) == ["WindowOpened", "LobbyOpened", "LobbyJoined", "EventJoined"]
    first = only(EventJoined, events)
    assert (first.lobby_status, first.board_id, first.fills_at_ms) == ("forming", "", AT_MS + 20_000)
    assert join(world, "ann") == first
    assert join(world, "bob").lobby_id == first.lobby_id
    events = join_events(world, "cat")
    activated = only(LobbyActivated, events)
    assert [member.external_id for member in activated.players] == ["ann", "bob", "cat"]
    assert (activated.bots, activated.next_due_ms) == ([], None)
    assert only(EventJoined, events).lobby_status == "active"
    assert join(world, "ann").lobby_status == "active"
    assert join(world, "dan").lobby_id != first.lobby_id


def test_time_starts_a_lobby_with_enough_players() -> None:
    world = duel()
    lobby = join(world, "ann").lobby_id
    join(world, "bob")
    world.at_ms += 19_999
    assert due(world, lobby) == []
    world.at_ms += 1
    activated = only(LobbyActivated, due(world, lobby))
    assert len(activated.players) == 2
    assert activated.bots == []
    assert due(world, lobby) == []


def test_time_closes_a_lobby_with_too_few_and_they_may_come_again() -> None:
    world = duel()
    lobby = join(world, "ann").lobby_id
    world.at_ms += 20_000
    assert only(LobbyClosed, due(world, lobby)).reason == "too_few_players"
    assert due(world, lobby) == []
    again = join(world, "ann")
    assert again.lobby_status == "forming"
    assert again.lobby_id != lobby


@pytest.mark.parametrize("player", ["ann", "cat"])
def test_an_overdue_lobby_is_settled_by_the_next_join_without_a_timer(player: str) -> None:
    world = duel()
    lobby = join(world, "ann").lobby_id
    join(world, "bob")
    world.at_ms += 20_000
    events = join_events(world, player)
    assert only(LobbyActivated, events).lobby_id == lobby
    joined = only(EventJoined, events)
    assert (joined.lobby_status, joined.lobby_id == lobby) == (
        ("active", True) if player == "ann" else ("forming", False)
    )


def test_bots_take_the_empty_places() -> None:
    world = duel(bots={"perMinute": 60})
    lobby = join(world, "ann").lobby_id
    join(world, "bob")
    world.at_ms += 20_000
    activated = only(LobbyActivated, due(world, lobby))
    (bot,) = activated.bots
    assert bot.board_id == activated.players[0].board_id
    assert activated.next_due_ms == world.at_ms + BOT_TICK_MS
    assert due(world, lobby) == []
    began = world.at_ms
    world.at_ms += 60_000
    scored = only(BotsScored, due(world, lobby))
    (entry,) = scored.entries
    assert entry.bot_id == bot.id
    assert entry.entry.score == bot_score(bot.seed, 60.0, began, world.at_ms)
    assert scored.next_due_ms == world.at_ms + BOT_TICK_MS
    world.at_ms += 60_000
    later = only(BotsScored, due(world, lobby)).entries[0].entry
    assert (later.previous_score, later.previous_achieved_at_ms) == (entry.entry.score, began + 60_000)


def test_a_full_lobby_needs_no_bots() -> None:
    world = duel(bots={"perMinute": 60}, size=2)
    join(world, "ann")
    assert only(LobbyActivated, join_events(world, "bob")).bots == []


def test_a_player_who_is_done_joins_another_lobby() -> None:
    world = duel(size=2)
    first = join(world, "ann").lobby_id
    join(world, "bob")
    assert join(world, "ann").lobby_id == first
    second = join(world, "ann", done_lobby_id=first)
    assert (second.lobby_status, second.lobby_id == first) == ("forming", False)
    assert join(world, "ann", done_lobby_id=first) == second


def test_segments_have_lobbies_of_their_own() -> None:
    world = Liveops(event(mode="segmented", segmentBy="league", matchmaking=MATCH | {"size": 2}))
    ann, bob = join(world, "ann", segment="gold"), join(world, "bob", segment="iron")
    assert ann.lobby_id != bob.lobby_id
    assert join(world, "cat", segment="gold").board_id == board_id(
        GAME_ID, "frags", world.window(), segment="gold"
    )
    without = JoinEvent(event_key="frags", window_id=world.window(), external_id="dan")
    assert world.refusal(without) == (400, "validation_failed")


def test_groups_are_given_when_the_lobby_starts() -> None:
    world = Liveops(event(mode="grouped", groupSize=3, matchmaking=MATCH | {"size": 2}))
    join(world, "ann")
    assert not window(world).groups
    assert join(world, "bob").group == 1
    join(world, "cat")
    joined = join(world, "dan")
    assert [window(world).groups[player] for player in ("ann", "bob", "cat", "dan")] == [1, 1, 1, 2]
    assert (joined.group, joined.board_id) == (2, board_id(GAME_ID, "frags", world.window(), group=2))


def test_a_lobby_never_waits_beyond_its_window() -> None:
    world = duel()
    ends_at_ms = window_from_id(world.window()).ends_at_ms
    world.at_ms = ends_at_ms - 1000
    assert join(world, "ann").fills_at_ms == ends_at_ms


def test_after_the_window_lobbies_close_some_at_a_time() -> None:
    world = duel(size=2, bots={"perMinute": 600}, minPlayers=1)
    for player in ("ann", "bob", "cat", "dan", "eve"):
        join(world, player)
    opened = window(world).lobbies
    assert len(opened) == 3
    identifier = world.window()
    settle = SettleLobbies(event_key="frags", window_id=identifier, limit=2)
    assert world.refusal(settle) == (409, "window_open")
    world.at_ms += 20_000
    forming = next(lobby for lobby in opened.values() if lobby.status == "forming")
    due(world, forming.id)
    world.at_ms = window_from_id(identifier).ends_at_ms + 5
    late = LobbyDue(event_key="frags", window_id=identifier, lobby_id=forming.id)
    assert world.when(late) == ()
    events = world.given(settle)
    assert kinds(events) == ["LobbyClosed", "LobbyClosed", "LobbiesSettled"]
    events = world.given(settle)
    assert kinds(events) == ["BotsScored", "LobbyClosed", "LobbiesSettled"]
    assert only(LobbiesSettled, events).remaining == 0
    (last,) = only(BotsScored, events).entries
    assert last.entry.achieved_at_ms == window_from_id(identifier).ends_at_ms
    assert kinds(world.given(settle)) == ["LobbiesSettled"]


def test_a_lobby_with_a_server_says_so_when_it_turns_active_and_when_it_closes() -> None:
    server = {"region": "eu-west", "computeSize": "micro", "versionTag": "duel", "ttl": 600}
    world = duel(size=2, server=server)
    join(world, "ann")
    activated = only(LobbyActivated, join_events(world, "bob"))
    assert activated.server == WantedServer(
        region="eu-west", compute_size="micro", version_tag="duel", ttl_s=600
    )
    forming = join(world, "cat").lobby_id
    world.at_ms += 20_000
    closed = only(LobbyClosed, due(world, forming))
    assert (closed.reason, closed.had_server) == ("too_few_players", UNSET)
    identifier = world.window()
    world.at_ms = window_from_id(identifier).ends_at_ms
    ended = only(LobbyClosed, world.given(SettleLobbies(event_key="frags", window_id=identifier)))
    assert (ended.lobby_id, ended.had_server) == (activated.lobby_id, True)


def test_a_lobby_without_a_server_asks_for_none() -> None:
    world = duel(size=2)
    join(world, "ann")
    assert only(LobbyActivated, join_events(world, "bob")).server is UNSET
    identifier = world.window()
    world.at_ms = window_from_id(identifier).ends_at_ms
    ended = only(LobbyClosed, world.given(SettleLobbies(event_key="frags", window_id=identifier)))
    assert ended.had_server is UNSET


def test_a_join_finds_the_event_and_its_window_open() -> None:
    world = duel()
    join_now = JoinEvent(event_key="frags", window_id=world.window(), external_id="ann")
    assert world.refusal(join_now, defined=False) == (404, "not_found")
    world.at_ms += 3_600_000
    assert world.refusal(join_now) == (409, "window_closed")


def test_a_lobby_says_what_it_waits_for() -> None:
    opened = only(LobbyOpened, join_events(duel(bots={"perMinute": 3}), "ann"))
    assert (opened.number, opened.size, opened.min_players, opened.bots_per_minute) == (1, 3, 2, 3.0)
    assert opened.fills_at_ms - opened.opened_at_ms == 20_000
