"""What a bot does as a live-ops player, by the answers it gets; and that its counts are the engine's."""

from __future__ import annotations

import itertools
import random
from typing import Any

import msgspec

from deploy.lab.demo.game.achievements import FeatCounter, Feats
from deploy.lab.demo.game.bot import View
from deploy.lab.demo.game.engine import Frame
from deploy.lab.demo.game.event_progress import CLOSED_MS, FRAGS_A_CALL_MAX
from deploy.lab.demo.game.liveops import LEAVE_ALONE_MS, PACE_MS, Answer, Call, Career, Identity

LATER = 5_000
"""More than any pace, less than any round."""


class Play:
    """Asks a career for its calls, answers them, and keeps what was asked."""

    def __init__(self, *, registered: bool = True) -> None:
        numbers = itertools.count()
        identity = Identity("k", "shown before" if registered else "")
        self.now_ms = 1_000_000
        self.career = Career("ada", identity, new_key=lambda: f"key-{next(numbers)}", random=random.Random(1))

    def ask(self, after_ms: int = PACE_MS) -> Call:
        self.now_ms += after_ms
        call = self.career.next(self.now_ms)
        assert call is not None
        return call

    def go(self, operation: str, status: int = 200, body: Any = None, wait_ms: int = 0) -> Call:
        call = self.ask()
        assert call.operation == operation
        self.career.answered(call, Answer(status, body, wait_ms), self.now_ms)
        return call

    def seated(self) -> Play:
        """With an attempt in both events that count frags."""
        self.go("events", body={"events": []})
        for name in ("weekly", "bounty"):
            self.go("start", 201, {"attempt": {"id": name}})
        self.go("grants", body={"grants": []})
        self.go("wallet", body={"wallet": []})
        self.go("inventory", body={"items": []})
        return self


def active(status: str = "active", *grants: object) -> dict[str, Any]:
    return {"attempt": {"status": status}, "grants": list(grants)}


def test_it_registers_under_the_key_it_keeps_and_goes_on_with_what_was_active() -> None:
    play = Play(registered=False)
    call = play.go("register", 201, {"secret": "shown once"})
    assert call.body == {"idempotencyKey": "k"}
    assert play.career.identity == Identity("k", "shown once")
    play.go(
        "events",
        body={
            "events": [
                {"eventKey": "weekly-frags", "activeAttemptId": "a1"},
                {"eventKey": "bounty", "activeAttemptId": None},
            ]
        },
    )
    assert "/events/bounty/start" in play.go("start", 201, {"attempt": {"id": "b1"}}).path


def test_real_frags_and_damage_are_reported_in_calls_within_the_limit() -> None:
    play = Play().seated()
    play.career.add(Feats(frags=60, damage=900), play.now_ms)
    weekly = play.go("progress", body=active())
    bounty = play.go("progress", body=active())
    assert weekly.path.endswith("/events/weekly-frags/attempts/weekly/progress")
    assert weekly.body is not None
    assert weekly.body["metrics"] == {"frags": FRAGS_A_CALL_MAX, "damage": 900}
    assert bounty.body is not None
    assert bounty.body["metrics"] == {"frags": FRAGS_A_CALL_MAX}
    play.now_ms += LATER
    rest = play.go("progress", body=active())
    assert rest.body is not None
    assert rest.body["metrics"] == {"frags": 10, "damage": 0}
    play.go("progress", body=active())
    assert not play.career.owes


def test_a_completed_attempt_is_followed_by_another_and_its_rewards_are_taken() -> None:
    play = Play().seated()
    play.career.add(Feats(frags=1), play.now_ms)
    play.go("progress", body=active("completed", {"id": "g"}))
    assert play.go("start", 201, {"attempt": {"id": "next"}}).path.endswith("/weekly-frags/start")
    play.go("progress", body=active())
    crate, reward = {"id": "c", "kind": "crate"}, {"id": "r", "kind": "reward"}
    play.go("grants", body={"grants": [crate, reward]})
    opened = play.go("open", body={"contents": {"id": "child", "kind": "reward"}})
    assert opened.path.endswith("/crates/c/open")
    assert play.go("claim").path.endswith("/grants/r/claim")
    assert play.go("claim").path.endswith("/grants/child/claim")


def test_an_exhausted_cap_waits_for_its_window_while_the_other_event_goes_on() -> None:
    play = Play()
    play.go("events", body={"events": []})
    capped = {"error": {"code": "attempt_cap_reached"}}
    play.go("start", 429, capped, wait_ms=3_600_000)
    assert "/bounty/" in play.go("start", 201, {"attempt": {"id": "b"}}).path
    play.career.add(Feats(frags=3), play.now_ms)
    assert "/bounty/" in play.go("progress", body=active()).path
    play.go("grants", body={"grants": []})
    play.now_ms += 3_600_000
    assert play.ask().path.endswith("/weekly-frags/start")


