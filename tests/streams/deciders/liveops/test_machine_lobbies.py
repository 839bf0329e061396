"""Groups and lobbies, joined and timed out in any order: places are never given twice."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, rule

from schemas.liveops.commands import FinalizeBoard, JoinEvent, LobbyDue, SettleLobbies
from schemas.liveops.event_windows import EventJoined, LobbiesSettled
from schemas.liveops.windows import window_from_id
from tests.streams.deciders.liveops.machine import SETTINGS, Partition

PLAYERS = st.sampled_from(["ann", "bob", "cat", "dan", "eve"])


class Matchmaking(Partition):
    """Duels of two in groups of two, with bots."""

    lobbies = Bundle("lobbies")

    @rule(target=lobbies, player=PLAYERS, done=st.booleans())
    def join(self, player: str, done: bool) -> tuple[str, str]:  # noqa: FBT001 - drawn
        window_id = self.world.window("duel")
        mine = [
            window.lobby_of[player]
            for key, window in self.fold.state.windows.items()
            if key.endswith(window_id) and player in window.lobby_of
        ]
        body = JoinEvent(
            event_key="duel",
            window_id=window_id,
            external_id=player,
            done_lobby_id=mine[0] if done and mine else "",
        )
        status, events = self.ask(body, keyed=False)
        assert status == 200 or (status == 409 and self.fold.state.time_ms > self.world.at_ms)
        joined = [one for one in events if isinstance(one, EventJoined)]
        if joined:
            assert (joined[0].lobby_status == "active") == bool(joined[0].board_id)
        return (joined[0].lobby_id if joined else "none"), window_id

    @rule(lobby=lobbies)
    def lobby_due(self, lobby: tuple[str, str]) -> None:
        body = LobbyDue(event_key="duel", window_id=lobby[1], lobby_id=lobby[0])
        assert self.ask(body, keyed=False)[0] == 200

    @rule()
    def window_ends(self) -> None:
        window = window_from_id(self.world.window("duel"))
        self.world.at_ms = window.ends_at_ms
        settle = SettleLobbies(event_key="duel", window_id=window.id, limit=1)
        status, events = self.ask(settle, keyed=False)
        assert status == 200
        while any(one.remaining for one in events if isinstance(one, LobbiesSettled)):
            status, events = self.ask(settle, keyed=False)
        body = FinalizeBoard(
            event_key="duel", window_id=window.id, board_id="lb_1", chunk=0, entries=[], last=True
        )
        assert self.ask(body, keyed=False)[0] == 200


TestMatchmaking = Matchmaking.TestCase
TestMatchmaking.settings = SETTINGS
