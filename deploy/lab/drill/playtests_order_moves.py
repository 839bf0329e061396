"""What the playtests drill's clients do about orders: credit, payments, claims, cancelling, changes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from deploy.lab.drill.playtests_world import KnownOrder
from deploy.lab.drill.playtests_writes import Writes

if TYPE_CHECKING:
    from deploy.lab.drill.playtests_clients import Answered, Caller
    from deploy.lab.drill.playtests_world import Side

TOP_UP_CENTS: Final = 1_000_000


class OrderMoves(Writes):
    """Each says whether there was something to be moved."""

    async def fund(self, side: Side) -> None:
        """A top-up that the provider completes, told twice."""
        answer = await self._write(
            side.owner, "/billing/credit", "top_up", body={"amountCents": TOP_UP_CENTS}
        )
        await self._tell(answer, "payment.completed")
        await self._tell(answer, "payment.completed")

    async def _tell(self, opened: Answered, kind: str, amount: int = TOP_UP_CENTS) -> None:
        event = {
            "id": self._new_id(),
            "type": kind,
            "paymentId": opened.data["paymentId"],
            "amountCents": amount,
            "externalId": "drill",
        }
        status, text = await self._clients.provider_event(event)
        if status not in {200, 409}:
            self._record.wrong.append(f"{kind}: {status} {text[:200]!r}")

    async def _top_up(self, side: Side) -> bool:
        """Ends once: completed and failed are told at the same time, or another amount first."""
        unpaid = side.some_order(self._dice, {"pending_payment"})
        body: dict[str, Any] = {"amountCents": TOP_UP_CENTS}
        if unpaid is not None and self._dice.random() < 0.5:
            body["playtestId"] = unpaid.id
        answer = await self._write(side.owner, "/billing/credit", "top_up", body=body)
        if not answer.ok:
            return True
        if self._dice.random() < 0.3:
            await self._tell(answer, "payment.completed", TOP_UP_CENTS - 1)
        second = "payment.failed" if self._dice.random() < 0.2 else "payment.completed"
        await asyncio.gather(self._tell(answer, "payment.completed"), self._tell(answer, second))
        if "playtestId" in body and unpaid is not None:
            await self._look(side, unpaid)
        return True

    async def _order(self, side: Side) -> bool:
        dice = self._dice
        quantity, manual = dice.randint(1, 4), dice.random() < 0.25
        body: dict[str, Any] = {
            "quantity": quantity,
            "visibility": dice.choice(("private", "private", "public")),
            "durationMinutes": dice.choice((30, 60)),
            "playerCount": dice.choice((1, 1, 2)),
            "selectionMode": "manual" if manual else "automatic",
            "payFromCredit": dice.random() < 0.75,
        }
        if dice.random() < 0.3:
            keys = quantity + dice.randint(0, quantity)
            body["keysForTesters"] = [f"{dice.getrandbits(64):016x}" for _ in range(keys)]
        if dice.random() < 0.15:
            body["targetingType"] = "new"
        slug, game_id = dice.choice(list(side.games.items()))
        path = f"/games/{dice.choice((slug, game_id))}/playtests"
        answer = await self._write(side.owner, path, "order", game_id, body=body)
        if answer.ok:
            made = answer.data["playtest"]
            order = KnownOrder(made["id"], manual, body["visibility"] == "public", made["status"])
            side.orders[order.id] = order
            self._opened(side, order, answer)
        return True

    async def _pay(self, side: Side) -> bool:
        """Two pays at once, or a pay and a cancel: one happens first."""
        order = side.some_order(self._dice, {"pending_payment"})
        if order is None:
            return False
        path = f"/playtests/{order.id}"
        other = self._cancelled(side, order) if self._dice.random() < 0.2 else self._paid(side, order, path)
        await asyncio.gather(self._paid(side, order, path), other)
        return True

    async def _paid(self, side: Side, order: KnownOrder, path: str) -> None:
        answer = await self._write(side.owner, f"{path}/pay", "pay", order.id)
        if answer.ok:
            self._opened(side, order, answer)

    async def _claim(self, side: Side) -> bool:
        order = side.some_order(self._dice, {"active"}, manual=False)
        if order is None:
            return False
        hands = self._dice.sample(side.panel, 2)
        await asyncio.gather(*(self._claimed(side, order, who) for who in hands))
        return True

    async def _claimed(self, side: Side, order: KnownOrder, who: Caller) -> None:
        answer = await self._write(who, f"/playtests/{order.id}/claim", "claim", order.id)
        if answer.ok:
            slot = side.seen(order, answer.data["slot"]["id"], "reserved", who.playtester_id)
            self._asked(self._record.slots[slot.id], answer, "claim", "reserved")
            await self._read(side, slot)
        elif answer.reason == "no_open_slot":
            self._asked(self._record.orders[order.id], answer, "none-open")

    async def _cancel_order(self, side: Side) -> bool:
        order = side.some_order(self._dice, {"active", "pending_payment"})
        if order is not None:
            await self._cancelled(side, order)
        return order is not None

    async def _cancelled(self, side: Side, order: KnownOrder) -> None:
        answer = await self._write(side.owner, f"/playtests/{order.id}/cancel", "cancel_order", order.id)
        if answer.ok:
            order.status = "cancelled"
            self._asked(self._record.orders[order.id], answer, "cancel-order")
            await self._look(side, order)

    async def _change(self, side: Side) -> bool:
        order = side.some_order(self._dice, {"active"})
        if order is None:
            return False
        body = {"notesForTesters": self._dice.choice(("Look left", None))}
        await self._write(side.owner, f"/playtests/{order.id}", "change", order.id, body=body, method="PATCH")
        who = self._dice.choice(side.panel)
        profile = {"displayName": f"Tester {self._dice.randint(1, 99)}"}
        await self._write(who, "/playtests/me", "change_me", body=profile, method="PATCH")
        return True