def test_a_level_s_time_is_an_attempt_of_its_own() -> None:
    play = Play().seated()
    play.career.add(Feats(level_seconds=(41.5,)), play.now_ms)
    assert play.go("start", 201, {"attempt": {"id": "s"}}).path.endswith("/speedrun/start")
    call = play.go("progress", body=active("completed"))
    assert call.body is not None
    assert (call.body["mode"], call.body["metrics"]) == ("set", {"seconds": 41.5})
    assert not play.career.owes


def test_what_nobody_answered_is_asked_again_under_its_key_when_the_server_says() -> None:
    play = Play().seated()
    play.career.add(Feats(frags=1), play.now_ms)
    first = play.ask()
    play.career.answered(first, Answer(503, None, 7_000), play.now_ms)
    assert play.career.next(play.now_ms + 6_999) is None
    assert play.career.next(play.now_ms + 7_000) is first
    play.now_ms += 7_000
    play.career.answered(first, Answer(429, {"error": {"code": "rate_limited"}}, 9_000), play.now_ms)
    assert play.career.next(play.now_ms + 8_999) is None
    play.now_ms += 9_000
    play.career.answered(first, Answer(0), play.now_ms)
    assert play.career.next(play.now_ms + 30_000) is first
    play.career.answered(first, Answer(200, active()), play.now_ms)
    assert play.career.next(play.now_ms + PACE_MS - 1) is None


def test_a_report_that_came_too_late_is_dropped_with_its_attempt() -> None:
    play = Play().seated()
    play.career.add(Feats(frags=1), play.now_ms)
    play.go("progress", 409, {"error": {"code": "conflict"}})
    assert play.ask().path.endswith("/weekly-frags/start")


def test_an_event_without_a_window_is_left_alone_for_a_while() -> None:
    play = Play()
    play.go("events", body={"events": []})
    play.go("start", 409, {"error": {"code": "conflict"}})
    play.go("start", 404, {"error": {"code": "not_found"}})
    assert play.ask().operation == "grants"
    assert play.ask(CLOSED_MS).operation == "start"


def test_a_lost_secret_is_replaced_by_the_studio_s_server() -> None:
    play = Play(registered=False)
    play.go("register", 409, {"error": {"code": "conflict"}})
    call = play.go("rotate", 404)
    assert (call.key, call.path) == ("lo_srv", "/server/v1/players/ada/secret")
    assert play.career.next(play.now_ms + LEAVE_ALONE_MS - 1) is None
    play.now_ms += LEAVE_ALONE_MS
    play.go("rotate", 200, {"secret": "new"})
    assert play.career.identity == Identity("k", "new")
    play.go("events", 401)
    assert play.ask().operation == "rotate"


def test_gold_is_spent_and_a_medkit_used_only_where_there_is_some() -> None:
    play = Play()
    play.go("events", body={"events": []})
    play.go("start", 201, {"attempt": {"id": "w"}})
    play.go("start", 201, {"attempt": {"id": "b"}})
    play.go("grants", body={"grants": []})
    play.go("wallet", body={"wallet": [{"economyKey": "gold", "balance": 6}]})
    debit = play.go("debit")
    assert debit.body is not None
    assert (debit.body["amount"], debit.body["reason"]) == (5, "ammo")
    play.go("inventory", body={"items": [{"itemKey": "medkit", "quantity": 2}]})
    assert play.go("consume").path.endswith("/inventory/medkit/consume")
    assert play.career.next(play.now_ms + LATER) is None


def test_an_outage_costs_no_memory() -> None:
    play = Play().seated()
    for _ in range(100):
        play.career.add(Feats(frags=1_000, level_seconds=(1.0, 2.0)), play.now_ms)
    frags, _, times = play.career._contests
    assert frags._frags == 5_000
    assert len(times._times) == 5


def test_feats_are_the_differences_of_the_engine_s_counters() -> None:
    view = View(x=0, y=0, z=0, angle=0, health=100, ammo=1, seen=[])
    frame = Frame(
        tic=0, view=view, weapon="Pistol", kills=0, items=0, secrets=0, damage=0, seconds=0.0, state="playing"
    )
    counter = FeatCounter()
    counter.begin_level(frame)
    counter.watch(msgspec.structs.replace(frame, kills=2, damage=30))
    counter.watch(msgspec.structs.replace(frame, kills=3, damage=55, tic=350, state="exited"))
    assert counter.drain() == Feats(3, 55, (10.0,))
    counter.begin_level(frame)
    counter.watch(msgspec.structs.replace(frame, kills=1))
    assert counter.drain() == Feats(1)
    assert not counter.drain()
