"""Which files a day becomes, and which views forget what they held."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from projections.clickhouse.migrations import read
from projections.warehouse.plan import Hour, parts_of
from projections.warehouse.source import KEPT_DAYS

MAX = 1_000
HOURS = st.lists(
    st.builds(
        Hour,
        hour=st.integers(24 * 20_000, 24 * 20_000 + 23),
        rows=st.integers(1, 50),
        bytes=st.integers(1, 5 * MAX),
        checksum=st.integers(0, 2**64 - 1),
    ),
    unique_by=lambda one: one.hour,
)


@given(HOURS)
def test_every_hour_is_in_one_file_or_in_all_pieces_of_one(hours: list[Hour]) -> None:
    parts = parts_of(hours, "schema", MAX)
    assert len({part.name for part in parts}) == len(parts)
    for hour in hours:
        held = [part for part in parts if part.begin <= hour.hour < part.end]
        assert sorted(part.piece for part in held) == [*range(held[0].pieces)]
        assert all(part.pieces == held[0].pieces for part in held)
    for part in parts:
        size = sum(hour.bytes for hour in hours if part.begin <= hour.hour < part.end)
        assert size <= part.pieces * MAX
        assert part.pieces == 1 or part.end == part.begin + 1


@given(HOURS)
def test_names_do_not_depend_on_the_order_of_hours(hours: list[Hour]) -> None:
    assert parts_of(hours, "schema", MAX) == parts_of(hours[::-1], "schema", MAX)


@given(HOURS.filter(bool), st.data())
def test_a_change_renames_the_file_that_holds_it_and_no_other(hours: list[Hour], data: st.DataObject) -> None:
    hours.sort(key=lambda one: one.hour)
    place = data.draw(st.integers(0, len(hours) - 1))
    old = hours[place]
    changed = [*hours[:place], Hour(old.hour, old.rows, old.bytes, old.checksum ^ 1), *hours[place + 1 :]]
    before, after = parts_of(hours, "schema", MAX), parts_of(changed, "schema", MAX)
    for was, now in zip(before, after, strict=True):
        assert (was.name != now.name) == (was.begin <= old.hour < was.end)


def test_columns_are_part_of_what_a_file_is() -> None:
    hours = [Hour(480_000, 1, 10, 7)]
    assert parts_of(hours, "one", MAX)[0].name != parts_of(hours, "two", MAX)[0].name


def test_what_is_known_of_tables_that_forget_is_what_their_tables_say() -> None:
    statements = [text for migration in read() for text in migration.statements]
    for view, days in KEPT_DAYS.items():
        table = view.replace("server_", "fleet_")
        (made,) = [text for text in statements if f"CREATE TABLE IF NOT EXISTS {table}\n" in text]
        assert re.findall(r"TTL toDateTime\(at\) \+ INTERVAL (\d+) DAY", made) == [str(days)]
