"""What the playtests drill's clients do about applications, two things to one at once among it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from deploy.lab.drill.playtests_world import KnownApplication
from deploy.lab.drill.playtests_writes import Writes

if TYPE_CHECKING:
    from deploy.lab.drill.playtests_world import Side


class ApplicationMoves(Writes):
    """Each says whether there was something to be moved."""

    async def _apply(self, side: Side) -> bool:
        order = side.some_order(self._dice, {"active"}, manual=True)
        if order is None:
            return False
        who = self._dice.choice(side.panel)
        body = {"qualificationsResponse": "I have a headset."}
        answer = await self._write(who, f"/playtests/{order.id}/apply", "apply", order.id, body=body)
        if answer.ok:
            made = answer.data["application"]["id"]
            side.applications[made] = KnownApplication(made, order, who)
        return True

    async def _review(self, side: Side) -> bool:
        """An application is approved, rejected or withdrawn, or two of these at once."""
        pending = [one for one in list(side.applications.values())[-200:] if one.pending]
        if not pending:
            return False
        application = self._dice.choice(pending)
        ways = (self._approve, self._turn_down, self._withdraw)
        count = 2 if self._dice.random() < 0.3 else 1
        chosen = self._dice.choices(ways, (8, 1, 1), k=count)
        await asyncio.gather(*(way(side, application) for way in chosen))
        application.pending = False
        return True

    async def _approve(self, side: Side, application: KnownApplication) -> None:
        path = f"/playtest-applications/{application.id}/approve"
        prefix = self._dice.choice(("", "/playtests"))
        answer = await self._write(side.owner, prefix + path, "approve_application", application.id)
        if answer.ok:
            assigned = answer.data["assignedSlotId"]
            slot = side.seen(application.order, assigned, "reserved", application.who.playtester_id)
            self._asked(self._record.slots[assigned], answer, "approve-application", "reserved")
            await self._read(side, slot)

    async def _turn_down(self, side: Side, application: KnownApplication) -> None:
        path = f"/playtests/playtest-applications/{application.id}/reject"
        body = {"customMessage": "Next time."}
        await self._write(side.owner, path, "reject_application", application.id, body=body)

    async def _withdraw(self, side: Side, application: KnownApplication) -> None:
        del side
        path = f"/playtests/playtest-applications/{application.id}/withdraw"
        await self._write(application.who, path, "withdraw", application.id)
