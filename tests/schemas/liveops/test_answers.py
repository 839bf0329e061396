from __future__ import annotations

from typing import Any

import msgspec
import pytest

from schemas.envelope import (
    COMMAND_FAILED,
    COMMAND_REJECTED,
    COMMAND_REPEATED,
    CommandFailed,
    CommandRejected,
    CommandRepeated,
    Decided,
    Event,
    Outcome,
)
from schemas.liveops.answers import DoneAnswer, StartAnswer, WalletAnswer, outcome_of
from schemas.liveops.commands import CreditWallet, ReportProgress, StartAttempt
from schemas.liveops.events import EVENTS
from schemas.outcomes import messages_of
from tests.streams.deciders.liveops.given import AT_MS, Liveops, event


def decided(*events: Event) -> Decided:
    return Decided(
        command_id="c", studio_id="s", game_id="g", keyed=True, fingerprint=b"f", events=list(events)
    )


def outcome(*events: Event) -> Outcome | None:
    done = decided(*events)
    return outcome_of(done, messages_of(done, EVENTS))


def shell(kind: str, data: msgspec.Struct) -> Event:
    return Event(type=kind, aggregate_id="a", sequence=0, at_ms=AT_MS, data=msgspec.msgpack.encode(data))


def answer(world: Liveops, body: Any) -> tuple[int, bytes]:
    happened = [
        Event(type=one.WIRE, aggregate_id="a", sequence=1, at_ms=world.at_ms, data=EVENTS.encode(one))
        for one in world.given(body)
    ]
    answered = outcome(*happened)
    assert answered is not None
    return answered.status, answered.body


def test_a_repeat_has_no_outcome_of_its_own() -> None:
    assert outcome(shell(COMMAND_REPEATED, CommandRepeated(first_src=3))) is None


def test_a_refusal_is_its_own_body_and_a_failure_500() -> None:
    refusal = CommandRejected(status=429, code="attempt_cap_reached", message="m", details={"attemptCap": 3})
    answered = outcome(shell(COMMAND_REJECTED, refusal))
    assert answered is not None
    assert (answered.status, msgspec.msgpack.decode(answered.body, type=CommandRejected)) == (429, refusal)
    answered = outcome(shell(COMMAND_FAILED, CommandFailed(error="e")))
    assert answered is not None
    assert answered.status == 500


def test_nothing_to_do_is_done() -> None:
    answered = outcome()
    assert answered is not None
    assert (answered.status, msgspec.msgpack.decode(answered.body, type=DoneAnswer)) == (200, DoneAnswer())


def test_an_answer_is_found_behind_what_led_up_to_it() -> None:
    world = Liveops()
    status, body = answer(world, CreditWallet(economy_key="gold", amount=2**63 - 1))
    wallet = WalletAnswer(economy_key="gold", balance=2**63 - 1, updated_at_ms=AT_MS)
    assert (status, msgspec.msgpack.decode(body, type=WalletAnswer)) == (200, wallet)
    status, body = answer(world, StartAttempt(event_key="frags", window_id=world.window()))
    assert status == 201
    status, body = answer(world, StartAttempt(event_key="frags", window_id=world.window()))
    assert (status, msgspec.msgpack.decode(body, type=StartAnswer).attempt.status) == (201, "active")


@pytest.mark.parametrize("limit", ["maxPerCall", "maxPerMinute"])
def test_implausible_progress_is_answered_409_and_says_the_limit(limit: str) -> None:
    world = Liveops(event(metrics={"frags": {limit: 3}}))
    attempt = world.start().attempt
    report = ReportProgress(
        event_key="frags", attempt_id=attempt.id, mode="increment", metrics={"frags": 4.0}
    )
    status, body = answer(world, report)
    refusal = msgspec.msgpack.decode(body, type=CommandRejected)
    assert (status, refusal.code) == (409, "conflict")
    assert refusal.details == {"reason": "implausible", "metric": "frags", limit: 3.0}
