"""Clocks jump by hours: commands are accepted again soon, and no keyed command acts twice."""

from __future__ import annotations

import heapq
import itertools
from collections import Counter
from typing import Literal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.envelope import Decided, EventsRecord
from schemas.log import LogRecord
from schemas.outcomes import rejection, repetition
from streams.deciders.decide import decide_record, encode_events_record
from streams.deciders.fold import REMEMBER_MS, Fold
from streams.deciders.log_time import CONFIRMED_AFTER_MS, DIFFER_MS_MAX, LogTime
from streams.deciders.studio import STUDIO
from streams.deciders.studio_state import StudioState
from tests.streams.deciders.given import AT_MS, command_of, define, record_of

SECOND, MINUTE, HOUR = 1000, 60_000, 3_600_000
JUMP = 6 * HOUR


class Partition:
    """A partition under clocks: `broker` and `gateways` say how far each is ahead of the real time."""

    def __init__(self) -> None:
        self.now = AT_MS
        self.broker = 0
        self.gateways = 0
        self.fold: Fold[StudioState] = Fold(STUDIO)
        self.log: list[LogRecord] = []
        self._names = itertools.count()

    def ask(self, key: str = "", *, asked_at_ms: int | None = None) -> str:
        """One command through decision, log and fold: decided, repeated or expired."""
        at_ms = self.now + self.gateways if asked_at_ms is None else asked_at_ms
        name = key or f"n{next(self._names)}"
        value = record_of(command_of(define(f"s{name}"), name, keyed=bool(key), at_ms=at_ms))
        appended_at_ms = self.now + self.broker
        record = LogRecord(
            topic="c",
            partition=0,
            offset=self.fold.cursor.src + 1,
            appended_at_ms=appended_at_ms,
            key=None,
            value=value,
        )
        decision = decide_record(STUDIO, self.fold, record)
        self.append(decision.record)
        return kind_of(decision.record.decided[0])

    def append(self, events: EventsRecord) -> None:
        record = LogRecord(
            topic="e",
            partition=0,
            offset=len(self.log),
            appended_at_ms=self.now + self.broker,
            key=None,
            value=encode_events_record(events),
        )
        self.log.append(record)
        assert self.fold.accept(record)

    def go_on(self, by_ms: int, every_ms: int = SECOND) -> str:
        """Commands come, one at a time; D for each that is decided, x for each that is not."""
        kinds = []
        end = self.now + by_ms
        while self.now < end:
            self.now += every_ms
            kinds.append("D" if self.ask() == "decided" else "x")
        return "".join(kinds)

    def replay(self) -> None:
        """A new owner of the partition, from the log alone."""
        replayed: Fold[StudioState] = Fold(STUDIO)
        for record in self.log:
            replayed.accept(record)
        assert replayed.time == self.fold.time
        assert replayed.remembered() == self.fold.remembered()
        self.fold = replayed


def kind_of(decided: Decided) -> Literal["decided", "repeated", "expired"]:
    if repetition(decided) is not None:
        return "repeated"
    refused = rejection(decided)
    if refused is None:
        return "decided"
    assert (refused.status, refused.code) == (503, "expired")
    return "expired"


def test_a_broker_s_clock_that_jumps_for_one_record_costs_that_record_alone() -> None:
    partition = Partition()
    assert partition.ask("before") == "decided"
    partition.broker = JUMP
    assert partition.ask("during") == "expired"
    partition.broker = 0
    partition.now += SECOND
    assert partition.ask("during") == "decided"
    assert partition.ask("before") == "repeated"
    partition.replay()
    assert partition.go_on(10 * SECOND) == "D" * 10
    assert partition.ask("before") == "repeated"


