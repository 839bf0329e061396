"""Stored outcomes and notifications, as a gateway sees them. Satisfies the command client's `Answers`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

import msgspec
from redis.asyncio import Redis
from redis.asyncio.client import PubSub

from projections.redis.client import AWAY
from projections.redis.reader import outcome_key
from projections.redis.scripts import FIND_OUTCOMES
from schemas.edge.ports import StoreUnavailable
from schemas.envelope import Outcome

_log = logging.getLogger(__name__)
_decoder = msgspec.msgpack.Decoder(Outcome)
RECONNECT_S = 0.1


class RedisOutcomes:
    """One noun's outcomes. Nothing is found while they are more than `behind_ms_max` behind the log."""

    def __init__(self, redis: Redis, noun: str, *, behind_ms_max: int = 5 * 60 * 1000) -> None:
        self._redis = redis
        self._noun = noun
        self._behind_ms_max = behind_ms_max

    async def find(
        self, partition: int, command_ids: Sequence[str], record_id: str = ""
    ) -> list[Outcome | None]:
        """The outcomes in the order asked; None where there is none (yet).

        With `record_id`, refusals that answer only that record are found too. Raises StoreUnavailable while
        Redis is away, not ready, or more than `behind_ms_max` behind the log.
        """
        keys = [outcome_key(command_id) for command_id in command_ids]
        found = await self._read(partition, keys)
        if record_id and None in found:
            missing = [index for index, value in enumerate(found) if value is None]
            refused = await self._read(
                partition, [outcome_key(command_ids[index], record_id) for index in missing]
            )
            for index, value in zip(missing, refused, strict=True):
                found[index] = value
        return [None if value is None else _decoder.decode(value) for value in found]

    async def _read(self, partition: int, keys: list[str]) -> list[bytes | None]:
        try:
            reply = await FIND_OUTCOMES.run(self._redis, self._noun, str(partition), *keys)
        except AWAY as error:
            raise StoreUnavailable(f"Redis is away: {error}") from error
        if reply is None:
            raise StoreUnavailable(f"the {self._noun} projection is not ready")
        if int(reply[0]) > self._behind_ms_max:
            raise StoreUnavailable(f"the {self._noun} projection is {int(reply[0]) // 1000} s behind the log")
        return list(reply[1:])

    async def listen(
        self, gateway_id: str, notified: Callable[[str], None], missed: Callable[[], None], up: asyncio.Event
    ) -> None:
        """Call `notified(record_id)` for each notification until cancelled. `up` is set while subscribed.

        After a broken connection `missed()` is called once the subscription is restored: notifications may
        have been lost, so waiters look the outcomes up.
        """
        first = True
        while True:
            pubsub: PubSub = self._redis.pubsub()
            try:
                async with pubsub:
                    await pubsub.subscribe(f"wake:{gateway_id}")
                    async for message in pubsub.listen():
                        if message["type"] == "subscribe":
                            up.set()
                            if not first:
                                missed()
                            first = False
                        elif message["type"] == "message":
                            notified(message["data"].decode())
            except AWAY as error:
                _log.warning("notifications are unavailable: %s", error)
            finally:
                up.clear()
            await asyncio.sleep(RECONNECT_S)
