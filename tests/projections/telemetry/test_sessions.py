from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from projections.telemetry import active_time
from projections.telemetry.active_time import EventId, Run, active_ms, merge, runs_by_session
from projections.telemetry.identities import Seen
from projections.telemetry.session_key import SessionKey
from projections.telemetry.sessions import (
    EVENT_NAMES_MAX,
    OTHER_NAMES,
    Description,
    SessionFragment,
    count,
    describe,
    is_over,
    joined_idle_ms,
    shortened,
)

KEY = SessionKey("studio", "game", "session")
times = st.lists(st.integers(0, 400_000), min_size=1, max_size=50)


def brute_force_active(moments: list[int]) -> int:
    ordered = sorted(moments)
    gaps = [later - earlier for earlier, later in pairwise(ordered)]
    return sum(gap for gap in gaps if gap <= 30_000)


def runs_of(moments: list[int], first_offset: int = 0) -> list[Run]:
    size = len(moments)
    found = runs_by_session(
        0,
        np.zeros(size, dtype=np.int64),
        np.array(moments, dtype=np.int64),
        np.arange(first_offset, first_offset + size),
        np.zeros(size, dtype=np.int64),
    )
    return found.get(0, [])


@given(times)
def test_active_time_is_the_sum_of_the_gaps_of_at_most_30_seconds(moments: list[int]) -> None:
    assert active_ms(runs_of(moments)) == brute_force_active(moments)


@given(times, st.data())
def test_merging_any_grouping_in_any_order_gives_the_same_runs(
    moments: list[int], data: st.DataObject
) -> None:
    whole = runs_of(moments)
    marks = sorted(data.draw(st.sets(st.integers(1, max(len(moments) - 1, 1)), max_size=6)))
    edges = [0, *marks, len(moments)]
    groups = [runs_of(moments[begin:end], begin) for begin, end in pairwise(edges) if begin < end]
    shuffled = data.draw(st.permutations(groups))
    merged: list[Run] = []
    for group in shuffled:
        merged = merge([*group, *merged])
    assert merged == whole
    assert merge([*merged, *whole]) == whole  # twice is once


def test_a_gap_of_exactly_30_seconds_counts_and_one_more_millisecond_does_not() -> None:
    assert active_ms(runs_of([0, 30_000])) == 30_000
    assert active_ms(runs_of([0, 30_001])) == 0


def test_runs_name_their_first_and_last_event_by_time_then_place_in_the_log() -> None:
    (run,) = runs_of([5_000, 1_000, 5_000, 1_000])
    assert run == Run(1_000, EventId(0, 1, 0), 5_000, EventId(0, 2, 0))


@given(st.lists(st.sampled_from([f"name{number:05}" for number in range(EVENT_NAMES_MAX + 30)]), max_size=30))
def test_counts_of_too_many_names_do_not_depend_on_grouping(extra: list[str]) -> None:
    everything = [f"name{number:05}" for number in range(0, 2 * EVENT_NAMES_MAX, 2)] + extra

    def folded(names: list[str], size: int) -> dict[str, int]:
        part = SessionFragment(key=KEY, partition=0)
        for begin in range(0, len(names), size):
            counts: dict[str, int] = {}
            for name in names[begin : begin + size]:
                counts[name] = counts.get(name, 0) + 1
            part = count(part, counts, ())
        return part.event_counts

    one = folded(everything, len(everything))
    assert folded(everything[::-1], 97) == one
    assert sum(one.values()) == len(everything)
    assert len(one) <= EVENT_NAMES_MAX
    assert (OTHER_NAMES in one) == (len(set(everything)) > EVENT_NAMES_MAX)


def test_the_names_that_rules_rest_on_are_counted_however_many_others_there_are() -> None:
    part = SessionFragment(key=KEY, partition=0)
    for number in range(EVENT_NAMES_MAX + 50):
        part = count(part, {f"a{number:05}": 1, "player_pos": 2, "player_death": 1}, ())
    assert (part.event_counts["player_pos"], part.event_counts["player_death"]) == (2_100, 1_050)
    assert part.event_counts[OTHER_NAMES] == 51
    assert sum(part.event_counts.values()) == 4 * (EVENT_NAMES_MAX + 50)


