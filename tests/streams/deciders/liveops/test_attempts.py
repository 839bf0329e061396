from __future__ import annotations

import dataclasses

import pytest

from schemas.envelope import CommandRejected
from schemas.liveops.commands import CloseWindow, CreditWallet, ReportProgress, StartAttempt
from schemas.liveops.event_windows import WindowOpened
from schemas.liveops.events import AttemptExpired, AttemptStarted
from schemas.liveops.names import board_id
from schemas.liveops.windows import window_from_id
from streams.deciders.liveops.noun import LIVEOPS
from tests.streams.deciders.liveops.given import (
    AT_MS,
    GAME_ID,
    WINDOW_MS,
    Liveops,
    event,
    kinds,
    only,
    seed,
)


def test_a_first_start_makes_the_player_and_pins_the_window() -> None:
    world = Liveops()
    window = world.window()
    events = world.given(StartAttempt(event_key="frags", window_id=window))
    assert kinds(events) == ["WindowOpened", "PlayerCreated", "AttemptStarted"]
    opened = only(WindowOpened, events)
    assert (opened.definition, opened.reference) == (
        world.events["frags"].encoded,
        world.events["frags"].reference,
    )
    attempt = world.player().runs["frags"][0].attempts[0]
    assert (attempt.status, attempt.metrics, attempt.score) == ("active", {"frags": 0.0}, 0.0)
    assert attempt.board_id == board_id(GAME_ID, "frags", window)


def test_a_start_expires_the_active_attempt() -> None:
    world = Liveops()
    first = world.start()
    events = world.given(StartAttempt(event_key="frags", window_id=world.window()))
    assert kinds(events) == ["AttemptExpired", "AttemptStarted"]
    assert only(AttemptExpired, events).attempt.id == first.attempt.id
    report = ReportProgress(
        event_key="frags", attempt_id=first.attempt.id, mode="increment", metric_value=1.0
    )
    assert world.refusal(report) == (409, "attempt_expired")


def test_a_key_that_was_forgotten_gives_another_attempt() -> None:
    world = Liveops()
    first = world.start().attempt.id
    body = StartAttempt(event_key="frags", window_id=world.window())
    requests = [dataclasses.replace(world.request(body), command_id="c1", seed=seed(one)) for one in "abb"]
    verdicts = [LIVEOPS.decide(world.state, request) for request in requests]
    ids = [only(AttemptStarted, verdict).attempt.id for verdict in verdicts if isinstance(verdict, tuple)]
    assert len({first, *ids}) == 3
    assert ids[1] == ids[2]


def test_the_cap_counts_every_start_and_says_how_long_it_lasts() -> None:
    world = Liveops(event(attemptCap=2))
    assert world.start().attempts_used == 1
    assert world.start().attempts_used == 2
    verdict = world.when(StartAttempt(event_key="frags", window_id=world.window()))
    assert isinstance(verdict, CommandRejected)
    assert (verdict.status, verdict.code) == (429, "attempt_cap_reached")
    ends_at_ms = window_from_id(world.window()).ends_at_ms
    assert verdict.details == {"attemptCap": 2, "retryAfterMs": ends_at_ms - AT_MS}
    world.at_ms = ends_at_ms
    assert world.start().attempts_used == 1


def test_an_unknown_event_is_404_and_no_open_window_409() -> None:
    world = Liveops()
    start = StartAttempt(event_key="frags", window_id=world.window())
    assert world.refusal(start, defined=False) == (404, "not_found")
    assert world.refusal(StartAttempt(event_key="frags", window_id="")) == (409, "no_open_window")
    assert world.refusal(StartAttempt(event_key="frags", window_id="w_x")) == (400, "validation_failed")


@pytest.mark.parametrize(("later", "reason"), [(WINDOW_MS, "window_closed"), (-WINDOW_MS, "no_open_window")])
def test_a_start_outside_its_window_is_refused(later: int, reason: str) -> None:
    world = Liveops()
    window = world.window()
    world.at_ms += later
    assert world.refusal(StartAttempt(event_key="frags", window_id=window)) == (409, reason)


