from __future__ import annotations

import dataclasses
import logging
from typing import Any

import msgspec
import pytest

from schemas.edge.ports import KeyKind
from schemas.envelope import Command, EventsRecord
from schemas.log import LogRecord
from schemas.outcomes import failure, is_remembered, rejection, repetition
from schemas.studio.commands import RevokeKey
from schemas.studio.events import EVENTS, GameDefined, StudioDefined
from streams.deciders.decide import decide_record, encode_events_record
from streams.deciders.fold import REMEMBER_MS, Fold
from streams.deciders.log_time import EXPIRED_MS
from streams.deciders.noun import Noun
from streams.deciders.studio import STUDIO
from streams.deciders.studio_state import StudioState
from tests.streams.deciders.given import AT_MS, command_of, create_key, define, game, record_of

NOUN: Noun[StudioState] = STUDIO


def record(value: bytes, offset: int = 0, at_ms: int = AT_MS) -> LogRecord:
    return LogRecord(
        topic="studio.commands", partition=0, offset=offset, appended_at_ms=at_ms, key=None, value=value
    )


class Decider:
    """A fold, and the records it has decided."""

    def __init__(self, noun: Noun[StudioState] = NOUN, **limits: int) -> None:
        self.noun = noun
        self.limits = limits
        self.fold = Fold(noun)
        self.letters: list[Any] = []

    def decide(self, value: bytes, at_ms: int = AT_MS) -> EventsRecord:
        taken = record(value, self.fold.cursor.src + 1, at_ms)
        decision = decide_record(self.noun, self.fold, taken, **self.limits)
        self.letters += decision.dead_letters
        appended = LogRecord(
            topic="studio.events",
            partition=0,
            offset=self.fold.cursor.offset,
            appended_at_ms=at_ms,
            key=None,
            value=encode_events_record(decision.record),
        )
        assert self.fold.accept(appended)
        assert self.fold.state == decision.state
        return decision.record


def test_one_record_of_commands_gives_one_record_of_events_in_their_order() -> None:
    decider = Decider()
    first, second = define("demo", game("doom")), define("other")
    events = decider.decide(record_of(command_of(first, "c1"), command_of(second, "c2")))
    assert (events.src, events.gateway_id, events.record_id) == (0, "g1", "r1")
    assert [decided.command_id for decided in events.decided] == ["c1", "c2"]
    studio, doom = (EVENTS.decode(event.type, event.data) for event in events.decided[0].events)
    assert isinstance(studio, StudioDefined)
    assert isinstance(doom, GameDefined)
    assert [event.sequence for event in events.decided[0].events] == [1, 2]
    assert {event.aggregate_id for event in events.decided[0].events} == {studio.studio_id}


def test_a_later_command_sees_what_an_earlier_one_of_its_record_decided() -> None:
    events = Decider().decide(record_of(command_of(define("demo"), "c1"), command_of(define("demo"), "c2")))
    assert len(events.decided[0].events) == 1
    assert events.decided[1].events == []


def test_the_same_command_gives_the_same_bytes() -> None:
    value = record_of(command_of(define("demo", game("doom")), "c1"))
    assert encode_events_record(Decider().decide(value)) == encode_events_record(Decider().decide(value))


def test_a_refusal_is_an_event_of_its_own() -> None:
    events = Decider().decide(record_of(command_of(RevokeKey(key_id="key_x"), "c1", studio_id="s")))
    refused = rejection(events.decided[0])
    assert refused is not None
    assert (refused.status, refused.code) == (404, "unknown_key")
    assert is_remembered(events.decided[0])


def test_a_keyed_command_that_comes_again_is_a_repeat() -> None:
    decider = Decider()
    value = record_of(command_of(define("demo"), "c1"))
    decider.decide(value)
    decider.decide(record_of())
    again = repetition(decider.decide(value).decided[0])
    assert again is not None
    assert again.first_src == 0


def test_a_keyed_command_twice_in_one_record_is_decided_once() -> None:
    command = command_of(define("demo"), "c1")
    decider = Decider()
    decider.decide(record_of())
    events = decider.decide(record_of(command, command))
    again = repetition(events.decided[1])
    assert events.decided[0].events
    assert again is not None
    assert again.first_src == 1


def test_an_unkeyed_command_counts_each_time() -> None:
    decider = Decider()
    value = record_of(command_of(define("demo"), "c1", keyed=False))
    decider.decide(value)
    assert repetition(decider.decide(value).decided[0]) is None


