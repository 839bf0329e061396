"""What every dashboard question shares: the SELECT it is, the filters it obeys, the client that asks it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec

from projections.telemetry.queries.chosen_sessions import of_chosen_sessions

if TYPE_CHECKING:
    from collections.abc import Mapping

MINUTE_MS: Final = 60_000
BUCKETS_MAX: Final = 402
"""400 days, which may begin and end within a day, widened to whole minutes."""
_BUCKET_MINUTES: Final = (1, 2, 5, 15, 30, 60, 180, 360, 720, 1440)


class Query(msgspec.Struct, frozen=True):
    """One SELECT with ClickHouse's own `{name:Type}` placeholders; no value is spliced into the text."""

    sql: str
    parameters: dict[str, Any]


class QueryClient(Protocol):
    """Asks ClickHouse. Raises `schemas.edge.ports.StoreUnavailable` when it can't answer in time."""

    async def select(self, sql: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Rows as dicts by column name; 64-bit integers may come as int or as decimal text."""
        ...


class Filters(msgspec.Struct, frozen=True):
    """What the page is looking at. An empty text means all of them.

    `platform` and `country` are of sessions; `played_by` is a device or a tester's handle.

    `since_ms` and `until_ms` are unix milliseconds on whole minutes, so that per-minute rollups can answer.
    """

    studio_id: str
    game_id: str
    build: str
    environment: str
    since_ms: int
    until_ms: int
    platform: str = ""
    country: str = ""
    played_by: str = ""

    def bucket_minutes(self) -> int:
        """Minutes in one bar of a time chart: the finest step that stays under 200 bars."""
        minutes = max(1, (self.until_ms - self.since_ms) // MINUTE_MS)
        return next((step for step in _BUCKET_MINUTES if minutes / step < 200), _BUCKET_MINUTES[-1])

    def parameters(self) -> dict[str, Any]:
        """Values of the placeholders that `tenant`, `scope`, `during` and `overlapping` leave."""
        return {
            "studio": self.studio_id,
            "game": self.game_id,
            "build": self.build,
            "environment": self.environment,
            "platform": self.platform,
            "country": self.country,
            "played_by": self.played_by,
            "since": self.since_ms,
            "until": self.until_ms,
            "before": 2 * self.since_ms - self.until_ms,
            "bucket": self.bucket_minutes(),
        }

    def tenant(self) -> str:
        """Keeps tenants apart: every SELECT over facts holds this condition."""
        return "studio_id = {studio:String} AND game_id = {game:String}"

    def of_sessions(self) -> str:
        """What platform, country and tester ask of a row's session; empty where none is chosen."""
        return of_chosen_sessions(
            platform=bool(self.platform), country=bool(self.country), played_by=bool(self.played_by)
        )

    def scope(self) -> str:
        """The tenant's rows of the chosen build and environment, and of the chosen sessions."""
        conditions = [self.tenant()]
        if self.build:
            conditions.append("build_id = {build:String}")
        if self.environment:
            conditions.append("environment = {environment:String}")
        if chosen := self.of_sessions():
            conditions.append(chosen)
        return " AND ".join(conditions)

    def during(self, column: str = "occurred_at", *, since: str = "since") -> str:
        """`scope`, and `column` in [since, until). `since="before"` doubles the range backwards."""
        return f"{self.scope()} AND {column} >= {moment(since)} AND {column} < {moment('until')}"

    def during_minutes(self) -> str:
        """As `during`, put on whole minutes: what the `by_minute` rollup of `events` can answer."""
        return self.during("toStartOfMinute(occurred_at)")

    def overlapping(self, since: str = "since", until: str = "until") -> str:
        """`scope`, for rows of `sessions` that were going on at any time in [since, until)."""
        return f"{self.scope()} AND last_event_at >= {moment(since)} AND first_event_at < {moment(until)}"

    def buckets(self) -> list[int]:
        """Start of every bucket of the range, unix seconds, empty ones included."""
        step = self.bucket_minutes() * 60
        first = self.since_ms // 1000 // step * step
        return list(range(first, max(first + 1, self.until_ms // 1000), step))[:BUCKETS_MAX]

    def minutes_within(self, start: int) -> float:
        """How many minutes of the bucket that starts at that unix second lie in the range."""
        until = min(start + self.bucket_minutes() * 60, self.until_ms // 1000)
        return (until - max(start, self.since_ms // 1000)) / 60


def moment(parameter: str) -> str:
    """SQL of the placeholder's unix milliseconds as a time."""
    return f"fromUnixTimestamp64Milli({{{parameter}:Int64}}, 'UTC')"


def bucket_of(column: str) -> str:
    """SQL of the unix second at which the bucket of `column` starts; agrees with `Filters.buckets`."""
    return f"intDiv(toUnixTimestamp({column}), {{bucket:UInt32}} * 60) * {{bucket:UInt32}} * 60"


def newest_first(build: str, first_ms: int) -> tuple[int, list[tuple[int, int, str]]]:
    """Sort key, to be reversed: builds by the hour they were first seen in, then as version numbers read."""
    words = re.findall(r"[0-9]{1,18}|[^0-9]+", build)
    return first_ms // 3_600_000, [(1, int(w), "") if w.isdecimal() else (0, 0, w) for w in words]


def number(value: Any) -> float | None:
    """A finite float, or None where there was nothing to measure (ClickHouse says nan or null)."""
    if value is None:
        return None
    found = float(value)
    return round(found, 3) if found == found and abs(found) != float("inf") else None  # noqa: PLR0124 - nan differs from itself
