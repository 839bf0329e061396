from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.liveops.windows import Window, WindowIdInvalid, window_from_id, window_of
from schemas.studio.definitions_events import Window as Rule

HOUR = 3_600_000
DAY = 24 * HOUR
TIMES = st.integers(946_684_800_000, 4_102_444_800_000)
ANCHORS = st.none() | st.datetimes(datetime(2000, 1, 1), datetime(2026, 1, 1)).map(  # noqa: DTZ001 - made UTC below
    lambda time: time.replace(tzinfo=UTC).isoformat()
)


def rule(**fields: Any) -> Rule:
    return msgspec.convert(fields, Rule)


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def bounds(window: Window | None) -> tuple[int, int] | None:
    return (window.starts_at_ms, window.ends_at_ms) if window is not None else None


@pytest.mark.parametrize(
    ("fields", "at", "starts", "ends"),
    [
        ({"every": "hour"}, "2026-03-04T05:06:07Z", "2026-03-04T05:00:00Z", "2026-03-04T06:00:00Z"),
        ({"every": "day"}, "2026-03-04T05:06:07Z", "2026-03-04T00:00:00Z", "2026-03-05T00:00:00Z"),
        ({"every": "week"}, "2026-03-04T05:06:07Z", "2026-03-02T00:00:00Z", "2026-03-09T00:00:00Z"),
        ({"every": "month"}, "2026-12-04T05:06:07Z", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"),
        (
            {"every": "week", "from": "2026-01-07T12:00:00Z"},
            "2026-01-14T11:59:59.999Z",
            "2026-01-07T12:00:00Z",
            "2026-01-14T12:00:00Z",
        ),
        (
            {"every": "month", "from": "2026-01-31T00:00:00Z"},
            "2026-03-01T00:00:00Z",
            "2026-02-28T00:00:00Z",
            "2026-03-31T00:00:00Z",
        ),
        (
            {"every": "month", "from": "2026-01-15T06:00:00+02:00"},
            "2026-02-15T03:00:00Z",
            "2026-01-15T04:00:00Z",
            "2026-02-15T04:00:00Z",
        ),
        (
            {"seconds": 90, "from": "2026-01-05T00:00:00Z"},
            "2026-01-05T00:01:30Z",
            "2026-01-05T00:01:30Z",
            "2026-01-05T00:03:00Z",
        ),
        ({"seconds": 90}, "1970-01-01T00:01:29Z", "1970-01-01T00:00:00Z", "1970-01-01T00:01:30Z"),
        (
            {"startsAt": "2026-01-01T00:00:00Z", "endsAt": "2026-01-02T00:00:00Z"},
            "2026-01-01T00:00:00Z",
            "2026-01-01T00:00:00Z",
            "2026-01-02T00:00:00Z",
        ),
    ],
)
def test_the_window_at_a_time(fields: dict[str, Any], at: str, starts: str, ends: str) -> None:
    assert bounds(window_of(rule(**fields), ms(at))) == (ms(starts), ms(ends))


@pytest.mark.parametrize(
    ("fields", "at"),
    [
        ({"every": "day", "from": "2026-01-05T00:00:00Z"}, "2026-01-04T23:59:59.999Z"),
        ({"seconds": 90, "from": "2026-01-05T00:00:00Z"}, "2026-01-04T23:59:59.999Z"),
        ({"startsAt": "2026-01-01T00:00:00Z", "endsAt": "2026-01-02T00:00:00Z"}, "2025-12-31T23:59:59.999Z"),
        ({"startsAt": "2026-01-01T00:00:00Z", "endsAt": "2026-01-02T00:00:00Z"}, "2026-01-02T00:00:00Z"),
    ],
)
def test_outside_no_window_is_open(fields: dict[str, Any], at: str) -> None:
    assert window_of(rule(**fields), ms(at)) is None


repeating = st.builds(
    lambda length, anchor: rule(**length, **({"from": anchor} if anchor else {})),
    st.sampled_from([{"every": every} for every in ("hour", "day", "week", "month")])
    | st.builds(lambda seconds: {"seconds": seconds}, st.integers(1, 366 * 86_400)),
    ANCHORS,
)


@given(repeating, TIMES)
def test_repeating_windows_hold_the_time_and_follow_each_other(repeated: Rule, at_ms: int) -> None:
    window = window_of(repeated, at_ms)
    if window is None:
        assert repeated.from_ is not None
        assert at_ms < repeated.from_.timestamp() * 1000
        return
    assert window.starts_at_ms <= at_ms < window.ends_at_ms
    assert window_of(repeated, window.starts_at_ms) == window
    assert window_of(repeated, window.ends_at_ms - 1) == window
    following = window_of(repeated, window.ends_at_ms)
    assert following is not None
    assert following.starts_at_ms == window.ends_at_ms
    assert window_from_id(window.id) == window


@pytest.mark.parametrize(
    "text", ["", "w_", "w_1", "w_1_", "w_1_x!", "v_1_2", "w_01_2", "w_1_2_3", "w_+1_2", "w_1_ 2"]
)
def test_what_is_no_window_id_is_refused(text: str) -> None:
    with pytest.raises(WindowIdInvalid):
        window_from_id(text)