def description(offset: int, **more: object) -> Description:
    fields: dict[str, object] = {
        "offset": offset,
        "player_id": "p",
        "source": "unity-telemetry",
        "build_id": "1",
        "environment": "production",
        "arrived_at_ms": 1000 + offset,
    }
    return Description(**(fields | more))  # type: ignore[arg-type]


def test_the_first_word_names_player_and_build_and_the_latest_all_else() -> None:
    part = describe(SessionFragment(key=KEY, partition=0), description(1, title="one", country="DE"))
    part = describe(part, description(2, title="two", build_id="2", ended=True))
    assert (part.build_id, part.title, part.country, part.ended, part.closed) == (
        "1",
        "two",
        "DE",
        True,
        True,
    )
    assert part.first_arrived_at_ms == 1001


def test_the_first_experiments_that_are_sent_count() -> None:
    part = describe(SessionFragment(key=KEY, partition=0), description(1))
    assert part.experiments == ""
    for offset, tags in ((2, '{"exp_a":"one"}'), (3, ""), (4, '{"exp_a":"two","exp_b":"one"}')):
        part = describe(part, description(offset, experiments=tags))
    assert part.experiments == '{"exp_a":"one"}'


def test_what_was_folded_in_before_changes_nothing() -> None:
    part = SessionFragment(key=KEY, partition=0, version=5, title="kept")
    assert describe(part, description(4, title="older")) is part


def test_a_session_is_over_30_minutes_after_its_last_event() -> None:
    assert is_over(1_000, 1_801_000)
    assert not is_over(1_000, 1_800_999)
    assert not is_over(None, 10**12)


@given(st.lists(st.integers(-5, 40), max_size=60))
def test_sequence_numbers_are_new_once_and_kept_as_ranges(seqs: list[int]) -> None:
    seen = Seen()
    known: set[int] = set()
    for seq in seqs:
        assert seen.add(seq, 0, 0) == (seq not in known)
        known.add(seq)
    covered = {seq for start, end in seen.ranges for seq in range(start, end + 1)}
    assert covered == known
    assert all(later[0] > earlier[1] + 1 for earlier, later in pairwise(seen.ranges))


def test_identities_without_a_sequence_number_are_new_once() -> None:
    seen = Seen(hashes=[(1, 7)])
    assert [seen.add(None, 7, 1), seen.add(None, 8, 1), seen.add(None, 8, 1)] == [False, True, False]


@given(
    st.lists(st.tuples(st.booleans(), st.integers(-9, 40)), max_size=80),
    st.integers(1, 12),
    st.integers(0, 80),
)
def test_a_session_remembers_its_largest_sequence_numbers_and_its_latest_events(
    events: list[tuple[bool, int]], most: int, read_again: int
) -> None:
    """`read_again` is where a worker dies: the next one knows what is stored, in whatever order it comes."""
    seen = Seen(most=most)
    stored: list[tuple[bool, int]] = []
    for number, (numbered, value) in enumerate(events):
        if number == read_again:
            rows = sorted(stored, reverse=number % 2 == 0)
            seen = Seen(
                [at for by_seq, at in rows if by_seq],
                [(at, 100 + at) for by_seq, at in rows if not by_seq],
                most=most,
            )
        remembered = sorted({row for row in stored if row[0] == numbered})[-most:]
        new = seen.add(value, 0, 0) if numbered else seen.add(None, 100 + value, value)
        assert new == ((numbered, value) not in remembered)
        if new:
            stored.append((numbered, value))
        assert seen.weight <= 2 * most


def singles(moments: list[int]) -> list[Run]:
    """Events in the order of the log, each a run of its own."""
    ids = [EventId(0, offset, 0) for offset in range(len(moments))]
    return [Run(at_ms, event, at_ms, event) for at_ms, event in zip(moments, ids, strict=True)]


