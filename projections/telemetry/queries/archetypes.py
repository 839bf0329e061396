"""The testers that archetypes are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from projections.telemetry.queries.filters import Conditions

if TYPE_CHECKING:
    from projections.telemetry.queries.client import Queries

TESTERS_MAX: Final = 500


async def tester_count(queries: Queries, studio_id: str, game_id: str, environment: str) -> int:
    """How many testers have an analyzed session in an environment; at most the 500 analyzed last."""
    conditions = (
        Conditions(studio_id)
        .equal("game_id", "game", game_id)
        .equal("environment", "environment", environment)
        .holds("type = 'session-summary' AND removed = 0 AND player_id != ''")
    )
    rows = await queries.query(
        f"SELECT least(uniqExact(player_id), {TESTERS_MAX}) FROM insights FINAL WHERE {conditions}",  # noqa: S608
        conditions.parameters,
    )
    return int(rows[0][0])
