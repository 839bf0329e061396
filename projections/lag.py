"""How far each projection is behind its log: what `/readyz` and the dashboard show."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Final, Protocol, cast

from msgspec.structs import replace

from projections.redis.client import AWAY
from projections.redis.state import state_of
from projections.telemetry.live_counters import RedisDeadlines
from schemas.edge.ports import StoreUnavailable
from schemas.lag import FailingAt, ProjectionLag
from schemas.log import LogUnavailable
from schemas.log_positions import Position
from schemas.telemetry.noun import TELEMETRY
from schemas.topics import Topic

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from projections.redis.reader import Projection
    from projections.redis.stores import RedisStores
    from projections.telemetry.queries.client import ClickHouseQueries
    from schemas.failures import Failing, FailureStore
    from schemas.log import LogTail

KEPT_SECONDS: Final = 1.0
ANSWER_SECONDS: Final = 3.0
BEHIND_SECONDS: Final = 30.0
"""A ClickHouse projection that far behind in log time is not ready; less is its ordinary batch."""


class Noun(Protocol):
    """A noun that decides. Its topics carry the deployment's partition counts."""

    @property
    def name(self) -> str:
        """As in topics and keys."""
        ...

    @property
    def commands(self) -> Topic:
        """What its decider reads."""
        ...

    @property
    def events(self) -> Topic:
        """What its projections read."""
        ...

    @property
    def projection(self) -> Projection:
        """Its way into Redis."""
        ...

    @property
    def archived(self) -> bool:
        """Whether its events have tables in ClickHouse."""
        ...

    @property
    def effect_keys(self) -> Sequence[str]:
        """The Redis hashes of the positions of its events' readers in the effects role."""
        ...


