"""What the playtests drill's clients do to slots, from their submission to their end."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from deploy.lab.drill.playtests_history import Kind
from deploy.lab.drill.playtests_writes import Writes

if TYPE_CHECKING:
    from deploy.lab.drill.playtests_world import KnownSlot, Side
    from schemas.playtests.views import SlotStatus


class SlotMoves(Writes):
    """Each says whether there was something to be moved."""

    async def _submit(self, side: Side) -> bool:
        slot = side.some_slot(self._dice, "reserved")
        if slot is None or slot.who is None:
            return False
        upload = await self._clients.upload(slot.who, slot.id, f"{self._dice.getrandbits(64):x}")
        if upload is not None:
            body = {"uploadId": upload, "notes": "It crashed once."}
            await self._on_slot(side, slot, "submit", "submitted", body=body)
        return True

    async def _accept(self, side: Side) -> bool:
        """Sometimes with a reject at the same time."""
        slot = side.some_slot(self._dice, "submitted")
        if slot is None:
            return False
        both = [self._accepted(side, slot)]
        if self._dice.random() < 0.3:
            both.append(self._rejected(side, slot, retry=self._dice.random() < 0.5))
        await asyncio.gather(*both)
        return True

    async def _accepted(self, side: Side, slot: KnownSlot) -> None:
        body = {"rating": self._dice.randint(1, 5)} if self._dice.random() < 0.5 else {}
        to: SlotStatus = "publishing" if slot.order.public else "accepted"
        await self._on_slot(side, slot, "accept", to, body=body)

    async def _reject(self, side: Side) -> bool:
        slot = side.some_slot(self._dice, "submitted")
        if slot is not None:
            await self._rejected(side, slot, retry=False)
        return slot is not None

    async def _retry(self, side: Side) -> bool:
        slot = side.some_slot(self._dice, "submitted")
        if slot is not None:
            await self._rejected(side, slot, retry=True)
        return slot is not None

    async def _rejected(self, side: Side, slot: KnownSlot, *, retry: bool) -> None:
        kind: Kind = "reject-with-retry" if retry else "reject"
        body = {"reason": "Too short", "allowRetry": retry}
        if await self._on_slot(side, slot, kind, "rejected", body=body) and retry:
            await self._look(side, slot.order)

    async def _abandon(self, side: Side) -> bool:
        slot = side.some_slot(self._dice, "reserved")
        if slot is None or slot.who is None:
            return False
        if await self._on_slot(side, slot, "abandon", "cancelled"):
            await self._look(side, slot.order)
        return True

    async def _block(self, side: Side) -> bool:
        slot = side.some_slot(self._dice, "reserved")
        if slot is None or slot.who is None:
            return False
        body = {"reasonCode": "crash", "notes": "After the intro."}
        await self._on_slot(side, slot, "block", "blocked", body=body)
        return True

    async def _unblock(self, side: Side) -> bool:
        slot = side.some_slot(self._dice, "blocked")
        if slot is not None:
            await self._on_slot(side, slot, "unblock", "reserved")
        return slot is not None

    async def _cancel_slot(self, side: Side) -> bool:
        slot = side.some_slot(self._dice, "blocked")
        if slot is not None:
            await self._on_slot(side, slot, "cancel-slot", "cancelled")
        return slot is not None

    async def _rate(self, side: Side) -> bool:
        slot = side.some_slot(self._dice, "accepted", "publishing")
        if slot is None:
            return False
        body = {"score": self._dice.randint(1, 5), "comment": "Thanks"}
        answer = await self._write(
            side.owner, f"/playtests/slots/{slot.id}/rating", "rate", slot.id, body=body
        )
        if answer.ok or answer.reason == "wrong_status":
            self._asked(self._record.slots[slot.id], answer, "rate", ok=answer.ok)
        return True

    async def _anything(self, side: Side) -> bool:
        """A write to a slot whatever its status: most are refused."""
        slot = side.some_slot(
            self._dice, "reserved", "submitted", "accepted", "rejected", "cancelled", "blocked"
        )
        if slot is None or slot.who is None:
            return False
        way = self._dice.choice(("accept", "reject", "abandon", "unblock", "block"))
        match way:
            case "accept":
                await self._accepted(side, slot)
            case "reject":
                await self._rejected(side, slot, retry=False)
            case "block":
                body = {"reasonCode": "other"}
                await self._on_slot(side, slot, "block", "blocked", body=body)
            case "unblock":
                await self._on_slot(side, slot, "unblock", "reserved")
            case _:
                if await self._on_slot(side, slot, "abandon", "cancelled"):
                    await self._look(side, slot.order)
        return True
