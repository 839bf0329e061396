"""Timestamps at the edge: ISO 8601 text or unix milliseconds in, integer unix milliseconds inside.

What is accepted is the contract's: `YYYY-MM-DDThh:mm:ss`, 0 to 9 fractional digits, `Z`, an offset or no zone
at all (then it is UTC), from 2000-01-01 to 24 hours after arrival. Milliseconds are the resolution kept:
further digits are cut off, never rounded, so that a time is never moved past its arrival.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

EARLIEST_MS: Final = 946_684_800_000
"""2000-01-01T00:00:00Z."""
AHEAD_MS_MAX: Final = 24 * 60 * 60 * 1000
"""How far ahead of its arrival a client's time may be."""

_SECONDS_CACHE_MAX: Final = 4096
_TEXT = re.compile(
    r"(\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d)(?:[.,](\d{1,9}))?(?:([Zz])|([+-])(\d\d)(?::?(\d\d))?)?",
    re.ASCII,
)
_second_of: dict[str, int] = {}
"""Unix milliseconds of the seconds seen lately, by their first 19 characters."""
_TAILS: Final = {"": 0, "Z": 0, "+00:00": 0} | {
    f".{millisecond:03d}{zone}": millisecond for millisecond in range(1000) for zone in ("", "Z", "+00:00")
}


class TimestampError(ValueError):
    """Text that is no timestamp of the contract; the message is for the client."""


def unix_ms(text: str) -> int:
    """Unix milliseconds of a timestamp text; range is not checked. Raises `TimestampError`.

    Events of one batch mostly share their second, so the second's part is looked up before it is parsed.
    """
    second = _second_of.get(text[:19])
    if second is not None:
        tail = text[19:]
        millisecond = _TAILS.get(tail)
        if millisecond is not None:
            return second + millisecond
        rest = tail[4:-1] if tail[-1] == "Z" else tail[4:-6] if tail[-6:] == "+00:00" else "?"
        if rest.isdigit() and rest.isascii() and len(rest) <= 6:
            millisecond = _TAILS.get(tail[:4])
            if millisecond is not None:
                return second + millisecond
    return _parse(text)


def _parse(text: str) -> int:
    match = _TEXT.fullmatch(text)
    if match is None:
        raise TimestampError("expected an ISO 8601 timestamp such as 2026-02-12T10:00:00Z")
    local, fraction, _, sign, hours, minutes = match.groups()
    second = _second_of.get(local)
    if second is None:
        try:
            second = int(datetime.fromisoformat(local.upper()).replace(tzinfo=UTC).timestamp()) * 1000
        except ValueError as error:
            raise TimestampError(f"no such time: {error}") from None
        if len(_second_of) >= _SECONDS_CACHE_MAX:
            _second_of.clear()
        _second_of[local] = second
    offset = 0
    if sign is not None:
        if int(hours) > 23 or int(minutes or 0) > 59:
            raise TimestampError("the zone offset must lie between -23:59 and +23:59")
        offset = (int(hours) * 60 + int(minutes or 0)) * (60_000 if sign == "+" else -60_000)
    return second - offset + (int(fraction[:3].ljust(3, "0")) if fraction else 0)


def check_range(at_ms: int, arrived_at_ms: int) -> None:
    """Raise `TimestampError` unless the time lies between 2000-01-01 and 24 hours after arrival."""
    if at_ms < EARLIEST_MS:
        raise TimestampError("the time is before 2000-01-01")
    if at_ms > arrived_at_ms + AHEAD_MS_MAX:
        raise TimestampError("the time is more than 24 hours ahead")


def iso_ms(at_ms: int) -> str:
    """ISO 8601 UTC with milliseconds, the form that S2 to S5 show."""
    second, millisecond = divmod(at_ms, 1000)
    return f"{_iso_second(second)}.{millisecond:03d}Z"


@lru_cache(maxsize=1024)
def _iso_second(second: int) -> str:
    """Answers of one moment mostly share their second."""
    return f"{datetime.fromtimestamp(second, UTC):%Y-%m-%dT%H:%M:%S}"
