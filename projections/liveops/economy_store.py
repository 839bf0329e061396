"""Reads from ClickHouse the sums that movements will change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from projections.clickhouse.statements import BesideRows
from projections.liveops.economy_totals import Move, Place, Total, places

if TYPE_CHECKING:
    from collections.abc import Iterable

    from projections.clickhouse.client import ClickHouse

PLACES_PER_QUERY: Final = 1_000
_SELECT: Final = (
    "SELECT game_id, step, toUnixTimestamp(start), type, key, _partition, toString(minted), toString(spent),"
    " next_offset FROM liveops_economy FINAL"
    " WHERE (game_id, step, start, type, key, _partition) IN wanted"
)
_COLUMNS: Final = {
    "game_id": "String",
    "step": "UInt16",
    "start": "DateTime('UTC')",
    "type": "String",
    "key": "String",
    "_partition": "UInt16",
}


async def stored_totals(client: ClickHouse, moves: Iterable[Move]) -> dict[Place, Total]:
    """What is stored for the rows of these movements. Raises ClickHouseError."""
    wanted = sorted({place for move in moves for place in places(move)})
    found: dict[Place, Total] = {}
    for first in range(0, len(wanted), PLACES_PER_QUERY):
        rows = wanted[first : first + PLACES_PER_QUERY]
        beside = BesideRows("wanted", _COLUMNS, rows)
        for *place, minted, spent, next_offset in await client.rows(_SELECT, beside=beside):
            found[Place(*place)] = Total(int(minted), int(spent), int(next_offset))
    return found
