"""What the operator does about money and trials, and orders that depend on who has played before."""

from __future__ import annotations

import asyncio
import uuid
from typing import TYPE_CHECKING, Any, Final

from deploy.lab.drill.playtests_world import KnownOrder
from schemas.edge.ports import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from deploy.lab.drill.playtests_clients import Answered, Caller
    from deploy.lab.drill.playtests_world import Record, Side
    from deploy.lab.simulation.faults import Faults
    from deploy.lab.simulation.playtests.gateways import SimulatedS2
    from deploy.lab.simulation.playtests.links import SimulatedLinks

CENTS: Final = 5_000
_WEIGHTS: Final = {
    "trial": 4,
    "decide": 4,
    "past": 3,
    "adjust": 2,
    "pay_out": 4,
    "fail_payout": 2,
    "spares": 3,
    "earn": 8,
    "pool": 4,
}
_ONE: Final[dict[str, Any]] = {
    "quantity": 1,
    "visibility": "private",
    "durationMinutes": 30,
    "playerCount": 1,
    "payFromCredit": True,
}


class OperatorMoves:
    """Takes one turn after the other for a studio."""

    def __init__(
        self, s2: SimulatedS2, links: SimulatedLinks, record: Record, faults: Faults, side: Side
    ) -> None:
        self._s2 = s2
        self._links = links
        self._record = record
        self._dice = faults.dice
        self._side = side
        self._trials: list[str] = []
        self._moves: dict[str, Callable[[], Awaitable[None]]] = {
            name: getattr(self, f"_{name}") for name in _WEIGHTS
        }

    async def turn(self) -> None:
        """One move."""
        (name,) = self._dice.choices(list(_WEIGHTS), list(_WEIGHTS.values()))
        await self._moves[name]()

    async def _ordered(
        self, game_id: str, body: dict[str, Any], *, public: bool, shared: bool = True
    ) -> str | None:
        """An order that others may play too, where it is `shared`: they record what they do to its slots."""
        answer = await self._write(f"/games/{game_id}/playtests", "order", game_id, body=body)
        if not answer.ok:
            return None
        made = answer.data["playtest"]
        if not shared:
            return str(made["id"])
        order = KnownOrder(made["id"], manual=False, public=public, status=made["status"])
        self._side.orders[order.id] = order
        for told in answer.data.get("slots", []):
            self._side.seen(order, told["id"], "open", None)
        return order.id

    async def _write(
        self,
        path: str,
        operation: str,
        *ids: str,
        body: dict[str, Any],
        method: str = "POST",
        who: Caller | None = None,
    ) -> Answered:
        key = str(uuid.UUID(int=self._dice.getrandbits(128), version=4))
        answer = await self._s2.write(
            who or self._side.owner, path, key, operation=operation, ids=ids, body=body, method=method
        )
        self._record.answered.append(answer)
        return answer

    async def _trial(self) -> None:
        """A game's free trial, ordered twice at once."""
        game_id = self._dice.choice(list(self._side.games.values()))
        body = {"isFreePublicTrial": True}
        made = await asyncio.gather(*(self._ordered(game_id, body, public=True) for _ in range(2)))
        self._trials += [one for one in made if one is not None]

    async def _decide(self) -> None:
        """A trial is approved, or declined, or both at once."""
        if not self._trials:
            return
        order_id = self._trials[-1]
        ways = self._dice.choice(((True,), (True,), (False,), (True, False)))
        await asyncio.gather(*(self._decided(order_id, approve=way) for way in ways))

    async def _decided(self, order_id: str, *, approve: bool) -> None:
        await self._links.operated(lambda operation: operation.decide_trial(order_id, approve=approve))

    async def _past(self) -> None:
        """For those whose submission was accepted."""
        body = _ONE | {"targetingType": "past", "pastPlaytesterScope": "any"}
        await self._ordered(self._dice.choice(list(self._side.games.values())), body, public=False)

    async def _earn(self) -> None:
        """A playtest from its order to its acceptance, so that money is owed."""
        who, game_id = self._dice.choice(self._side.panel), self._dice.choice(list(self._side.games.values()))
        order_id = await self._ordered(game_id, _ONE, public=False, shared=False)
        if order_id is None:
            return
        claimed = await self._write(f"/playtests/{order_id}/claim", "claim", order_id, body={}, who=who)
        if not claimed.ok:
            return
        slot_id = claimed.data["slot"]["id"]
        upload = await self._s2.upload(who, slot_id, f"{self._dice.getrandbits(64):x}")
        path = f"/playtests/slots/{slot_id}"
        if upload is not None:
            await self._write(f"{path}/submit", "submit", slot_id, body={"uploadId": upload}, who=who)
            await self._write(f"{path}/accept", "accept", slot_id, body={})

    async def _pool(self) -> None:
        """Several apply for one slot at once, and one or two are approved at once."""
        game_id = self._dice.choice(list(self._side.games.values()))
        manual = _ONE | {"selectionMode": "manual"}
        order_id = await self._ordered(game_id, manual, public=False, shared=False)
        if order_id is None:
            return
        text = {"qualificationsResponse": "I have a headset."}
        applied = await asyncio.gather(
            *(
                self._write(f"/playtests/{order_id}/apply", "apply", order_id, body=text, who=who)
                for who in self._dice.sample(self._side.panel, 3)
            )
        )
        made = [answer.data["application"]["id"] for answer in applied if answer.ok]
        await asyncio.gather(
            *(
                self._write(f"/playtest-applications/{one}/approve", "approve_application", one, body={})
                for one in made[: self._dice.randrange(1, 3)]
            )
        )

    async def _spares(self) -> None:
        """More keys, some of them had before."""
        order = self._side.some_order(self._dice, {"active"})
        if order is not None:
            keys = {f"spare-{self._dice.randrange(6)}" for _ in range(2)}
            body = {"keysForTesters": sorted(keys)}
            await self._write(f"/playtests/{order.id}", "change", order.id, body=body, method="PATCH")

    async def _adjust(self) -> None:
        """Credit is given or taken, by two at once."""
        cents = self._dice.choice((CENTS, -CENTS, -(10**6)))
        await asyncio.gather(
            *(
                self._links.operated(
                    lambda operation: self._of_studio(
                        operation, lambda studio: operation.credit(studio, cents, "simulated")
                    )
                )
                for _ in range(2)
            )
        )

    async def _pay_out(self) -> None:
        """All that a playtester is owed, sent twice at once."""
        try:
            owed = await self._links.reads.owed(self._side.studio_id, 10)
        except StoreUnavailable:
            return
        if not owed:
            return
        who, cents = self._dice.choice(owed)
        await asyncio.gather(
            *(
                self._links.operated(
                    lambda operation: self._of_studio(
                        operation, lambda studio: operation.sent(studio, who, cents)
                    )
                )
                for _ in range(2)
            )
        )

    async def _fail_payout(self) -> None:
        """It came back, told twice at once."""
        try:
            sent = await self._links.reads.payouts(self._side.studio_id, limit=10)
        except StoreUnavailable:
            return
        if not sent:
            return
        payout = self._dice.choice(sent).id
        await asyncio.gather(
            *(
                self._links.operated(
                    lambda operation: self._of_studio(
                        operation, lambda studio: operation.failed(studio, payout)
                    )
                )
                for _ in range(2)
            )
        )

    async def _of_studio(self, operation: Any, act: Callable[[Any], Awaitable[Any]]) -> None:
        await act(await operation.studio(self._side.studio_id))