def test_keys_are_forgotten_after_fifteen_minutes_of_log_time() -> None:
    decider = Decider()
    decider.decide(record_of(command_of(define("demo"), "c1")))
    later = AT_MS + REMEMBER_MS + 1
    for at_ms in (*range(AT_MS, later, 200_000), later):
        decider.decide(record_of(command_of(define("demo"), "c0", at_ms=at_ms, keyed=False)), at_ms)
    events = decider.decide(record_of(command_of(define("demo"), "c1", at_ms=later)), later)
    assert events.decided[0].events == []
    assert [item.src for item in decider.fold.remembered()] == [decider.fold.cursor.src]


def test_a_refusal_that_is_no_outcome_is_not_remembered() -> None:
    decider = Decider()
    decider.decide(record_of(command_of(define("demo"), "c0")))
    (studio_id,) = decider.fold.state.studios
    bad_scope = command_of(create_key(KeyKind.INGEST, "h", "game_x"), "c1", studio_id=studio_id)
    first, second = decider.decide(record_of(bad_scope, bad_scope)).decided
    for decided in (first, second):
        refused = rejection(decided)
        assert refused is not None
        assert refused.status == 400
        assert not is_remembered(decided)


def test_a_command_far_behind_the_log_has_expired() -> None:
    decider = Decider()
    late = command_of(define("demo"), "c1", at_ms=AT_MS - EXPIRED_MS - 1)
    refused = rejection(decider.decide(record_of(late)).decided[0])
    assert refused is not None
    assert (refused.status, refused.code) == (503, "expired")
    just_in_time = command_of(define("demo"), "c1", at_ms=AT_MS - EXPIRED_MS)
    assert decider.decide(record_of(just_in_time)).decided[0].events


def test_time_is_never_after_the_log_and_never_runs_back() -> None:
    decider = Decider()
    ahead = command_of(define("demo"), "c1", at_ms=AT_MS + 60_000)
    behind = command_of(define("other"), "c2", at_ms=AT_MS - 60_000)
    times = [decided.events[0].at_ms for decided in decider.decide(record_of(ahead, behind)).decided]
    assert times == [AT_MS, AT_MS]


def test_an_unreadable_record_gives_an_empty_one_and_a_dead_letter() -> None:
    for value in (b"", b"\xc1", b"\x93\x01", msgspec.msgpack.encode({"a": 1}), record_of(version=99)):
        decider = Decider()
        events = decider.decide(value)
        assert (events.src, events.decided) == (0, [])
        (letter,) = decider.letters
        assert (letter.reason, letter.index, letter.body) == ("undecodable-record", None, value)
        assert letter.id == "studio.commands-0-0"


def test_an_unreadable_command_fails_alone() -> None:
    good = command_of(define("demo"), "c1")
    unknown = msgspec.structs.replace(good, command_id="c2", type="studio.none.v9")
    broken = msgspec.structs.replace(good, command_id="c3", body=b"\xc1")
    deep = msgspec.structs.replace(good, command_id="c4", body=b"\x91" * 100_000)
    decider = Decider()
    events = decider.decide(record_of(unknown, broken, deep, good))
    for decided in events.decided[:3]:
        assert failure(decided) is not None
        assert not is_remembered(decided)
    assert events.decided[3].events
    assert [(letter.index, letter.reason) for letter in decider.letters] == [
        (index, "undecodable-command") for index in range(3)
    ]
    assert msgspec.msgpack.decode(decider.letters[1].body, type=Command) == broken


def test_a_decider_that_fails_on_one_command_goes_on_with_the_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def decide(state: StudioState, request: Any) -> Any:
        if request.command.slug == "bad":
            raise ZeroDivisionError
        return STUDIO.decide(state, request)

    decider = Decider(dataclasses.replace(STUDIO, decide=decide))
    with caplog.at_level(logging.CRITICAL, logger="streams.deciders.decide"):
        events = decider.decide(record_of(command_of(define("bad"), "c1"), command_of(define("good"), "c2")))
    failed = failure(events.decided[0])
    assert failed is not None
    assert failed.error == "decider-failed: ZeroDivisionError"
    assert events.decided[1].events
    assert [letter.reason for letter in decider.letters] == ["decider-failed"]


def test_events_that_would_not_fit_the_record_fail_their_command_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    big = define("big", *[game(f"g{number}") for number in range(20)])
    with caplog.at_level(logging.CRITICAL, logger="streams.deciders.decide"):
        decider = Decider(event_bytes_max=1000)
        events = decider.decide(record_of(command_of(big, "c1"), command_of(define("small"), "c2")))
    assert failure(events.decided[0]) is not None
    assert rejection(events.decided[1]) is None
    assert events.decided[1].events
