"""Stored outcomes and notifications, as a gateway sees them. Satisfies the command client's `Answers`."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Sequence

import msgspec
from redis.asyncio.client import PubSub

from projections.redis.client import AWAY
from projections.redis.reader import outcome_key
from projections.redis.scripts import FIND_OUTCOMES
from projections.redis.stores import NounStores, Store
from schemas.edge.ports import StoreUnavailable
from schemas.envelope import Outcome
from schemas.outcomes import Sought

_log = logging.getLogger(__name__)
_decoder = msgspec.msgpack.Decoder(Outcome)
RECONNECT_S = 0.1


class RedisOutcomes:
    """One noun's outcomes. Nothing is found while they are more than `behind_ms_max` behind the log."""

    def __init__(self, stores: NounStores, *, behind_ms_max: int = 5 * 60 * 1000) -> None:
        self._stores = stores
        self._behind_ms_max = behind_ms_max
        self._subscribed: set[Store] = set()

    async def find(
        self, partition: int, commands: Sequence[Sought], record_id: str = ""
    ) -> list[Outcome | None]:
        """The outcomes in the order asked; None where there is none (yet).

        With `record_id`, refusals that answer only that record are found too. Raises StoreUnavailable while
        Redis is away, not ready, or more than `behind_ms_max` behind the log.
        """
        if len(self._stores.all) == 1:
            ids = [sought.command_id for sought in commands]
            return await self._find(self._stores.all[0], partition, ids, record_id)
        places: defaultdict[Store, list[int]] = defaultdict(list)
        for place, sought in enumerate(commands):
            places[self._stores.of(sought.game_id)].append(place)
        found: list[Outcome | None] = [None] * len(commands)
        asked = (
            self._find(store, partition, [commands[place].command_id for place in some], record_id)
            for store, some in places.items()
        )
        for some, outcomes in zip(places.values(), await asyncio.gather(*asked), strict=True):
            for place, outcome in zip(some, outcomes, strict=True):
                found[place] = outcome
        return found

    async def _find(
        self, store: Store, partition: int, command_ids: Sequence[str], record_id: str
    ) -> list[Outcome | None]:
        keys = [outcome_key(command_id) for command_id in command_ids]
        found = await self._read(store, partition, keys)
        if record_id and None in found:
            missing = [index for index, value in enumerate(found) if value is None]
            refused = await self._read(
                store, partition, [outcome_key(command_ids[index], record_id) for index in missing]
            )
            for index, value in zip(missing, refused, strict=True):
                found[index] = value
        return [None if value is None else _decoder.decode(value) for value in found]

    async def _read(self, store: Store, partition: int, keys: list[str]) -> list[bytes | None]:
        try:
            reply = await FIND_OUTCOMES.run(store.redis, store.name, str(partition), *keys)
        except AWAY as error:
            raise StoreUnavailable(f"Redis is away: {error}") from error
        if reply is None:
            raise StoreUnavailable(f"the {store.name} projection is not ready")
        if int(reply[0]) > self._behind_ms_max:
            raise StoreUnavailable(f"the {store.name} projection is {int(reply[0]) // 1000} s behind the log")
        return list(reply[1:])

    async def listen(
        self, gateway_id: str, notified: Callable[[str], None], missed: Callable[[], None], up: asyncio.Event
    ) -> None:
        """Call `notified(record_id)` for each notification until cancelled. `up` is set while subscribed.

        A record whose commands are of several groups' games is notified by each. After a broken connection
        `missed()` is called once the subscription is restored: notifications may have been lost, so waiters
        look the outcomes up.
        """
        async with asyncio.TaskGroup() as group:
            for store in self._stores.all:
                group.create_task(self._listen(store, gateway_id, notified, missed, up))

    async def _listen(
        self,
        store: Store,
        gateway_id: str,
        notified: Callable[[str], None],
        missed: Callable[[], None],
        up: asyncio.Event,
    ) -> None:
        first = True
        while True:
            pubsub: PubSub = store.redis.pubsub()
            try:
                async with pubsub:
                    await pubsub.subscribe(f"wake:{gateway_id}")
                    async for message in pubsub.listen():
                        if message["type"] == "subscribe":
                            self._subscribed.add(store)
                            if len(self._subscribed) == len(self._stores.all):
                                up.set()
                            if not first:
                                missed()
                            first = False
                        elif message["type"] == "message":
                            notified(message["data"].decode())
            except AWAY as error:
                _log.warning("notifications are unavailable: %s", error)
            finally:
                self._subscribed.discard(store)
                up.clear()
            await asyncio.sleep(RECONNECT_S)
