"""A page of servers' lines: where it starts, and how the next one is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec import UNSET

from projections.fleet.queries.logs import LogFilter, LogPlace, place_of
from schemas.edge.zod import no_match
from schemas.fleet.log_times import time_of
from schemas.fleet.responses import LogEntry
from schemas.fleet.validation import refuse
from schemas.timestamps import iso_ms

if TYPE_CHECKING:
    from projections.fleet.queries.logs import FleetLogs


class Start(msgspec.Struct, frozen=True, gc=False):
    """Where a page starts: at a time, or behind a line."""

    since_ms: int
    after: LogPlace | None = None


class LogPage(msgspec.Struct, frozen=True, gc=False):
    """Lines, and the token behind the last one; None where it is the last page."""

    entries: list[LogEntry]
    next_token: str | None


def starting(text: str | None, default_ms: int, now_ms: int) -> Start:
    """Where `start_time` says that a page starts. Raises `Refused` (422)."""
    if text is None:
        return Start(default_ms)
    after = place_of(text)
    if after is not None:
        return Start(after.at_ms, after)
    since_ms = time_of(text, now_ms)
    if since_ms is None:
        refuse([no_match(["start_time"])])
    return Start(since_ms)


async def log_page(logs: FleetLogs, wanted: LogFilter, limit: int, *, named: bool) -> LogPage:
    """The page; with servers' names where they are `named`. Raises StoreUnavailable."""
    lines = await logs.lines(wanted, limit + 1)
    shown = lines[:limit]
    entries = [
        LogEntry(
            timestamp=iso_ms(line.place.at_ms),
            message=line.message,
            level=line.level,
            instance=line.instance_id,
            region=line.region,
            server_name=line.server_name if named else UNSET,
        )
        for line in shown
    ]
    return LogPage(entries, shown[-1].place.token if len(lines) > limit else None)
