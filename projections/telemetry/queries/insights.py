"""Insights, newest first, by studio or by session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from projections.telemetry.queries.filters import Conditions, counted
from projections.telemetry.queries.session_ids import owners, public_id
from projections.telemetry.queries.url_pieces import in_pieces

if TYPE_CHECKING:
    from collections.abc import Mapping

    from projections.telemetry.queries.client import Queries

_CREATED: Final = "toUnixTimestamp64Milli(created_at)"
_COLUMNS: Final = (
    "insight_id, player_id, type, sentiment, confidence, evidence, event_ids, place, tag, "
    f"{_CREATED} AS created"
)
SESSION_INSIGHTS_MAX: Final = 1000
OF_TYPE_MAX: Final = 50
"""Of one type in one session, where many sessions are read."""


class Insight(msgspec.Struct, frozen=True):
    """One finding. `session_id` is the public one; `created_at` is unix milliseconds.

    Without a place `place` is empty; `device_id` is empty too where older rules have found it.
    """

    id: str
    game_id: str
    session_id: str
    device_id: str
    type: str
    sentiment: str
    confidence: float
    evidence: str
    event_ids: list[str]
    place: str
    tag: str
    created_at: int


class InsightFilters(msgspec.Struct, frozen=True, kw_only=True):
    """Which insights; None means all. Bounds are inclusive."""

    game_id: str | None = None
    build: str | None = None
    type: str | None = None
    sentiment: str | None = None
    since_ms: int | None = None
    until_ms: int | None = None


async def list_insights(
    queries: Queries, studio_id: str, filters: InsightFilters, *, limit: int, offset: int
) -> tuple[list[Insight], int]:
    """A page of a studio's insights, newest first, then by id; and how many there are in all."""
    conditions = (
        Conditions(studio_id)
        .equal("game_id", "game", filters.game_id)
        .equal("build_id", "build", filters.build)
        .equal("type", "type", filters.type)
        .equal("sentiment", "sentiment", filters.sentiment)
        .between(_CREATED, filters.since_ms, filters.until_ms)
        .holds("removed = 0")
    )
    rows, total = await counted(
        queries,
        f"game_id, session_id, owner, {_COLUMNS}",
        f"FROM (SELECT * FROM insights FINAL WHERE {conditions}) AS s "  # noqa: S608
        f"LEFT JOIN ({owners()}) AS o ON s.session_id = o.owned_id ORDER BY created DESC, insight_id",
        conditions,
        limit=limit,
        offset=offset,
    )
    return [_insight(row[0], public_id(*row[:3]), row[3:]) for row in rows], total


async def insights_of(
    queries: Queries, studio_id: str, game_id: str, given_id: str, shown_id: str
) -> list[Insight]:
    """Every insight of one session, in the order of `list_insights`."""
    conditions = (
        Conditions(studio_id)
        .equal("game_id", "game", game_id)
        .equal("session_id", "session", given_id)
        .holds("removed = 0")
    )
    rows = await queries.query(
        f"SELECT {_COLUMNS} FROM insights FINAL WHERE {conditions} "  # noqa: S608
        f"ORDER BY created DESC, insight_id LIMIT {SESSION_INSIGHTS_MAX}",
        conditions.parameters,
    )
    return [_insight(game_id, shown_id, row) for row in rows]


async def insights_of_sessions(
    queries: Queries, studio_id: str, game_id: str, shown: Mapping[str, str]
) -> dict[str, list[Insight]]:
    """The insights of a game's sessions by shown id, in the order of `list_insights`.

    `shown` has each session's given id and the one to show. Of each type in a session the OF_TYPE_MAX most
    certain ones.
    """
    found: dict[str, list[Insight]] = {}
    for some in in_pieces(list(shown), str):
        conditions = (
            Conditions(studio_id)
            .equal("game_id", "game", game_id)
            .holds("session_id IN {ids:Array(String)}", ids=some)
            .holds("removed = 0")
        )
        rows = await queries.query(
            f"SELECT session_id, {_COLUMNS} FROM insights FINAL WHERE {conditions} "  # noqa: S608
            f"ORDER BY confidence DESC, insight_id LIMIT {OF_TYPE_MAX} BY session_id, type",
            conditions.parameters,
        )
        for given_id, *row in rows:
            insight = _insight(game_id, shown[given_id], row)
            found.setdefault(insight.session_id, []).append(insight)
    for insights in found.values():
        insights.sort(key=lambda insight: (-insight.created_at, insight.id))
    return found


def _insight(game_id: str, shown_id: str, row: list[Any]) -> Insight:
    return Insight(row[0], game_id, shown_id, *row[1:])
