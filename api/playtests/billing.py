"""An owner's reads of money: credit, top-ups, ledger."""

from __future__ import annotations

from api.playtests.http import Asked, Shown, place_of
from schemas.playtests import json as shapes
from schemas.playtests import responses
from schemas.playtests.ports import Place, PlaytestReads
from schemas.playtests.requests import not_found


class BillingRoutes:
    """Handlers of authorized requests."""

    def __init__(self, reads: PlaytestReads) -> None:
        self._reads = reads

    async def balance(self, asked: Asked) -> Shown:
        """The studio's credit."""
        cents = await self._reads.balance(asked.caller.studio_id)
        return Shown(data=responses.Balance(balance_cents=cents, currency="USD"))

    async def payments(self, asked: Asked) -> Shown:
        """Top-ups, newest first."""
        rows, more = asked.cut(await self._reads.payments(asked.caller.studio_id, **asked.page))
        data = responses.Payments(payments=[shapes.payment(row) for row in rows])
        return Shown(data=data, more=more, last=place_of(rows))

    async def payment(self, asked: Asked) -> Shown:
        """A top-up."""
        row = await self._reads.payment(asked.name("paymentId"))
        if row is None or row.studio_id != asked.caller.studio_id:
            raise not_found()
        return Shown(data=responses.OnePayment(payment=shapes.payment(row)))

    async def ledger(self, asked: Asked) -> Shown:
        """Every movement of the credit, newest first."""
        rows, more = asked.cut(await self._reads.ledger(asked.caller.studio_id, **asked.page))
        data = responses.Ledger(ledger=[shapes.movement(row) for row in rows])
        return Shown(data=data, more=more, last=Place(rows[-1].at_ms, rows[-1].id) if rows else None)
