"""How often each feedback form was answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from projections.telemetry.queries.filters import Conditions

if TYPE_CHECKING:
    from projections.telemetry.queries.client import Queries


async def response_counts(queries: Queries, studio_id: str, game_id: str) -> dict[str, int]:
    """Submissions by form id; a repeated submission counts once. Forms without one are not there."""
    conditions = Conditions(studio_id).equal("game_id", "game", game_id)
    rows = await queries.query(
        f"SELECT form_id, uniqExact(submission_id) FROM feedback WHERE {conditions} GROUP BY form_id",  # noqa: S608
        conditions.parameters,
    )
    return {form_id: int(count) for form_id, count in rows}
