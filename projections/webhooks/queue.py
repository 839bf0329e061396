"""The waiting deliveries in Redis: a line for each (target, player), lines by when they are due.

Keys: `webhooks:line:<line>` deliveries by sequence · `webhooks:due:<target>` lines by time ·
`webhooks:retry:<target>` line -> `attempts:next try` · `webhooks:targets` those with lines ·
`webhooks:waiting` target -> deliveries · `webhooks:positions` of the reader. Beside every projection's
generation: no rebuild touches them, because what was sent can't be sent anew.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, Final, cast

import msgspec
from redis.asyncio import Redis

from projections.redis.client import AWAY
from projections.redis.scripts import Script
from projections.webhooks.notifications import Dropped
from schemas.edge.ports import StoreUnavailable
from schemas.log_positions import Position
from schemas.webhooks import Delivery, LeasedDelivery

_PUT: Final = Script("webhooks_put")
_TAKE: Final = Script("webhooks_take")
_SETTLE: Final = Script("webhooks_settle")
_DROP: Final = Script("webhooks_drop")
_encode: Final = msgspec.msgpack.Encoder().encode
_decoder: Final = msgspec.msgpack.Decoder(Delivery)
POSITIONS: Final = "webhooks:positions"
_WAITING: Final = "webhooks:waiting"
REPLAYS: Final = "replays/0"
"""Stands for a reader in `put` where a delivery is put back by hand."""


class WebhookQueue:
    """Every method is one script or command and raises StoreUnavailable."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def position(self, at: str) -> Position:
        """The position of `<log id>/<partition>`; the beginning where nothing is held."""
        return Position.of(await self._run(self._redis.hget(POSITIONS, at)))

    async def put(self, at: str, *, expected: int, position: Position, deliveries: Sequence[Delivery]) -> int:
        """Take deliveries and position together; return the next offset that the store holds.

        Another than the position's says that the store's position was not `expected`: nothing was written.
        """
        arguments: list[str | bytes] = [at, str(expected), position.text]
        for one in deliveries:
            arguments += (one.target, one.line, str(one.sequence), _encode(one), str(one.queued_at_ms))
        reply = await self._run(_PUT.run(self._redis, *arguments))
        return position.offset if reply[0] == b"put" else int(reply[1])

    async def drop(self, dropped: Dropped) -> None:
        """Remove what waits for a game's targets, those of former definitions too, in a subject's lines.

        What is under way to a target arrives there. Called twice: nothing more.
        """
        await self._run(_DROP.run(self._redis, *dropped))

    async def put_back(self, delivery: Delivery) -> None:
        """Put a delivery into its line once more, due at once."""
        held = (await self.position(REPLAYS)).offset
        while True:
            position = Position(held + 1)
            held = await self.put(REPLAYS, expected=held, position=position, deliveries=[delivery])
            if held == position.offset:
                return

    async def take(
        self, now_ms: int, *, lease_ms: int, total: int, per_target: int, fewer: Mapping[str, int]
    ) -> list[LeasedDelivery]:
        """First deliveries of lines that are due, at most `total`, of one target at most `per_target`.

        `fewer` names targets that may have less than that now. No other worker gets them for `lease_ms`.
        """
        arguments = [str(now_ms), str(lease_ms), str(total), str(per_target)]
        for target, most in fewer.items():
            arguments += (target, str(most))
        flat: list[bytes] = await self._run(_TAKE.run(self._redis, *arguments))
        return [
            LeasedDelivery(_decoder.decode(member), int(attempts), member)
            for attempts, member in zip(flat[2::4], flat[3::4], strict=True)
        ]

    async def done(self, taken: LeasedDelivery, now_ms: int) -> None:
        """It was delivered, or given up: the line's next is due."""
        await self._settle(taken, 0, 0, now_ms)

    async def again(self, taken: LeasedDelivery, at_ms: int, now_ms: int) -> None:
        """It failed: its line waits until `at_ms`."""
        await self._settle(taken, taken.attempts + 1, at_ms, now_ms)

    async def waiting(self) -> dict[str, int]:
        """How many deliveries wait, by target."""
        held = await self._run(self._redis.hgetall(_WAITING))
        return {target.decode(): int(count) for target, count in held.items()}

    async def waiting_for(self, target: str) -> int:
        """How many wait for one target."""
        return int(await self._run(self._redis.hget(_WAITING, target)) or 0)

    async def _settle(self, taken: LeasedDelivery, attempts: int, at_ms: int, now_ms: int) -> None:
        one = taken.delivery
        arguments = (one.target, one.line, taken.member, str(attempts), str(at_ms), str(now_ms))
        await self._run(_SETTLE.run(self._redis, *arguments))

    async def _run(self, command: Any) -> Any:
        try:
            return await cast("Awaitable[Any]", command)
        except AWAY as error:
            raise StoreUnavailable(f"Redis is away: {error}") from error
