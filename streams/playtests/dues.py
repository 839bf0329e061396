"""Deadlines that have come: of reserved slots, of blocked ones, of an order's applications, of key batches.

After an outage the overdue ones are asked for together, the longest due first.
"""

from __future__ import annotations

from schemas.codec import Message
from schemas.playtests import names
from schemas.playtests.batch_commands import BatchDue
from schemas.playtests.order_commands import ReviewDue
from schemas.playtests.ports import DueReads, DueRow
from schemas.playtests.slot_commands import BlockDue, SlotDue
from streams.asking import Asker
from streams.dues import DUES_PER_TICK, Due, ask_all


class DueManager:
    """Asks `SlotDue`, `BlockDue`, `ReviewDue` and `BatchDue`."""

    def __init__(self, asker: Asker, dues: DueReads) -> None:
        self._asker = asker
        self._dues = dues

    async def tick(self, now_ms: int) -> int:
        """One round; return how many were answered. Raises StoreUnavailable."""
        return await ask_all(self._asker, map(_due, await self._dues.dues(now_ms, DUES_PER_TICK)))


def _due(row: DueRow) -> Due:
    aggregate_id, command = asked(row)
    return Due(studio_id=row.studio_id, game_id=row.game_id, aggregate_id=aggregate_id, command=command)


def asked(row: DueRow) -> tuple[str, Message]:
    """Whose aggregate a deadline is of, and what is asked then. ValueError for an id that is no slot's."""
    if row.kind == "batch":
        return names.batch_aggregate(row.studio_id, row.game_id, row.id), BatchDue(batch_id=row.id)
    if row.kind == "review":
        return names.order_aggregate(row.studio_id, row.id), ReviewDue(order_id=row.id)
    place = names.place_of("slot", row.id)
    if place is None:
        raise ValueError(f"{row.id!r} is no slot's id")
    order = names.order_aggregate(row.studio_id, place[0])
    return order, BlockDue(slot_id=row.id) if row.kind == "block" else SlotDue(slot_id=row.id)
