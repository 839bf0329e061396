"""What every noun's part of a seed stands on: the log, the store, the noun as it is deployed, its clients."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import TYPE_CHECKING, Any

from deploy.lab.simulation.log import SimulatedLog, accepted
from deploy.lab.simulation.store import Generation, SimulatedRedis, operate, text_of
from deploy.nouns import deciding
from deploy.settings import Settings
from projections.redis.outcomes import RedisOutcomes
from projections.redis.reader import RedisReader
from projections.redis.stores import NounStores
from streams.asking import Asker
from streams.gateway.commands import CommandClient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from deploy.lab.simulation.faults import Faults
    from schemas.envelope import EventsRecord
    from schemas.log import LogRecord
    from streams.deciders.noun import Noun as Decider


class SimulatedOutcomes(RedisOutcomes):
    """Outcomes of the simulated store; notifications come by a call instead of a subscription."""

    def __init__(self, redis: SimulatedRedis, stored: str) -> None:
        client: Any = redis
        super().__init__(NounStores(stored, [client]))
        self.notified: dict[str, Callable[[str], None]] = {}
        redis.notified = self._notify

    def _notify(self, gateway_id: str, record_id: str) -> None:
        if gateway_id in self.notified:
            asyncio.get_running_loop().call_later(0.001, self.notified[gateway_id], record_id)

    async def listen(
        self, gateway_id: str, notified: Callable[[str], None], missed: Callable[[], None], up: asyncio.Event
    ) -> None:
        """Until cancelled."""
        del missed
        self.notified[gateway_id] = notified
        up.set()
        await asyncio.get_running_loop().create_future()


class Stage:
    """One seed's log and store, and one noun of the table on them."""

    def __init__(
        self,
        noun: str,
        faults: Faults,
        make_store: Callable[[Faults], SimulatedRedis],
        partitions: int,
        decider: Decider[Any] | None = None,
    ) -> None:
        self.faults = faults
        self.partitions = partitions
        self.log = SimulatedLog(faults)
        self.redis = make_store(faults)
        self.settings = Settings(partitions={noun: partitions})
        deployed = next(one for one in deciding(self.settings) if one.name == noun)
        self.noun = deployed if decider is None else dataclasses.replace(deployed, decider=decider)
        self.commands, self.events = self.noun.commands, self.noun.events
        self.clients: list[CommandClient] = []
        """Started before anything is played, stopped after it."""
        self._outcomes = SimulatedOutcomes(self.redis, self.noun.projection.stored)

    def client(self, name: str) -> CommandClient:
        """Another process's command client."""
        client = CommandClient(
            topic=self.commands,
            appender=self.log,
            answers=self._outcomes,
            gateway_id=name,
            new_record_id=lambda: self.faults.dice.randbytes(8).hex(),
        )
        self.clients.append(client)
        return client

    def asker(self, name: str) -> Asker:
        """Asks by a client of its own, with a clock that steps back and runs ahead while faults are on."""
        return Asker(
            self.client(name),
            self.noun.decider.commands,
            clock_ms=self.faults.gateway_ms,
            randomness=self.faults.dice.randbytes,
        )

    def accepted(self, partition: int) -> Iterator[tuple[LogRecord, EventsRecord]]:
        """The events records of a partition that count, by the `src` rule alone."""
        return accepted(self.log.records(self.events.name, partition))

    def rebuilt(self) -> Generation:
        """The store as the log alone gives it."""
        generation = Generation()
        client: Any = self.redis
        reader = RedisReader(client, self.noun.projection, log=self.log)
        for partition in range(self.partitions):
            for record, _ in self.accepted(partition):
                arguments, _ = reader.arguments(record)
                first = 12 + 3 * int(arguments[10])
                operate(generation.values, [text_of(one) for one in arguments[first:]], self.partitions)
        return generation
