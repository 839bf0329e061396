"""How many testers have each tag, over any of a game's insights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from schemas.telemetry.friction import FRICTION_TYPES, PRAISE_TYPES, TagCount

if TYPE_CHECKING:
    from projections.telemetry.queries.client import Queries
    from projections.telemetry.queries.filters import Conditions

_TAGS_MAX: Final = 1_000


async def tag_counts(queries: Queries, conditions: Conditions) -> list[TagCount]:
    """Tags of friction and praise by testers descending, then tag: the 1,000 of most testers.

    `conditions` are about the table `insights`.
    """
    rows = await queries.query(
        "SELECT type, tag, uniqExactIf(player_id, player_id != '') AS testers FROM insights FINAL "  # noqa: S608
        f"WHERE {conditions} AND removed = 0 AND type IN {{types:Array(String)}} GROUP BY type, tag "
        f"HAVING testers > 0 ORDER BY testers DESC, tag, type LIMIT {_TAGS_MAX}",
        conditions.parameters | {"types": [*FRICTION_TYPES, *PRAISE_TYPES]},
    )
    return [TagCount(*row) for row in rows]
