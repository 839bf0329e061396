"""What the playtests drill's clients do: every write of S2, races of two at once among them."""

from __future__ import annotations

import asyncio
import uuid
from typing import TYPE_CHECKING, Any, Final

from deploy.lab.drill.playtests_history import Kind, SlotOperation
from deploy.lab.drill.playtests_world import KnownApplication, KnownOrder

if TYPE_CHECKING:
    import random
    from collections.abc import Awaitable, Callable

    from deploy.lab.drill.playtests_clients import Answered, Caller, Speaker
    from deploy.lab.drill.playtests_world import KnownSlot, Record, Side
    from schemas.playtests.views import SlotStatus

TOP_UP_CENTS: Final = 1_000_000
_STATUSES: Final = frozenset({200, 201, 400, 402, 404, 409})
"""What a well-formed write may be answered."""
_ROUTES: Final = {"reject-with-retry": ("reject", "reject"), "cancel-slot": ("cancel_slot", "cancel")}
"""Operation and path of a command of the slots' table, where they are called otherwise."""
_TAKEN: Final = ("reserved", "submitted", "accepted", "rejected", "cancelled", "blocked")
_WEIGHTS: Final = {
    "order": 8,
    "pay": 4,
    "top_up": 2,
    "claim": 24,
    "apply": 9,
    "review": 8,
    "submit": 18,
    "accept": 9,
    "reject": 3,
    "retry": 4,
    "abandon": 3,
    "block": 4,
    "unblock": 3,
    "cancel_slot": 1,
    "cancel_order": 1,
    "rate": 1,
    "change": 1,
    "anything": 3,
}


class Moves:
    """Takes one turn after the other, for any of the studios."""

    def __init__(self, clients: Speaker, record: Record, dice: random.Random) -> None:
        self._clients = clients
        self._record = record
        self._dice = dice
        self._moves: dict[str, Callable[[Side], Awaitable[bool]]] = {
            name: getattr(self, f"_{name}") for name in _WEIGHTS
        }

    async def turn(self, side: Side) -> None:
        """One move; where nothing is there to be moved, an order."""
        (name,) = self._dice.choices(list(_WEIGHTS), list(_WEIGHTS.values()))
        if not await self._moves[name](side):
            await self._order(side)

    async def _write(
        self,
        caller: Caller,
        path: str,
        operation: str,
        *ids: str,
        body: dict[str, Any] | None = None,
        method: str = "POST",
    ) -> Answered:
        answer = await self._clients.write(
            caller, path, self._new_id(), operation=operation, ids=ids, body=body, method=method
        )
        self._record.answered.append(answer)
        if answer.status not in _STATUSES:
            self._record.wrong.append(f"{operation} {path}: {answer.status} {answer.text[:200]!r}")
        return answer

    def _new_id(self) -> str:
        return str(uuid.UUID(int=self._dice.getrandbits(128), version=4))

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

    def _opened(self, side: Side, order: KnownOrder, answer: Answered) -> None:
        """The slots that an answer says are open now."""
        order.status = answer.data["playtest"]["status"]
        for told in answer.data.get("slots", []):
            side.seen(order, told["id"], "open", None)
            self._asked(self._record.slots[told["id"]], answer, "create", "open")

    def _asked(
        self,
        history: list[SlotOperation],
        answer: Answered,
        kind: Kind,
        status: Any = None,
        *,
        ok: bool = True,
    ) -> None:
        history.append(
            SlotOperation(
                kind=kind,
                status=status,
                ok=ok,
                invoked_s=answer.invoked_s,
                returned_s=answer.returned_s,
            )
        )

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

    async def _on_slot(
        self, side: Side, slot: KnownSlot, kind: Kind, to: SlotStatus, *, body: dict[str, Any] | None = None
    ) -> bool:
        """A write to a slot, by whom it is for, and a read after it. Whether it succeeded."""
        operation, route = _ROUTES.get(kind, (kind, kind))
        caller = slot.who if kind in {"submit", "abandon", "block"} and slot.who else side.owner
        path = f"/playtests/slots/{slot.id}/{route}"
        answer = await self._write(caller, path, operation, slot.id, body=body)
        if answer.ok:
            slot.status = to
            self._asked(self._record.slots[slot.id], answer, kind, to)
        elif answer.reason == "wrong_status":
            self._asked(self._record.slots[slot.id], answer, kind, ok=False)
        await self._read(side, slot)
        return answer.ok

    async def _read(self, side: Side, slot: KnownSlot) -> None:
        """One read of a slot as part of its history, and what its clients know from then on."""
        status, data, invoked_s = await self._clients.get(side.owner, f"/playtests/slots/{slot.id}")
        if status == 200:
            self._was_read(side, slot.order, data["slot"], invoked_s)

    async def _look(self, side: Side, order: KnownOrder) -> None:
        """Read an order and all of its slots: successors and retries are found so."""
        status, data, _ = await self._clients.get(side.owner, f"/playtests/{order.id}")
        if status == 200:
            order.status = data["playtest"]["status"]
        status, data, invoked_s = await self._clients.get(
            side.owner, f"/playtests/{order.id}/slots?limit=100"
        )
        for told in data["slots"] if status == 200 else ():
            self._was_read(side, order, told, invoked_s)

    def _was_read(self, side: Side, order: KnownOrder, told: dict[str, Any], invoked_s: float) -> None:
        playtester = told["playtester"]
        side.seen(order, told["id"], told["status"], playtester["id"] if playtester else None)
        self._record.slots[told["id"]].append(
            SlotOperation(
                kind="read", status=told["status"], invoked_s=invoked_s, returned_s=self._clients.now_s()
            )
        )
