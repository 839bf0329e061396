"""What the playtests drill's clients do: every write of S2, races of two at once among them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from deploy.lab.drill.playtests_application_moves import ApplicationMoves
from deploy.lab.drill.playtests_order_moves import OrderMoves
from deploy.lab.drill.playtests_slot_moves import SlotMoves

if TYPE_CHECKING:
    import random
    from collections.abc import Awaitable, Callable

    from deploy.lab.drill.playtests_clients import Speaker
    from deploy.lab.drill.playtests_world import Record, Side

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


class Moves(OrderMoves, ApplicationMoves, SlotMoves):
    """Takes one turn after the other, for any of the studios."""

    def __init__(self, clients: Speaker, record: Record, dice: random.Random) -> None:
        super().__init__(clients, record, dice)
        self._moves: dict[str, Callable[[Side], Awaitable[bool]]] = {
            name: getattr(self, f"_{name}") for name in _WEIGHTS
        }

    async def turn(self, side: Side) -> None:
        """One move; where nothing is there to be moved, an order."""
        (name,) = self._dice.choices(list(_WEIGHTS), list(_WEIGHTS.values()))
        if not await self._moves[name](side):
            await self._order(side)
