"""Attempts and progress, asked in any order over windows that end, against a model of dictionaries."""

from __future__ import annotations

from typing import Literal

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, consumes, rule

from schemas.liveops.commands import ClaimGrant, CloseWindow, ReportProgress, StartAttempt
from schemas.liveops.events import AttemptProgressed, AttemptStarted, GrantCreated
from schemas.liveops.windows import window_from_id
from tests.streams.deciders.liveops.machine import SETTINGS, Partition
from tests.streams.deciders.liveops.model import TARGET

PLAYERS = st.sampled_from(["ann", "bob"])


class Competition(Partition):
    """One event: three attempts a window, twenty a minute, the total counts."""

    attempts = Bundle("attempts")
    grants = Bundle("grants")

    @rule(target=attempts, player=PLAYERS)
    def start(self, player: str) -> tuple[str, str]:
        body = StartAttempt(event_key="frags", window_id=self.world.window())
        status, events = self.ask(body, player)
        assert status in {201, 429, 409}
        started = [one.attempt.id for one in events if isinstance(one, AttemptStarted)]
        return player, started[0] if started else "none"

    @rule(
        target=grants,
        attempt=attempts,
        mode=st.sampled_from(["increment", "set"]),
        value=st.sampled_from([-1e15, -3.0, 0.5, 4.0, 9.0, 19.5, 31.0]),
    )
    def progress(
        self, attempt: tuple[str, str], mode: Literal["increment", "set"], value: float
    ) -> tuple[str, str]:
        player, attempt_id = attempt
        body = ReportProgress(event_key="frags", attempt_id=attempt_id, mode=mode, metric_value=value)
        status, events = self.ask(body, player)
        assert status in {200, 404, 409}
        for moved in events:
            if isinstance(moved, AttemptProgressed):
                board = moved.entry.board_id
                self.model.best[player, board][attempt_id] = moved.attempt.score
                assert moved.entry.score == self.model.total(player, board)
                assert max(map(abs, (*moved.attempt.metrics.values(), moved.entry.score))) <= 1e15
                assert (moved.attempt.status == "completed") == (moved.attempt.score >= TARGET)
        given = [made.grant.id for made in events if isinstance(made, GrantCreated)]
        return player, given[0] if given else "none"

    @rule(grant=consumes(grants))
    def claim(self, grant: tuple[str, str]) -> None:
        assert self.ask(ClaimGrant(grant_id=grant[1]), grant[0])[0] == self.model.claim(*grant)

    @rule()
    def window_ends(self) -> None:
        """The marker; afterwards the clock goes back a little, as another gateway's might."""
        window = window_from_id(self.world.window())
        self.world.at_ms = window.ends_at_ms
        close = CloseWindow(event_key="frags", window_id=window.id)
        assert self.ask(close, keyed=False)[0] == 200
        self.world.at_ms -= 1000


TestCompetition = Competition.TestCase
TestCompetition.settings = SETTINGS
