"""A write of the playtests drill with what follows from its answer: record, histories, what is known."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, Final

from deploy.lab.drill.playtests_history import Kind, SlotOperation
from deploy.lab.drill.playtests_world import KnownOrder

if TYPE_CHECKING:
    import random

    from deploy.lab.drill.playtests_clients import Answered, Caller, Speaker
    from deploy.lab.drill.playtests_world import KnownSlot, Record, Side
    from schemas.playtests.views import SlotStatus

_STATUSES: Final = frozenset({200, 201, 400, 402, 404, 409})
"""What a well-formed write may be answered."""
_ROUTES: Final = {"reject-with-retry": ("reject", "reject"), "cancel-slot": ("cancel_slot", "cancel")}
"""Operation and path of a command of the slots' table, where they are called otherwise."""


class Writes:
    """Writes and reads for any of the studios."""

    def __init__(self, clients: Speaker, record: Record, dice: random.Random) -> None:
        self._clients = clients
        self._record = record
        self._dice = dice

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
