"""What is read over HTTP after a drill, against the drill's own model, and answers asked for once more."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence

    from deploy.lab.drill.playtests_accounts import Order
    from deploy.lab.drill.playtests_clients import Answered, Clients
    from deploy.lab.drill.playtests_model import Model
    from deploy.lab.drill.playtests_world import Side

READS_AT_ONCE: Final = 32


async def reads_that_differ(clients: Clients, sides: Sequence[Side], model: Model) -> tuple[int, list[str]]:
    """Read balances, orders with their money and slots, and earnings: how many reads, what differs."""
    room = asyncio.Semaphore(READS_AT_ONCE)

    async def ask(check: Awaitable[list[str]]) -> list[str]:
        async with room:
            return await check

    checks = [_balance(clients, side, model) for side in sides]
    checks += [_earned(clients, side, model, who) for side in sides for who in side.by_id]
    checks += [
        _order(clients, side, order_id, order)
        for side in sides
        for order_id, order in model.studios[side.studio_id].orders.items()
    ]
    found = await asyncio.gather(*(ask(check) for check in checks))
    return len(checks), [problem for problems in found for problem in problems]


async def _balance(clients: Clients, side: Side, model: Model) -> list[str]:
    answer = await clients.read(side.owner, "/billing/balance")
    held, own = answer["data"]["balanceCents"], model.studios[side.studio_id].account.balance
    return [] if held == own else [f"studio {side.studio_id} has {held}, the model {own}"]


async def _earned(clients: Clients, side: Side, model: Model, who: str) -> list[str]:
    answer = await clients.read(side.by_id[who], "/playtests/me")
    held, own = answer["data"]["balanceCents"], model.studios[side.studio_id].panel[who].balance
    return [] if held == own else [f"playtester {who} has {held}, the model {own}"]


async def _order(clients: Clients, side: Side, order_id: str, order: Order) -> list[str]:
    shown = (await clients.read(side.owner, f"/playtests/{order_id}"))["data"]["playtest"]
    listed = await clients.read(side.owner, f"/playtests/{order_id}/slots?limit=100")
    own: dict[str, Any] = {
        "status": order.status,
        "money": {
            "paidCents": order.paid,
            "heldCents": order.held,
            "payoutCents": order.paid_out,
            "feeCents": order.fees,
            "creditedCents": order.credited,
        },
    }
    problems = [
        f"{order_id} {name} is {shown[name]}, not {own[name]}" for name in own if shown[name] != own[name]
    ]
    statuses = sorted(slot["status"] for slot in listed["data"]["slots"])
    if statuses != sorted(seat.status for seat in order.slots.values()):
        problems.append(f"{order_id} lists slots {statuses}")
    if any(shown["slots"][status] != statuses.count(status) for status in shown["slots"]):
        problems.append(f"{order_id} counts slots as {shown['slots']}, and lists {statuses}")
    return problems


def is_remembered(answer: Answered) -> bool:
    """Whether a retry gets the answer again, once its command was decided. 402 is not remembered."""
    return answer.status in {200, 201, 409}


async def answers_that_differ(clients: Clients, answered: Sequence[Answered]) -> list[str]:
    """Ask each once more with its key; those that are answered otherwise."""
    room = asyncio.Semaphore(READS_AT_ONCE)

    async def one(answer: Answered) -> list[str]:
        async with room:
            again = await clients.again(answer)
        if (again.status, again.shown) == (answer.status, answer.shown):
            return []
        return [f"{answer.path} {answer.key}: {answer.shown[:120]!r}, then {again.shown[:120]!r}"]

    return [problem for found in await asyncio.gather(*map(one, answered)) for problem in found]