def test_past_the_marker_an_older_clock_changes_nothing() -> None:
    world = Liveops()
    window = world.window()
    attempt = world.start().attempt
    world.at_ms = window_from_id(window).ends_at_ms
    world.given(CloseWindow(event_key="frags", window_id=window))
    world.at_ms = AT_MS
    report = ReportProgress(event_key="frags", attempt_id=attempt.id, mode="set", metric_value=9.0)
    assert world.refusal(report) == (409, "window_closed")
    assert world.refusal(StartAttempt(event_key="frags", window_id=window)) == (409, "window_closed")


def test_a_window_keeps_the_definition_of_its_first_use() -> None:
    world = Liveops(event(attemptCap=1))
    world.start()
    world.define(event(attemptCap=5), version=2)
    start = StartAttempt(event_key="frags", window_id=world.window())
    assert world.refusal(start) == (429, "attempt_cap_reached")
    world.at_ms += WINDOW_MS
    assert world.start().attempt_cap == 5


def test_a_segment_is_needed_and_chooses_the_board() -> None:
    world = Liveops(event(mode="segmented", segmentBy="league"))
    start = StartAttempt(event_key="frags", window_id=world.window())
    assert world.refusal(start) == (400, "validation_failed")
    gold, iron = world.start(segment="gold"), world.start(segment="iron")
    assert gold.attempt.board_id == board_id(GAME_ID, "frags", world.window(), segment="gold")
    assert gold.attempt.board_id != iron.attempt.board_id


def test_a_group_is_needed_and_chooses_the_board() -> None:
    world = Liveops(event(mode="grouped", groupSize=2))
    start = StartAttempt(event_key="frags", window_id=world.window())
    assert world.refusal(start) == (409, "no_group")
    started = world.start(group=3)
    assert started.attempt.board_id == board_id(GAME_ID, "frags", world.window(), group=3)


def test_group_and_segment_mean_nothing_in_mode_global() -> None:
    world = Liveops()
    started = world.start(group=3, segment="gold", lobby_id="lob_1")
    assert started.attempt.board_id == board_id(GAME_ID, "frags", world.window())
    assert (started.group, started.segment, started.attempt.lobby_id) == (None, "", None)


def test_matchmaking_wants_a_lobby_that_the_player_has_not_finished_in() -> None:
    world = Liveops(event(matchmaking={"size": 2}))
    start = StartAttempt(event_key="frags", window_id=world.window())
    assert world.refusal(start) == (409, "no_lobby")
    attempt = world.start(lobby_id="lob_1").attempt
    again = world.start(lobby_id="lob_1").attempt  # active: a fresh one in the same lobby
    assert (attempt.lobby_id, again.lobby_id) == ("lob_1", "lob_1")
    world.given(ReportProgress(event_key="frags", attempt_id=again.id, mode="set", metric_value=3.0))
    done = StartAttempt(event_key="frags", window_id=world.window(), lobby_id="lob_1")
    assert world.refusal(done) == (409, "lobby_finished")
    assert world.start(lobby_id="lob_2").attempt.lobby_id == "lob_2"


def test_state_keeps_two_windows_and_some_attempts_of_each() -> None:
    world = Liveops()
    for _ in range(3):
        for _ in range(70):
            world.start()
        world.at_ms += WINDOW_MS
    runs = world.player().runs["frags"]
    assert [run.used for run in runs] == [70, 70]
    assert [len(run.attempts) for run in runs] == [64, 64]


def test_a_player_known_from_elsewhere_is_not_made_again() -> None:
    world = Liveops()
    world.given(CreditWallet(economy_key="gold", amount=5))
    events = world.given(StartAttempt(event_key="frags", window_id=world.window()))
    assert kinds(events) == ["WindowOpened", "AttemptStarted"]
