"""The ClickHouse tables of liveops' events: movements, frozen ranks, scores, every event, and the economy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from projections.clickhouse.noun_tables import Rows, TableSet
from projections.liveops.economy_store import stored_totals
from projections.liveops.economy_totals import Move, rows_of
from projections.liveops.forgetting import forget
from projections.liveops.table_rows import COLUMNS, ECONOMY, PlayerGone, add_record
from schemas.liveops.noun import LIVEOPS_EVENTS

if TYPE_CHECKING:
    from projections.clickhouse.client import ClickHouse


async def _economy(client: ClickHouse, changes: Sequence[Move | PlayerGone], ends: Mapping[int, int]) -> Rows:
    moves = [one for one in changes if isinstance(one, Move)]
    return {ECONOMY: rows_of(moves, await stored_totals(client, moves), ends)}


def _compared(table: str) -> str:
    """Up to where a sum was counted when it was last written depends on the batches."""
    return "* EXCEPT next_offset" if table == ECONOMY else "*"


LIVEOPS_TABLES: Final = TableSet(
    topic=LIVEOPS_EVENTS.name,
    columns=COLUMNS,
    add=add_record,
    changed=_economy,
    forget=forget,
    compared=_compared,
)