class LagReader:
    """Compares positions in the stores with the log's ends. Answers are shared for a second."""

    def __init__(
        self,
        *,
        tail: LogTail,
        stores: RedisStores,
        queries: ClickHouseQueries,
        nouns: Sequence[Noun],
        telemetry_partitions: int,
        failures: FailureStore,
        now_ms: Callable[[], int],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tail = tail
        self._stores = stores
        self._redis = stores.common
        self._queries = queries
        self._telemetry_partitions = telemetry_partitions
        self._nouns = nouns
        self._failures = failures
        self._deadlines = RedisDeadlines(stores.common, partitions=telemetry_partitions)
        self._monotonic = monotonic
        self._now_ms = now_ms
        self._lock = asyncio.Lock()
        self._oldest: dict[int, tuple[int, int]] = {}
        """By partition: the first offset that is not applied, and when the log took it (unix ms)."""
        self._kept: tuple[float, Sequence[ProjectionLag]] | None = None

    async def projections(self) -> Sequence[ProjectionLag]:
        """The deciders, Redis, ClickHouse, the effects, in this order. What doesn't answer is `down`."""
        async with self._lock:
            if self._kept is None or self._monotonic() - self._kept[0] > KEPT_SECONDS:
                followed = self._followed()
                failing = await self._failing()
                lags = await asyncio.gather(*(_bounded(name, ask) for name, _, ask in followed))
                topics = {name: topic for name, topic, _ in followed}
                found = [_with_failures(one, topics[one.name], failing) for one in lags]
                self._kept = (self._monotonic(), found)
            return self._kept[1]

    def _followed(self) -> list[tuple[str, Topic, Awaitable[ProjectionLag]]]:
        """Each projection as `role:noun`, the topic that it reads, and the question how far it is."""
        archived = [noun for noun in self._nouns if noun.archived]
        effects = [noun for noun in self._nouns if noun.effect_keys]
        return [
            *((f"decider:{noun.name}", noun.commands, self._decider(noun)) for noun in self._nouns),
            *((f"redis:{noun.name}", noun.events, self._redis_noun(noun)) for noun in self._nouns),
            ("clickhouse:telemetry", TELEMETRY, self._clickhouse()),
            *((f"clickhouse:{noun.name}", noun.events, self._tables(noun)) for noun in archived),
            *((f"effects:{noun.name}", noun.events, self._effects(noun)) for noun in effects),
        ]

    async def _failing(self) -> list[Failing]:
        """Where readers fail again and again; unknown while the store of that is away, and nothing then."""
        with contextlib.suppress(StoreUnavailable, TimeoutError):
            async with asyncio.timeout(ANSWER_SECONDS):
                return [entry for entry in await self._failures.all() if entry.poison]
        return []

    async def _decider(self, noun: Noun) -> ProjectionLag:
        """Each command record gets one events record, so the ends of both topics tell."""
        asked, answered = await asyncio.gather(self._ends(noun.commands), self._ends(noun.events))
        behind = sum(max(0, end - done) for end, done in zip(asked, answered, strict=True))
        return _lag(f"decider:{noun.name}", behind, None, ready=True)

    async def _redis_noun(self, noun: Noun) -> ProjectionLag:
        """Of several stores, whichever is further behind in a partition counts."""
        ends = await self._ends(noun.events)
        behind, ready = [0] * len(ends), True
        for store in self._stores.of(noun.projection).all:
            states = await asyncio.gather(
                *(state_of(store.redis, store.name, partition) for partition in range(len(ends)))
            )
            missing = [end - at.position.offset for end, at in zip(ends, states, strict=True)]
            behind = [max(both) for both in zip(behind, missing, strict=True)]
            ready = ready and all(at.ready for at in states)
        return _lag(f"redis:{noun.name}", sum(behind), None, ready=ready)

    async def _ends(self, topic: Topic) -> list[int]:
        return await asyncio.gather(*(self._end(topic, partition) for partition in range(topic.partitions)))

    async def _effects(self, noun: Noun) -> ProjectionLag:
        """Whichever reader is furthest behind. Positions are kept once a second."""
        log_id = await self._tail.log_id(noun.events.name)
        behind = 0
        for partition, end in enumerate(await self._ends(noun.events)):
            fields = [self._redis.hget(key, f"{log_id}/{partition}") for key in noun.effect_keys]
            held = [Position.of(await cast("Awaitable[bytes | None]", field)) for field in fields]
            behind += max(0, end - min(position.offset for position in held))
        return _lag(f"effects:{noun.name}", behind, None, ready=True)

    async def _clickhouse(self) -> ProjectionLag:
        held = await self._stored(TELEMETRY)
        applied = await self._applied()
        behind, seconds = 0, 0.0
        for partition in range(self._telemetry_partitions):
            next_offset = max(held.get(partition, 0), applied.get(partition, 0))
            missing = max(0, await self._end(TELEMETRY, partition) - next_offset)
            behind += missing
            if missing:
                since_ms = await self._appended_at_ms(partition, next_offset)
                seconds = max(seconds, (self._now_ms() - since_ms) / 1000)
        return _lag("clickhouse:telemetry", behind, seconds, ready=seconds < BEHIND_SECONDS)

    async def _tables(self, noun: Noun) -> ProjectionLag:
        """Positions are kept once a second, and each five where nothing is to be written."""
        held = await self._stored(noun.events)
        ends = enumerate(await self._ends(noun.events))
        behind = sum(max(0, end - held.get(partition, 0)) for partition, end in ends)
        return _lag(f"clickhouse:{noun.name}", behind, None, ready=True)

    async def _stored(self, topic: Topic) -> dict[int, int]:
        """The next offsets of ClickHouse's readers, by partition."""
        rows = await self._queries.query(
            f"SELECT partition, next_offset FROM {self._queries.system_database}.reader_positions FINAL"  # noqa: S608
            " WHERE topic = {topic:String}",
            {"topic": topic.name},
        )
        return {int(partition): int(next_offset) for partition, next_offset in rows}

    async def _appended_at_ms(self, partition: int, offset: int) -> int:
        """When the log took the oldest record that is not applied: what is behind is as old as that one."""
        known = self._oldest.get(partition)
        if known is None or known[0] != offset:
            known = (offset, self._now_ms())
            async for record in self._tail.read(TELEMETRY.name, partition, offset, offset + 1):
                known = (offset, record.appended_at_ms)
            self._oldest[partition] = known
        return known[1]

    async def _applied(self) -> dict[int, int]:
        """What the projector says it has applied: further than the positions where records have no effect."""
        with contextlib.suppress(*AWAY):
            return await self._deadlines.applied()
        return {}

    async def _end(self, topic: Topic, partition: int) -> int:
        return await self._tail.end_offset(topic.name, partition)


def _lag(name: str, records: int, seconds: float | None, *, ready: bool) -> ProjectionLag:
    state = "ready" if ready else "behind"
    return ProjectionLag(name=name, state=state, lag_records=records, lag_seconds=seconds)


def _with_failures(lag: ProjectionLag, topic: Topic, failing: Sequence[Failing]) -> ProjectionLag:
    role = lag.name.partition(":")[0]
    own = tuple(
        FailingAt(partition=entry.partition, offset=entry.first, failures=entry.failures)
        for entry in failing
        if (entry.role, entry.topic) == (role, topic.name)
    )
    return replace(lag, state="failing", failing=own) if own else lag


async def _bounded(name: str, ask: Awaitable[ProjectionLag]) -> ProjectionLag:
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            return await ask
    except (TimeoutError, LogUnavailable, StoreUnavailable, *AWAY):
        return ProjectionLag(name=name, state="down", lag_records=None, lag_seconds=None)
