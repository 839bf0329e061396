"""Times as ClickHouse reads them in inserted rows and parameters."""

from __future__ import annotations

from schemas.timestamps import iso_ms


def time_of(at_ms: int) -> str:
    """The text of a DateTime64(3, 'UTC'), of unix milliseconds."""
    return iso_ms(at_ms)[:-1].replace("T", " ")
