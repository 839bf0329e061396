"""Pages of S2's lists: the cursor, which holds where a page ended, and how a page is cut. Pure.

A list is newest first by (time, id), which never changes for a row: rows that come meanwhile are on no later
page, and none is on two.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from typing import Final, TypeVar

import msgspec

from schemas.playtests.ports import Place

LIMIT_DEFAULT: Final = 20
LIMIT_MAX: Final = 100
CURSOR_CHARACTERS_MAX: Final = 256
CURSOR_PATTERN: Final = "[A-Za-z0-9_-]+"
AT_MS_MAX: Final = 10_413_791_999_999
"""The end of the year 2299: the last millisecond that ClickHouse's DateTime64 holds."""
_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
RowT = TypeVar("RowT")


class _Held(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A cursor's content."""

    at: int
    id: str


def cursor_of(place: Place) -> str:
    """The cursor after a row: opaque to clients."""
    held = msgspec.json.encode(_Held(at=place.at_ms, id=place.id))
    return base64.urlsafe_b64encode(held).decode().rstrip("=")


def place_of(cursor: str) -> Place | None:
    """Where a cursor points; None where it is none of ours."""
    try:
        data = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        held = msgspec.json.decode(data, type=_Held)
    except (binascii.Error, ValueError):
        return None
    place = Place(held.at, held.id)
    good = 0 <= held.at <= AT_MS_MAX and _ID.fullmatch(held.id) is not None
    return place if good and cursor_of(place) == cursor else None


def cut(rows: Sequence[RowT], limit: int) -> tuple[list[RowT], bool]:
    """The first `limit` of rows of which one more was asked for, and whether there are more."""
    return list(rows[:limit]), len(rows) > limit
