"""Lobbies' servers in any order with all else that happens: none is given twice, none outlives its lobby."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from schemas.envelope import CommandRejected
from schemas.fleet import commands as ask
from schemas.fleet import events as ev
from schemas.fleet.sizes import ComputeSize
from schemas.fleet.states import LIVE
from tests.streams.deciders.fleet.given import AT_MS
from tests.streams.deciders.fleet.test_machine import GAMES, LIMITS, SIZES_USED, FleetMachine

LOBBIES = st.tuples(st.sampled_from(GAMES), st.integers(0, 1), st.sampled_from((100, 1000)))
Lobby = tuple[str, int, int]


class LobbyMachine(FleetMachine):
    """Effects ask as they do after a loss: again, late, and for what has closed."""

    def __init__(self) -> None:
        self.answered: dict[str, str] = {}
        """By lobby: its server; empty where it was refused one."""
        self.closed: set[str] = set()
        self.asked: dict[Lobby, None] = {}
        super().__init__()

    @rule(lobby=LOBBIES, size=st.sampled_from(SIZES_USED), ends=st.booleans())
    def lobby(self, lobby: Lobby, size: ComputeSize, ends: bool) -> None:  # noqa: FBT001 - drawn by name
        self.start(lobby, size)
        if ends:
            self.end_lobby(lobby)

    @rule()
    def all_is_asked_again(self) -> None:
        """In the log's order, as where the position is lost."""
        for lobby in self.asked:
            self.start(lobby, SIZES_USED[0])
            if named(lobby) in self.closed:
                self.end_lobby(lobby)

    @rule(lobby=LOBBIES)
    def end_lobby(self, lobby: Lobby) -> None:
        lobby_id = named(lobby)
        events = self.do(ask.EndLobbyServer(lobby_id=lobby_id), lobby[0])
        assert not isinstance(events, CommandRejected)
        ended = [one for one in events if isinstance(one, ev.LobbyServerEnded)]
        assert len(ended) == (lobby_id in self.answered and lobby_id not in self.closed)
        if lobby_id in self.answered:
            self.closed.add(lobby_id)

    def start(self, lobby: Lobby, size: ComputeSize) -> None:
        self.asked[lobby] = None
        game_id, _, window_s = lobby
        lobby_id, ends_at_ms = named(lobby), AT_MS + window_s * 1000
        body = ask.StartLobbyServer(
            lobby_id=lobby_id,
            ends_at_ms=ends_at_ms,
            name=lobby_id,
            region="us-east",
            compute_size=size,
            limits=LIMITS,
        )
        at_ms = max(self.fleet.at_ms, self.fleet.state.time_ms)
        events = self.do(body, game_id)
        assert not isinstance(events, CommandRejected)
        told = [one for one in events if isinstance(one, ev.LobbyServerGiven | ev.LobbyServerRefused)]
        known = lobby_id in self.answered or lobby_id in self.closed or at_ms >= ends_at_ms
        assert len(told) == (not known)
        assert bool(events) == bool(told)
        for one in told:
            given = one.instance_id if isinstance(one, ev.LobbyServerGiven) else ""
            assert not given or given not in self.answered.values()
            self.answered[lobby_id] = given

    @invariant()
    def no_server_outlives_its_lobby(self) -> None:
        for lobby_id in self.closed:
            assert self.model.phases.get(self.answered[lobby_id]) not in LIVE

    @invariant()
    def what_is_known_of_lobbies_is_what_was_answered(self) -> None:
        held = {
            lobby_id: given.instance_id
            for project in self.fleet.state.projects.values()
            for lobby_id, given in project.lobbies.items()
        }
        assert held == {name: given for name, given in self.answered.items() if name not in self.closed}


def named(lobby: Lobby) -> str:
    game_id, number, window_s = lobby
    return f"lob_{game_id}_{number}_{window_s}"


TestLobbyMachine = LobbyMachine.TestCase
TestLobbyMachine.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
