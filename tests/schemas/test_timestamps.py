from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.timestamps import TimestampError, check_range, iso_ms, unix_ms

moments = st.datetimes(datetime(2000, 1, 1), datetime(2099, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
offsets = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))


def floor_ms(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


@given(moments, offsets)
def test_any_offset_is_the_same_instant(moment: datetime, offset: timezone) -> None:
    text = moment.astimezone(offset).isoformat()
    assert unix_ms(text) == unix_ms(text) == floor_ms(moment)


@given(moments, st.integers(0, 9), st.sampled_from(["", "Z", "z", "+00:00", "-0000", "+00"]))
def test_up_to_nine_digits_are_read_and_cut_to_milliseconds(moment: datetime, digits: int, zone: str) -> None:
    fraction = f"{moment.microsecond:06d}789"[:digits]
    text = f"{moment:%Y-%m-%dT%H:%M:%S}" + (f".{fraction}" if digits else "") + zone
    expected = int(moment.replace(microsecond=0).timestamp()) * 1000 + int(fraction.ljust(3, "0")[:3] or 0)
    assert unix_ms(text) == unix_ms(text) == expected


@given(moments)
def test_out_and_in_again(moment: datetime) -> None:
    assert unix_ms(iso_ms(floor_ms(moment))) == floor_ms(moment)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2026-02-12",
        "2026-02-30T10:00:00Z",
        "2026-02-12T25:00:00Z",
        "2026-02-12T10:00:00+24:00",
        "2026-02-12T10:00:00.Z",
        "2026-02-12T10:00:00.0123456789Z",
        "2026-02-12T10:00:00Zz",
        "2026-02-12T10:00:00.123²Z",
        "\uff12026-02-12T10:00:00Z",
        "1770890400",
        "2026-W07-4T10:00:00Z",
    ],
)
def test_what_is_no_timestamp(text: str) -> None:
    unix_ms("2026-02-12T10:00:00Z")
    with pytest.raises(TimestampError):
        unix_ms(text)


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        said: object = datetime.fromtimestamp(unix_ms(text) / 1000, tz=UTC)
    except TimestampError as refused:
        said = str(refused)
    assert said


def test_the_range_ends_24_hours_after_arrival() -> None:
    now = 1_770_890_400_000
    check_range(946_684_800_000, now)
    check_range(now + 86_400_000, now)
    for outside in (946_684_799_999, now + 86_400_001):
        with pytest.raises(TimestampError):
            check_range(outside, now)