def test_a_broker_s_clock_that_stays_ahead_is_seen_through_in_half_a_minute() -> None:
    partition = Partition()
    assert partition.ask("before") == "decided"
    partition.broker = JUMP
    refused = CONFIRMED_AFTER_MS // SECOND
    assert partition.go_on(10 * MINUTE) == "x" * refused + "D" * (600 - refused)
    assert partition.ask("during") == "decided"
    assert partition.ask("before") == "repeated"
    (decided,) = [one for one in partition.fold.remembered() if one.command_id == "during"]
    assert decided.at_ms <= partition.now
    partition.replay()
    partition.broker = 0
    assert partition.go_on(10 * SECOND) == "D" * 10
    assert [partition.ask("before"), partition.ask("during")] == ["repeated", "repeated"]
    partition.go_on(REMEMBER_MS + DIFFER_MS_MAX, MINUTE)
    assert partition.fold.remembered() == []


def test_a_broker_s_clock_that_is_behind_is_seen_through_as_well() -> None:
    partition = Partition()
    assert partition.ask("before") == "decided"
    partition.broker = -HOUR
    assert partition.go_on(MINUTE)[CONFIRMED_AFTER_MS // SECOND :] == "D" * 30
    assert partition.ask("during") == "decided"
    (decided,) = msgspec.msgpack.decode(partition.log[-1].value, type=EventsRecord).decided
    assert decided.events[0].at_ms == partition.now
    partition.broker = 0
    partition.now += SECOND
    assert [partition.ask(key) for key in ("after", "before", "during")] == ["decided", *["repeated"] * 2]


def test_what_is_decided_while_the_broker_s_clock_is_ahead_has_the_gateways_time() -> None:
    partition = Partition()
    partition.ask()
    partition.broker = JUMP
    partition.go_on(MINUTE)
    (decided,) = msgspec.msgpack.decode(partition.log[-1].value, type=EventsRecord).decided
    assert decided.events[0].at_ms == partition.now


def test_a_machine_whose_clock_jumps_and_goes_back_has_its_log_s_time_back_in_half_a_minute() -> None:
    partition = Partition()
    assert partition.ask("before") == "decided"
    partition.broker = partition.gateways = JUMP
    assert partition.go_on(20 * SECOND) == "D" * 20
    assert partition.ask("during") == "decided"
    partition.broker = partition.gateways = 0
    told = partition.go_on(MINUTE)
    assert told == "x" * (CONFIRMED_AFTER_MS // SECOND) + "D" * (60 - CONFIRMED_AFTER_MS // SECOND)
    partition.replay()
    assert [partition.ask("before"), partition.ask("during")] == ["repeated", "repeated"]
    partition.go_on(2 * REMEMBER_MS, MINUTE)
    assert [partition.ask("before"), partition.ask("during")] == ["repeated", "repeated"]
    partition.go_on(7 * HOUR, MINUTE)
    assert partition.fold.remembered() == []


def test_commands_that_waited_while_the_brokers_were_away_are_refused_however_many_they_are() -> None:
    partition = Partition()
    assert partition.ask("before") == "decided"
    begun = partition.now
    partition.now += 2 * HOUR
    for minute in range(110):  # of several gateways, all appended within a second
        assert partition.ask(f"k{minute}", asked_at_ms=begun + minute * MINUTE) == "expired"
        partition.now += 5
    assert partition.ask("k0") == "decided"


def test_a_partition_in_which_nothing_happened_for_a_day_goes_on_at_once() -> None:
    partition = Partition()
    partition.ask("yesterday")
    partition.now += 24 * HOUR
    assert partition.go_on(5 * SECOND) == "DDDDD"
    assert partition.ask(asked_at_ms=partition.now - DIFFER_MS_MAX - 1) == "expired"


def test_bursts_with_pauses_between_them_do_not_gather_in_memory() -> None:
    partition = Partition()
    for _ in range(20):
        for number in range(10):
            partition.ask(f"{partition.now}-{number}")
        partition.now += DIFFER_MS_MAX + MINUTE
    assert len(partition.fold.remembered()) <= 40


def test_a_gateway_whose_clock_is_behind_is_accepted_where_it_is_alone() -> None:
    partition = Partition()
    partition.gateways = -10 * MINUTE
    assert set(partition.go_on(MINUTE)[-20:]) == {"D"}
    assert partition.ask("slow") == "decided"
    partition.gateways = 0
    assert partition.ask("right") == "decided"
    partition.go_on(10 * MINUTE, 10 * SECOND)
    assert partition.ask("slow") == "repeated"


def test_a_log_that_holds_a_jump_from_before_records_told_their_times_accepts_commands() -> None:
    partition = Partition()
    partition.ask("before")
    partition.ask()
    fold: Fold[StudioState] = Fold(STUDIO)
    for record, jump in zip(partition.log, (0, JUMP), strict=True):
        fields = msgspec.msgpack.decode(record.value)
        old = msgspec.msgpack.encode(fields[:5])
        assert fold.accept(
            msgspec.structs.replace(record, value=old, appended_at_ms=record.appended_at_ms + jump)
        )
    assert fold.time.now_ms == AT_MS
    partition.fold = fold
    assert [partition.ask(), partition.ask("before")] == ["decided", "repeated"]


@pytest.mark.parametrize("asked_at_ms", [AT_MS - 2 * MINUTE, AT_MS, AT_MS + 2 * MINUTE])
def test_clocks_that_differ_by_minutes_are_all_right(asked_at_ms: int) -> None:
    time = LogTime().after(AT_MS, asked_at_ms)
    assert (time.now_ms, time.lead_ms, time.stamps(AT_MS)[0]) == (AT_MS, 0, AT_MS - DIFFER_MS_MAX)


BROKERS = {"broker": JUMP, "behind": -HOUR}
STEPS = st.lists(
    st.tuples(
        st.sampled_from([100, SECOND, 20 * SECOND, 2 * MINUTE, 20 * MINUTE]),  # time passes
        st.sampled_from(
            ["submit", "submit", "submit", "busy", "busy", "broker", "behind", "machine", "right"]
        ),
        st.integers(0, 3),  # whose key
        st.sampled_from([0, 0, 0, -MINUTE, MINUTE]),  # how far its gateway is ahead
        st.sampled_from([0, 0, 5 * SECOND, 4 * MINUTE, 9 * MINUTE, 40 * MINUTE]),  # waits in a producer
    ),
    max_size=40,
)


@settings(max_examples=600, deadline=None)
@given(steps=STEPS, late_ms=st.sampled_from([0, SECOND, MINUTE, 4 * MINUTE]))
def test_nothing_acts_twice_whatever_clocks_do(
    steps: list[tuple[int, str, int, int, int]], late_ms: int
) -> None:
    """Gateways ask again what has no outcome yet, as clients do; projections are up to minutes late."""
    partition = Partition()
    waiting: list[tuple[int, int, str, int]] = []
    projected: dict[str, int] = {}
    acted: Counter[str] = Counter()
    count = itertools.count()

    def deliver(until: int) -> None:
        while waiting and waiting[0][0] <= until:
            at, _, key, stamped = heapq.heappop(waiting)
            partition.now = max(partition.now, at)
            if partition.ask(key, asked_at_ms=stamped) == "decided":
                acted[key] += 1
                projected.setdefault(key, partition.now + late_ms)
        partition.now = until

    for passes, what, number, skew, wait in steps:
        deliver(partition.now + passes)
        if what in BROKERS:
            partition.broker = BROKERS[what]
        elif what == "machine" and not partition.broker:
            partition.broker = partition.gateways = JUMP
        elif what == "right":
            partition.broker = partition.gateways = 0
        elif what == "busy":
            partition.go_on(20 * MINUTE, MINUTE)
        elif projected.get(f"k{number}", 1 << 62) > partition.now:
            stamped = partition.now + partition.gateways + skew
            heapq.heappush(waiting, (partition.now + wait, next(count), f"k{number}", stamped))
    deliver(partition.now + HOUR)
    assert max(acted.values(), default=0) <= 1
    partition.replay()
