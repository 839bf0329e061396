"""What is due, and what waits for the operator, of all studios."""

from __future__ import annotations

from projections.playtests import keys
from projections.playtests.read_rows import BatchedReads, known, order_of
from schemas.playtests.ports import DueRow, OrderRow, Place


class DueQueries(BatchedReads):
    """Implements `DueReads`, and `OperatorReads` but for payouts, of `schemas.playtests.ports`."""

    async def dues(self, now_ms: int, limit: int) -> list[DueRow]:
        """What is due, the longest due first."""
        (flat,) = await self._read(("until", keys.DUES, str(now_ms), str(limit)))
        rows = []
        for member, due_at_ms in zip(flat[::2], flat[1::2], strict=True):
            kind, studio_id, identifier, game_id = member.decode().split("/", 3)
            rows.append(
                DueRow(
                    kind=kind,
                    studio_id=studio_id,
                    game_id=game_id,
                    id=identifier,
                    due_at_ms=int(float(due_at_ms)),
                )
            )
        return rows

    async def owed(self, studio_id: str, limit: int) -> list[tuple[str, int]]:
        """A studio's playtesters with a balance to be paid out, and that in cents, the smallest first."""
        (flat,) = await self._read(("slice", f"owed:{studio_id}", "0", str(limit)))
        return [(name.decode(), int(float(cents))) for name, cents in zip(flat[::2], flat[1::2], strict=True)]

    async def trials(self, *, limit: int, before: Place | None = None) -> list[OrderRow]:
        """Free trials of all studios that wait for the operator, by (activated_at_ms, id)."""
        return known(map(order_of, await self._rows(keys.TRIALS, "order:", limit, before)))
