"""Times as ClickHouse reads them in inserted rows and parameters."""

from __future__ import annotations

from schemas.timestamps import iso_ms


def time_of(at_ms: int) -> str:
    """The text of a DateTime64(3, 'UTC'), of unix milliseconds."""
    return iso_ms(at_ms)[:-1].replace("T", " ")


def optional_time(at_ms: int | None) -> str | None:
    """The same of a Nullable(DateTime64(3, 'UTC'))."""
    return None if at_ms is None else time_of(at_ms)
