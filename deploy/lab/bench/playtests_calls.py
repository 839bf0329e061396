"""Calls of S2 as the bench makes them: targets of a load, writes one by one, and a studio's credit."""

from __future__ import annotations

import secrets
import uuid
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

from deploy.brokers import brokers_of
from deploy.clock import now_ms
from deploy.command_clients import open_commands
from deploy.lab.bench.calls import Target
from deploy.lab.bench.load import OrderRefusedError
from deploy.nouns import topic_of
from deploy.redis_server import open_redis
from projections.playtests.keys import STORED
from projections.redis.stores import NounStores
from schemas.playtests import names
from schemas.playtests.account_commands import AdjustAccount
from schemas.playtests.commands import COMMANDS
from schemas.playtests.noun import PLAYTESTS_COMMANDS
from streams.asking import Asker
from streams.runtime.producer import KafkaAppender

if TYPE_CHECKING:
    import aiohttp

    from deploy.lab.drill.playtests_clients import Caller
    from deploy.settings import Settings


def write(path: str, caller: Caller, key: str, body: str = "{}") -> Target:
    """A write with its key and credential."""
    return Target(path, f"{bearer(caller)}idempotency-key: {key}\r\n", body)


def claim(order_id: str, who: Caller) -> Target:
    """A claim, which the same caller may ask for again."""
    return write(f"/api/v1/playtests/{order_id}/claim", who, claim_key(order_id, who))


async def post(
    session: aiohttp.ClientSession,
    path: str,
    caller: Caller,
    body: dict[str, Any] | None = None,
    key: str = "",
) -> Any:
    """The data of a write that succeeds. Raises OrderRefusedError."""
    headers = {"authorization": f"Bearer {caller.key}", "idempotency-key": key or uuid.uuid4().hex}
    async with session.post(path, headers=headers, json=body or {}) as answer:
        if answer.status >= 300:
            raise OrderRefusedError(f"POST {path}: {answer.status} {await answer.text()}")
        return (await answer.json())["data"]


async def credit(configured: Settings, studio_id: str, cents: int) -> None:
    """Give a studio credit, as its operator. Raises CommandRefused and CommandUnavailable."""
    async with AsyncExitStack() as stack:
        redis = open_redis(configured)
        stack.push_async_callback(redis.aclose)
        appender = KafkaAppender(brokers_of(configured), client_id="questlog-bench")
        stack.push_async_callback(appender.stop)
        topic = topic_of(configured, PLAYTESTS_COMMANDS)
        stores = NounStores(STORED, [redis])
        commands = await open_commands(stack, topic, stores, appender=appender, client="bench")
        asker = Asker(commands, COMMANDS, clock_ms=now_ms, randomness=secrets.token_bytes)
        await asker.ask(
            AdjustAccount(amount_cents=cents, reason="bench"),
            aggregate_id=names.account_aggregate(studio_id),
            studio_id=studio_id,
            game_id="",
        )


def bearer(caller: Caller) -> str:
    """The header line of a credential."""
    return f"authorization: Bearer {caller.key}\r\n"


def claim_key(order_id: str, who: Caller) -> str:
    """The idempotency key of a claim: the same for the same claim."""
    return f"{order_id}-{who.playtester_id}"
