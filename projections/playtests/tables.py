"""The ClickHouse tables of playtests, and the ledgers that are read of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from projections.clickhouse.noun_tables import TableSet
from projections.clickhouse.times import time_of
from projections.playtests.forgetting import forget
from projections.playtests.table_changes import changed_rows
from projections.playtests.table_columns import COLUMNS
from projections.playtests.table_rows import add_record
from schemas.playtests.account_views import LedgerRow
from schemas.playtests.noun import PLAYTESTS_EVENTS

if TYPE_CHECKING:
    from projections.telemetry.queries.client import Queries
    from schemas.playtests.ports import Place

PLAYTESTS_TABLES: Final = TableSet(
    topic=PLAYTESTS_EVENTS.name, columns=COLUMNS, add=add_record, changed=changed_rows, forget=forget
)
_COLUMNS: Final = (
    *("id", "number", "type", "amount_cents", "balance_cents", "order_id", "slot_id", "payment_id"),
    *("payout_id", "reason"),
)
_LEDGER: Final = (
    "SELECT id, number, type, amount_cents, balance_cents, playtest_id, slot_id, payment_id, payout_id,"
    " reason, toUnixTimestamp64Milli(at) FROM playtest_ledger FINAL"
    " WHERE studio_id = {studio:String} AND playtester_id = {playtester:String}"
)
_BEFORE: Final = (
    " AND at <= {at:DateTime64(3, 'UTC')} AND (at, id) < ({at:DateTime64(3, 'UTC')}, {id:String})"
)


class ClickHouseLedgers:
    """Implements `PlaytestLedgers`. Raises StoreUnavailable while ClickHouse is away or has no tables yet."""

    def __init__(self, queries: Queries) -> None:
        self._queries = queries

    async def ledger(
        self, studio_id: str, playtester_id: str, *, limit: int, before: Place | None = None
    ) -> list[LedgerRow]:
        """A playtester's movements, a studio's where none is named, by (at_ms, id)."""
        parameters: dict[str, Any] = {"studio": studio_id, "playtester": playtester_id, "limit": limit}
        if before is not None:
            parameters |= {"at": time_of(before.at_ms), "id": before.id}
        rows = await self._queries.query(
            f"{_LEDGER}{'' if before is None else _BEFORE} ORDER BY at DESC, id DESC LIMIT {{limit:UInt32}}",
            parameters,
        )
        return [_row(row) for row in rows]


def _row(row: list[Any]) -> LedgerRow:
    *values, at_ms = row
    columns = dict(zip(_COLUMNS, values, strict=True))
    for name in ("order_id", "slot_id", "payment_id", "payout_id", "reason"):
        columns[name] = columns[name] or None
    return LedgerRow(at_ms=int(at_ms), **columns)