@pytest.fixture
def few_runs(monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(active_time, "RUNS_MAX", 4)
    return 4


few = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
far_times = st.lists(st.integers(0, 40).map(lambda place: place * 17_000), min_size=1, max_size=40)


@few
@given(far_times, st.sets(st.integers(1, 39), max_size=6))
def test_however_the_log_is_split_a_part_joins_the_same_runs(
    few_runs: int, moments: list[int], marks: set[int]
) -> None:
    one_by_one = SessionFragment(key=KEY, partition=0)
    for event in singles(moments):
        one_by_one = count(one_by_one, {"e": 1}, [event])
    batch = SessionFragment(key=KEY, partition=0)
    edges = [0, *sorted(mark for mark in marks if mark < len(moments)), len(moments)]
    for begin, end in pairwise(edges):
        events = singles(moments)[begin:end]
        gained = merge(events)
        batch = count(
            batch, {"e": end - begin}, gained if active_time.certainly_fit(batch.runs, gained) else events
        )
    assert batch == one_by_one
    assert len(batch.runs) <= few_runs
    assert (batch.first_event_at_ms, batch.last_event_at_ms) == (min(moments), max(moments))
    assert 0 <= batch.active_ms <= brute_force_active(moments)


@few
@given(far_times)
def test_active_time_stays_exact_for_events_that_come_in_order_of_time(
    few_runs: int, moments: list[int]
) -> None:
    part = count(SessionFragment(key=KEY, partition=0), {"e": len(moments)}, singles(sorted(moments)))
    assert part.active_ms == brute_force_active(moments)
    assert len(part.runs) <= few_runs


@few
@given(far_times, st.permutations(range(40)))
def test_active_time_stays_exact_in_any_order_while_runs_are_few(
    few_runs: int, moments: list[int], order: list[int]
) -> None:
    cells = {at_ms // 30_000 for at_ms in moments}
    assume(len(cells) <= few_runs)
    shuffled = [moments[place] for place in order if place < len(moments)]
    part = count(SessionFragment(key=KEY, partition=0), {"e": len(moments)}, singles(shuffled))
    assert part.active_ms == brute_force_active(moments)
    assert list(part.runs) == merge(singles(shuffled))


def test_a_session_of_8_hours_is_exact_whatever_the_order() -> None:
    moments = list(range(0, 8 * 3_600_000, 30_001))
    part = count(SessionFragment(key=KEY, partition=0), {"e": len(moments)}, singles(moments[::-1]))
    assert (len(part.runs), part.active_ms, part.idle_ms) == (len(moments), 0, 0)


def test_50_000_events_31_s_apart_make_a_small_part_with_the_right_active_time() -> None:
    moments = [31_000 * number for number in range(50_000)] + [31_000 * 49_999 + 5_000]
    part = count(SessionFragment(key=KEY, partition=0), {"e": len(moments)}, singles(moments))
    assert len(part.runs) == active_time.RUNS_MAX
    assert part.active_ms == 5_000
    assert part.last_event_at_ms == moments[-1]


def test_a_part_stored_with_too_many_runs_is_shortened_and_keeps_its_active_time() -> None:
    runs = tuple(
        Run(at, EventId(0, at, 0), at + 10_000, EventId(0, at, 1)) for at in range(0, 200_000_000, 50_000)
    )
    old = SessionFragment(key=KEY, partition=0, runs=runs)
    new = shortened(old)
    assert len(new.runs) == active_time.RUNS_MAX
    assert (new.active_ms, new.last_event_at_ms) == (old.active_ms, old.last_event_at_ms)
    assert new.runs[0].first == runs[0].first
    assert shortened(new) is new


@few
@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 60).map(lambda place: place * 17_000)), min_size=1)
)
def test_parts_of_several_partitions_never_overstate_active_time(
    few_runs: int, events: list[tuple[int, int]]
) -> None:
    parts: list[SessionFragment] = []
    for partition in range(3):
        own = [at_ms for place, at_ms in events if place == partition]
        parts.append(count(SessionFragment(key=KEY, partition=partition), {"e": len(own)}, singles(own)))
    runs = merge(run for part in parts for run in part.runs)
    active = active_ms(runs) - joined_idle_ms(parts, runs)
    exact = brute_force_active([at_ms for _, at_ms in events])
    assert all(len(part.runs) <= few_runs for part in parts)
    assert max(part.active_ms for part in parts) <= active <= exact
    if not any(part.idle_ms for part in parts):
        assert active == exact
