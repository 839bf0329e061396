from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from projections.telemetry.identities import Seen
from projections.telemetry.sessions import (
    EVENT_NAMES_MAX,
    OTHER_NAMES,
    Description,
    SessionKey,
    SessionPart,
    count,
    describe,
    is_over,
)
from projections.telemetry.spans import EventId, Run, active_ms, merge, runs_by_session

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
        part = SessionPart(key=KEY, partition=0)
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
    part = describe(SessionPart(key=KEY, partition=0), description(1, title="one", country="DE"))
    part = describe(part, description(2, title="two", build_id="2", ended=True))
    assert (part.build_id, part.title, part.country, part.ended, part.closed) == (
        "1",
        "two",
        "DE",
        True,
        True,
    )
    assert part.first_arrived_at_ms == 1001


def test_what_was_folded_in_before_changes_nothing() -> None:
    part = SessionPart(key=KEY, partition=0, version=5, title="kept")
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
        assert seen.add(seq, 0) == (seq not in known)
        known.add(seq)
    covered = {seq for start, end in seen.ranges for seq in range(start, end + 1)}
    assert covered == known
    assert all(later[0] > earlier[1] + 1 for earlier, later in pairwise(seen.ranges))


def test_identities_without_a_sequence_number_are_new_once() -> None:
    seen = Seen(hashes=[7])
    assert [seen.add(None, 7), seen.add(None, 8), seen.add(None, 8)] == [False, True, False]
