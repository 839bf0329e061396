"""What the page may ask for: ranges on whole minutes, and words for what can't be read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.dashboard.parameters import BadParameter, read_filters
from projections.telemetry.queries.dashboard_common import BUCKETS_MAX, MINUTE_MS

NOW_MS = 1_800_000_000_123


@pytest.mark.parametrize(("text", "minutes"), [("15m", 15), ("1h", 60), ("24h", 1440), ("90d", 129_600)])
def test_a_range_ends_with_the_running_minute(text: str, minutes: int) -> None:
    filters = read_filters({"range": text}, "s", "g", NOW_MS)
    assert filters.until_ms - filters.since_ms == minutes * MINUTE_MS
    assert 0 < filters.until_ms - NOW_MS <= MINUTE_MS
    assert filters.since_ms % MINUTE_MS == 0


@given(st.integers(946_684_800_000, 1_900_000_000_000), st.integers(1, 400 * 86_400_000 - 2 * MINUTE_MS))
def test_buckets_cover_the_range_and_their_minutes_add_up_to_it(since: int, span: int) -> None:
    filters = read_filters({"from": str(since), "to": str(since + span)}, "s", "g", NOW_MS)
    buckets = filters.buckets()
    assert 1 <= len(buckets) <= BUCKETS_MAX
    assert buckets[0] * 1000 <= filters.since_ms
    within = [filters.minutes_within(start) for start in buckets]
    assert sum(within) * MINUTE_MS == filters.until_ms - filters.since_ms
    assert min(within) > 0


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"range": "soon"}, "range"),
        ({"range": "0h"}, "range"),
        ({"range": "9999d"}, "range"),
        ({"from": "1"}, "from"),
        ({"from": "1700000000000"}, "to"),
        ({"to": "1700000000000"}, "from"),
        ({"from": "1700000000000", "to": "1700000000000"}, "from"),
        ({"from": "1700000000000", "to": "9" * 14}, "to"),
        ({"from": "-1", "to": "٣"}, "from"),
        ({"build": "x" * 201}, "build"),
        ({"env": "\ud800"}, "env"),
        ({"platform": "x" * 201}, "platform"),
        ({"country": "\ud800"}, "country"),
        ({"played_by": "x" * 129}, "played_by"),
    ],
)
def test_what_cannot_be_read_is_named(query: dict[str, str], field: str) -> None:
    with pytest.raises(BadParameter) as caught:
        read_filters(query, "s", "g", NOW_MS)
    assert caught.value.name == field
