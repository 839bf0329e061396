"""Which settings of a request a read-only user may choose: the answer's form, and limits below its own."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from deploy.analysts import FORM_SETTINGS, LIMITS, ON_DISK
from deploy.stack.clickhouse_execution import EngineError, quote

if TYPE_CHECKING:
    from collections.abc import Mapping

_FIXED: Final = {
    "output_format_write_statistics": "0",  # they count the rows read, other studios' among them
    "use_query_condition_cache": "0",
} | ON_DISK
_OF_INSERTS: Final = frozenset({"async_insert", "wait_for_async_insert"})
"""Sent by JDBC's driver with every statement; a reader inserts nothing."""
_FORM: Final = re.compile(r"output_format_\w+|format_(?:csv|tsv|custom)_\w+")
_FILES: Final = frozenset({"output_format_schema"})
"""Settings of that form that name a file."""

MAY_CHOOSE: Final = (
    f"(name IN ({', '.join(map(quote, sorted(FORM_SETTINGS | LIMITS.keys())))})"
    f" OR match(name, {quote(f'^(?:{_FORM.pattern})$')})"
    f" AND name NOT IN ({', '.join(map(quote, sorted(_FILES | _FIXED.keys())))}))"
)
"""The same as a condition in SQL, on a column `name`: clients ask which settings they may send."""


def chosen(asked: Mapping[str, str]) -> dict[str, str]:
    """The settings that a reader's statement runs with, `readonly` and the filters apart.

    Raises EngineError 164 naming the first setting that a reader may not choose.
    """
    kept = {"result_overflow_mode": "throw"} | LIMITS
    for name, value in asked.items():
        if name in _OF_INSERTS or (name == "readonly" and value in {"1", "2"}):
            continue  # a reader has the stricter one anyway
        if name in LIMITS:
            kept[name] = _less(name, value)
        elif name in FORM_SETTINGS or (_FORM.fullmatch(name) and name not in _FILES | _FIXED.keys()):
            kept[name] = value
        elif _FIXED.get(name) != value:
            raise EngineError(
                164,
                f"Code: 164. DB::Exception: Cannot modify {name!r}: a read-only user sets the answer's form ("
                "output_format_*, session_timezone, join_use_nulls, final and their like) and lower the"
                f" limits {', '.join(LIMITS)}. (READONLY)",
            )
    return kept | _FIXED


def _less(name: str, value: str) -> str:
    highest = float(LIMITS[name])
    try:
        wanted = float(value)
    except ValueError:
        wanted = -1
    if not 0 <= wanted < float("inf"):
        raise EngineError(36, f"Code: 36. DB::Exception: {name} must be a number from 0 up. (BAD_ARGUMENTS)")
    return LIMITS[name] if wanted == 0 or wanted > highest else value  # 0: no limit but the reader's own
