"""Times that S5's log routes are asked for: ISO 8601, an age, or a token. Pure."""

from __future__ import annotations

import re
from typing import Final

from schemas.timestamps import TimestampError, unix_ms

_AGE: Final = re.compile(r"-([0-9]{1,9})([smhd])")
_UNITS_MS: Final = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


def time_of(text: str, now_ms: int) -> int | None:
    """Unix milliseconds of a time or an age (`-30s`, `-5m`, `-1h`, `-2d`); None for what is neither."""
    age = _AGE.fullmatch(text)
    if age is not None:
        return max(0, now_ms - int(age[1]) * _UNITS_MS[age[2]])
    try:
        return unix_ms(text)
    except TimestampError:
        return None
