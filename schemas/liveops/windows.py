"""Windows: when an event runs, as a pure function of its definition and a time.

A window's id says when it starts and ends, so a holder of one needs no definition to know. Windows are half
open: `starts_at_ms` belongs to the window, `ends_at_ms` to the next. All calendar is UTC: weeks begin on
Monday, unless `from` says where to count from; before `from` no window is open.
"""

from __future__ import annotations

import calendar
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

import msgspec

from schemas.studio.definitions_events import Window as WindowRule
from schemas.studio.definitions_events import utc

_HOUR: Final = 3_600_000
_DAY: Final = 24 * _HOUR
_MONDAY_MS: Final = 4 * _DAY
"""1970-01-05, the first Monday."""
_FIXED: Final = {"hour": (_HOUR, 0), "day": (_DAY, 0), "week": (7 * _DAY, _MONDAY_MS)}
WINDOWS_REMEMBERED: Final = 1_024
"""By their ids: every progress names its window, and reading an id costs as much as its row."""
_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"


class Window(msgspec.Struct, frozen=True):
    """One run of an event, unix milliseconds; the end is outside."""

    starts_at_ms: int
    ends_at_ms: int

    @property
    def id(self) -> str:
        """`w_<start>_<end>` in base 36: the same start and end are the same window."""
        return f"w_{_base36(self.starts_at_ms)}_{_base36(self.ends_at_ms)}"


class WindowIdInvalid(ValueError):
    """The text is no window id."""


def window_of(rule: WindowRule, at_ms: int) -> Window | None:
    """The window that is open at a time; None when none is. `rule` has passed `event_problems`."""
    if rule.starts_at is not None and rule.ends_at is not None:
        window = Window(_unix_ms(rule.starts_at), _unix_ms(rule.ends_at))
        return window if window.starts_at_ms <= at_ms < window.ends_at_ms else None
    anchor = _unix_ms(rule.from_) if rule.from_ is not None else None
    if anchor is not None and at_ms < anchor:
        return None
    if rule.every == "month":
        return _month(anchor or 0, at_ms)
    if rule.every is not None:
        length, origin = _FIXED[rule.every]
    else:
        length, origin = (rule.seconds or 1) * 1000, 0
    start = at_ms - (at_ms - (origin if anchor is None else anchor)) % length
    return Window(start, start + length)


@lru_cache(maxsize=WINDOWS_REMEMBERED)
def window_from_id(window_id: str) -> Window:
    """The window an id names. Raises `WindowIdInvalid`."""
    head, _, rest = window_id.partition("_")
    start, _, end = rest.partition("_")
    try:
        window = Window(int(start, 36), int(end, 36))
    except ValueError:
        raise WindowIdInvalid(f"{window_id!r} is no window id") from None
    if head != "w" or window.id != window_id:
        raise WindowIdInvalid(f"{window_id!r} is no window id")
    return window


def _month(anchor_ms: int, at_ms: int) -> Window:
    """Months from an anchor: the anchor's day and time each month, the month's last day where it has none."""
    anchor = datetime.fromtimestamp(anchor_ms / 1000, UTC)
    at = datetime.fromtimestamp(at_ms / 1000, UTC)
    months = (at.year - anchor.year) * 12 + at.month - anchor.month
    if _months_after(anchor, months) > at_ms:
        months -= 1
    return Window(_months_after(anchor, months), _months_after(anchor, months + 1))


def _months_after(anchor: datetime, months: int) -> int:
    year, month = divmod(anchor.year * 12 + anchor.month - 1 + months, 12)
    day = min(anchor.day, calendar.monthrange(year, month + 1)[1])
    return _unix_ms(anchor.replace(year=year, month=month + 1, day=day))


def _unix_ms(time: datetime) -> int:
    return round(utc(time).timestamp() * 1000)


def _base36(number: int) -> str:
    if number < 0:
        return "-" + _base36(-number)
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
    return digits or "0"
