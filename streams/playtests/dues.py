"""Deadlines that have come: of reserved slots, of blocked ones, of an order's applications, of key batches.

After an outage the overdue ones are asked for together, the longest due first. The log decides: a command
that comes too early, too late or twice changes nothing, so two timers are harmless. What was asked leaves the
list once its event is projected, and stays there otherwise: it is asked again in the next round.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from schemas.codec import Message
from schemas.playtests import names
from schemas.playtests.batch_commands import BatchDue
from schemas.playtests.commands import BlockDue, ReviewDue, SlotDue
from schemas.playtests.ports import DueReads, DueRow
from streams.asking import Asker, CommandRefused
from streams.gateway.pending_commands import CommandUnavailable

DUES_PER_TICK: Final = 10_000
AT_ONCE: Final = 1_000
"""Commands that wait for their answers: a few records' worth of one studio's."""

_log: Final = logging.getLogger(__name__)


class DueManager:
    """Asks `SlotDue`, `BlockDue`, `ReviewDue` and `BatchDue`."""

    def __init__(self, asker: Asker, dues: DueReads) -> None:
        self._asker = asker
        self._dues = dues

    async def tick(self, now_ms: int) -> int:
        """One round; return how many were answered. Raises StoreUnavailable."""
        rows = await self._dues.dues(now_ms, DUES_PER_TICK)
        room = asyncio.Semaphore(AT_ONCE)

        async def one(row: DueRow) -> bool:
            async with room:
                return await self._due(row)

        return sum(await asyncio.gather(*(one(row) for row in rows)))

    async def _due(self, row: DueRow) -> bool:
        aggregate_id, command = asked(row)
        try:
            await self._asker.ask(
                command,
                aggregate_id=aggregate_id,
                studio_id=row.studio_id,
                game_id=row.game_id,
            )
        except (CommandRefused, CommandUnavailable) as error:
            # One holds no other; it is due again next time.
            _log.warning("%s of %s waits: %s", command.WIRE, row.id, error)
            return False
        return True


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
