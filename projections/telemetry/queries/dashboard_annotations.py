"""What stands at a moment of a time chart: a build's first session, and what the game's definition says."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from projections.telemetry.queries.dashboard_common import Query, moment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from projections.telemetry.queries.dashboard_common import Filters

BUILDS_MAX: Final = 20


class Annotation(msgspec.Struct, frozen=True):
    """One moment (unix milliseconds) and what to write at it."""

    at: int
    text: str
    by: Literal["build", "definition"]


def first_builds_query(filters: Filters) -> Query:
    """Rows (build, at): builds whose first event of all lies in the range, the newest first."""
    return Query(
        f"""
        SELECT toString(build_id) AS build, toUnixTimestamp64Milli(min(first_event_at)) AS at
        FROM session_parts WHERE {filters.tenant()} AND build_id != '' AND notEmpty(spans)
        GROUP BY build
        HAVING min(first_event_at) >= {moment("since")} AND min(first_event_at) < {moment("until")}
        ORDER BY at DESC LIMIT {BUILDS_MAX}
        """,  # noqa: S608 - the text holds placeholders only
        filters.parameters(),
    )


def read_annotations(
    filters: Filters, rows: Sequence[dict[str, Any]], declared: Sequence[dict[str, Any]]
) -> list[Annotation]:
    """Those of builds and those of the definition that lie in the range, by time."""
    found = [Annotation(int(row["at"]), f"{row['build']} first seen", "build") for row in rows]
    for one in declared:
        at_ms = int(datetime.fromisoformat(one["at"]).timestamp() * 1000)
        if filters.since_ms <= at_ms < filters.until_ms:
            found.append(Annotation(at_ms, one["text"], "definition"))
    return sorted(found, key=lambda one: (one.at, one.text))
