"""Finalized boards and old ledger rows in ClickHouse. Implements `schemas.liveops.ports.FinalBoardReads`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from schemas.liveops.ports import BoardEntryRow, LedgerRow
from schemas.liveops.views import Movement

if TYPE_CHECKING:
    from projections.telemetry.queries.client import Queries

_ENTRY: Final = (
    "SELECT rank, external_id, score, toUnixTimestamp64Milli(achieved_at), is_bot"
    " FROM liveops_final_entries FINAL WHERE board_id = {board:String}"
)
_LEDGER: Final = (
    "SELECT number, type, key, toInt64(amount), toInt64(balance), cause, command_id, reason, grant_id,"
    " table_version, seed, toUnixTimestamp64Milli(at) FROM liveops_ledger FINAL"
    " WHERE game_id = {game:String} AND external_id = {player:String} AND number < {number:UInt64}"
    " ORDER BY number DESC LIMIT {limit:UInt32}"
)
_MOVEMENT: Final = (
    *("number", "type", "key", "amount", "balance", "cause", "command_id", "reason", "grant_id"),
    *("table_version", "seed"),
)


class ClickHouseFinals:
    """Reads of one process. Raises StoreUnavailable while ClickHouse is away or has no tables yet."""

    def __init__(self, queries: Queries) -> None:
        self._queries = queries

    async def final_entries(self, board_id: str, limit: int) -> list[BoardEntryRow]:
        """The first `limit` frozen ranks; empty while ClickHouse has not got them yet."""
        rows = await self._queries.query(
            f"{_ENTRY} AND rank <= {{limit:UInt32}} ORDER BY rank", {"board": board_id, "limit": limit}
        )
        return [_entry(row) for row in rows]

    async def final_entry(self, board_id: str, external_id: str) -> BoardEntryRow | None:
        """One player's frozen rank. A bot of that name is not meant."""
        rows = await self._queries.query(
            f"{_ENTRY} AND external_id = {{player:String}} AND NOT is_bot LIMIT 1",
            {"board": board_id, "player": external_id},
        )
        return _entry(rows[0]) if rows else None

    async def ledger_before(self, game_id: str, external_id: str, number: int, limit: int) -> list[LedgerRow]:
        """Movements with a number below `number`, newest first."""
        rows = await self._queries.query(
            _LEDGER, {"game": game_id, "player": external_id, "number": number, "limit": limit}
        )
        return [
            LedgerRow(
                movement=msgspec.convert(dict(zip(_MOVEMENT, row[:-1], strict=True)), Movement), at_ms=row[-1]
            )
            for row in rows
        ]


def _entry(row: list[Any]) -> BoardEntryRow:
    rank, external_id, score, achieved_at_ms, is_bot = row
    return BoardEntryRow(
        rank=rank,
        external_id=external_id,
        score=float(score),
        achieved_at_ms=achieved_at_ms,
        is_bot=bool(is_bot),
    )
