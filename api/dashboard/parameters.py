"""Reads what the page asks for out of a query string."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from projections.telemetry.queries.dashboard_common import MINUTE_MS, Filters
from schemas.identifiers import ID_CHARACTERS_MAX, id_problem
from schemas.numbers import whole_of_text

if TYPE_CHECKING:
    from collections.abc import Mapping

TEXT_MAX: Final = 200
SPAN_MAX_MS: Final = 400 * 86_400_000
EARLIEST_MS: Final = 946_684_800_000  # 2000-01-01, the earliest time the ingest takes
LATEST_MS: Final = 32_503_680_000_000  # 3000-01-01
RANGE_PATTERN: Final = "([1-9][0-9]{0,3})([mhd])"
_RANGE: Final = re.compile(RANGE_PATTERN)
_UNIT_MS: Final = {"m": MINUTE_MS, "h": 60 * MINUTE_MS, "d": 1440 * MINUTE_MS}


class BadParameter(Exception):
    """A parameter that can't be read: its name, and a sentence."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name
        self.message = message


def read_filters(query: Mapping[str, str], studio_id: str, game_id: str, now_ms: int) -> Filters:
    """`build`, `env`, `platform`, `country` and `played_by`, and the time.

    That is either `range` (15m, 6h, 7d …, up to now) or `from` and `to` in unix milliseconds.

    The range is widened to whole minutes, the running one included. Raises BadParameter.
    """
    if "from" in query or "to" in query:
        since = _milliseconds(query, "from")
        until = _milliseconds(query, "to")
        if since >= until:
            raise BadParameter("from", "must be before `to`")
    else:
        until = (now_ms // MINUTE_MS + 1) * MINUTE_MS
        since = until - _range(query.get("range", "1h"))
    if until - since > SPAN_MAX_MS:
        raise BadParameter("range", "spans more than 400 days")
    return Filters(
        studio_id=studio_id,
        game_id=game_id,
        build=read_text(query, "build"),
        environment=read_text(query, "env"),
        since_ms=since // MINUTE_MS * MINUTE_MS,
        until_ms=-(-until // MINUTE_MS) * MINUTE_MS,
        platform=read_text(query, "platform"),
        country=read_text(query, "country"),
        played_by=read_text(query, "played_by", ID_CHARACTERS_MAX),
    )


def read_text(query: Mapping[str, str], name: str, longest: int = TEXT_MAX) -> str:
    """A text of at most so many characters, empty where it is missing. Raises BadParameter."""
    value = query.get(name, "")
    if len(value) > longest:
        raise BadParameter(name, f"is longer than {longest} characters")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise BadParameter(name, "is not valid text") from error
    return value


def read_id(query: Mapping[str, str], name: str) -> str:
    """An id that a client chose, empty where it is missing. Raises BadParameter."""
    value = query.get(name, "")
    problem = id_problem(value) if value else None
    if problem is not None:
        raise BadParameter(name, problem)
    return value


def read_number(query: Mapping[str, str], name: str, *, default: int, highest: int) -> int:
    """A whole number from 1. Raises BadParameter."""
    text = query.get(name)
    if text is None:
        return default
    value = whole_of_text(text)
    if value is None or not 1 <= value <= highest:
        raise BadParameter(name, f"must be a whole number from 1 to {highest}")
    return value


def _range(text: str) -> int:
    match = _RANGE.fullmatch(text)
    if match is None:
        raise BadParameter("range", "looks like 15m, 6h or 7d")
    return int(match[1]) * _UNIT_MS[match[2]]


def _milliseconds(query: Mapping[str, str], name: str) -> int:
    value = whole_of_text(query.get(name, ""))
    if value is None:
        raise BadParameter(name, "must be unix milliseconds")
    if not EARLIEST_MS <= value <= LATEST_MS:
        raise BadParameter(name, "is outside the years 2000 to 3000")
    return value
