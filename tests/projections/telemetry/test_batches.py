from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.telemetry.batches import DAY_MS, Batch, BatchBoundaries

steps = st.lists(st.tuples(st.integers(0, 700), st.integers(0, 40)), max_size=60)


def batches_from(records: list[tuple[int, int, int]], begin: int = 0, bucket_ms: int = 1000) -> list[Batch]:
    boundaries = BatchBoundaries(bucket_ms, rows_max=100)
    found = []
    for offset, at_ms, rows in records[begin:]:
        if boundaries.ends_before(at_ms):
            found.append(boundaries.take())
        if boundaries.add(offset, at_ms, rows):
            found.append(boundaries.take())
    return found


def log_of(gaps: list[tuple[int, int]]) -> list[tuple[int, int, int]]:
    at_ms = DAY_MS * 20_000 - 5_000
    records = []
    for offset, (gap, rows) in enumerate(gaps):
        at_ms += gap
        records.append((offset, at_ms, rows))
    return records


@given(steps, st.data())
def test_a_worker_that_begins_at_any_batch_forms_the_same_batches(
    gaps: list[tuple[int, int]], data: st.DataObject
) -> None:
    records = log_of(gaps)
    whole = batches_from(records)
    begin = data.draw(st.integers(0, len(whole)))
    next_offset = whole[begin - 1].last + 1 if begin else 0
    assert batches_from(records, next_offset) == whole[begin:]


@given(steps)
def test_batches_follow_each_other_and_stay_inside_their_bucket_and_day(gaps: list[tuple[int, int]]) -> None:
    records = log_of(gaps)
    expected_first = 0
    for batch in batches_from(records, bucket_ms=7_000):
        assert batch.first == expected_first
        times = [at_ms for offset, at_ms, _ in records if batch.first <= offset <= batch.last]
        assert len({(at_ms // 7_000, at_ms // DAY_MS) for at_ms in times}) == 1
        assert batch.rows == sum(rows for offset, _, rows in records if batch.first <= offset <= batch.last)
        assert batch.rows - records[batch.last][2] < 100
        expected_first = batch.last + 1


def test_an_idle_partition_wants_one_tick_when_its_bucket_is_over() -> None:
    boundaries = BatchBoundaries(1000)
    assert not boundaries.tick_due(10_000)
    boundaries.add(0, 5_300, 1)
    assert not boundaries.tick_due(5_999)
    assert boundaries.tick_due(6_100)
    assert not boundaries.tick_due(6_200)  # the first may still be on its way
    assert boundaries.tick_due(6_700)


def test_a_batch_of_ticks_alone_wants_no_end() -> None:
    boundaries = BatchBoundaries(1000)
    boundaries.add(0, 5_300, 0, tick=True)
    assert not boundaries.tick_due(60_000)
    boundaries.add(1, 5_400, 1)
    assert boundaries.tick_due(60_000)


def test_a_record_of_another_bucket_is_not_taken_into_the_batch() -> None:
    boundaries = BatchBoundaries(1000)
    boundaries.add(0, 5_300, 1)
    with pytest.raises(ValueError, match="does not belong"):
        boundaries.add(1, 6_300, 1)
