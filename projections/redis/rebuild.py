"""Builds a noun's Redis projection again from the log, beside the live one, and swaps one pointer.

The live writer goes on meanwhile and follows the pointer by itself: its next record finds the new generation
at or beyond its own position. From catch-up on the new writer stores outcomes and notifies too; doubled ones
are harmless.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from itertools import islice
from typing import Any, Final, Protocol

import msgspec
from redis.asyncio import Redis

from projections.redis.layout import GroupsChanged, claim, take_over
from projections.redis.reader import KEYED_MS, Projection, RedisReader, outcome_keys
from projections.redis.scripts import APPLY, COMPARE, SWAP
from projections.redis.state import state_of
from schemas.log import LogRecord, LogTail
from schemas.log_positions import PositionRefused, begin

ROUNDS_MAX: Final = 200
"""How often the builder runs after a live writer before it says that it can't catch up."""
COMPARED_AT_ONCE: Final = 50
APPLIED_AT_ONCE: Final = 64
_DISCARD: Final = "--discard replaces it anyway: `questlog rebuild redis --discard`"


class Progress(Protocol):
    """Receives the progress of a rebuild, in records; `total` may grow."""

    def __call__(self, done: int, total: int) -> None:
        """`done` of `total` so far."""
        ...


class RebuildFailed(Exception):
    """Nothing was swapped, and the live projection is as it was. The message says why."""


class Rebuilt(msgspec.Struct, frozen=True, kw_only=True):
    """What a rebuild did. `different` names the keys that a verification found to differ."""

    noun: str
    generation: str
    records: int
    swapped: bool
    keys: int = 0
    different: list[str] = []


async def rebuild(
    redis: Redis,
    projection: Projection,
    *,
    log: LogTail,
    generation: str,
    progress: Progress,
    verify: bool = False,
    discard: bool = False,
    unseen: set[bytes] | None = None,
    now_ms: int = 0,
) -> Rebuilt:
    """Build `generation` (a name not used before) and swap to it, or with `verify` compare and keep the old.

    `discard` swaps whatever the old generation holds: the repair for positions of another or a shortened log.
    Outcomes of the last 24 hours before `now_ms` are stored again then, and their keys leave `unseen` (see
    `stored_outcomes`): what stays there, the log does not hold.

    `discard` also takes over a store that holds another count of groups. Their keys are deleted first:
    nothing can be read there until the swap.

    Raises RebuildFailed. Afterwards only the live generation is left.
    """
    if projection.spread:
        await _claim(redis, projection, discard=discard)
    builder = _Builder(redis, projection, log=log, generation=generation, progress=progress)
    if discard:
        builder.answer_since(now_ms - KEYED_MS, set() if unseen is None else unseen)
    live = await builder.live_generation()
    if live == generation:
        raise RebuildFailed(f"generation {generation} is live")
    if not discard:
        await builder.refuse_foreign_positions()
    doomed = generation
    try:
        await builder.begin()
        await builder.catch_up()
        if verify:
            keys, different = await builder.compare(live)
            return builder.result(swapped=False, keys=keys, different=different)
        builder.answers()
        for _ in range(ROUNDS_MAX):
            if await builder.catch_up(swap="discard" if discard else "if-not-behind"):
                doomed = live
                return builder.result(swapped=True)
        raise RebuildFailed(f"the live projection stayed ahead {ROUNDS_MAX} times; try at a quieter time")
    finally:
        await _delete(redis, f"{projection.name}:{doomed}:")


async def _claim(redis: Redis, projection: Projection, *, discard: bool) -> None:
    try:
        await claim(redis, projection.stored, projection.name)
    except GroupsChanged as changed:
        if not discard:
            raise RebuildFailed(str(changed)) from changed
        former = await take_over(redis, projection.stored, projection.name)
        await _delete(redis, f"{former}:")


class _Builder:
    """Applies the log to one generation, partition by partition, as often as it is asked to catch up."""

    def __init__(
        self,
        redis: Redis,
        projection: Projection,
        *,
        log: LogTail,
        generation: str,
        progress: Progress,
    ) -> None:
        self._redis = redis
        self._projection = projection
        self._log = log
        self._generation = generation
        self._progress = progress
        self._reader = RedisReader(redis, projection, log=log, generation=generation, answers=False)
        self._next: dict[int, int] = {}
        self._records = 0
        self._answered_since_ms: int | None = None
        self._unseen: set[bytes] = set()

    async def live_generation(self) -> str:
        return (await state_of(self._redis, self._projection.name, 0)).generation

    async def refuse_foreign_positions(self) -> None:
        """Raise RebuildFailed where the live positions are of another log or not in this one."""
        topic = self._projection.topic
        for partition in range(topic.partitions):
            held = (await state_of(self._redis, self._projection.name, partition)).position
            where = "the live projection"
            try:
                await begin(self._log, topic.name, partition, held, where=where, repair=_DISCARD)
            except PositionRefused as refused:
                raise RebuildFailed(str(refused)) from refused

    async def begin(self) -> None:
        await APPLY.load(self._redis)
        await SWAP.load(self._redis)
        # A rebuild that died may have left something.
        await _delete(self._redis, f"{self._projection.name}:{self._generation}:")
        for partition in range(self._projection.topic.partitions):
            self._next[partition] = await self._reader.assigned(partition)

    def answers(self) -> None:
        self._answered_since_ms = 0

    def answer_since(self, since_ms: int, unseen: set[bytes]) -> None:
        """Store the outcomes of records since then, and take their keys out of `unseen`."""
        self._answered_since_ms, self._unseen = since_ms, unseen

    def result(self, *, swapped: bool, keys: int = 0, different: list[str] | None = None) -> Rebuilt:
        return Rebuilt(
            noun=self._projection.shown,
            generation=self._generation,
            records=self._records,
            swapped=swapped,
            keys=keys,
            different=different or [],
        )

    async def catch_up(self, swap: str = "") -> bool:
        """Apply everything up to the log's end as it is now.

        With `swap`, the last records and the swap are one transaction, so that a live writer that never rests
        has no time to get ahead. True where it swapped.
        """
        topic = self._projection.topic.name
        ends = {partition: await self._log.end_offset(topic, partition) for partition in self._next}
        total = self._records + sum(ends[partition] - begin for partition, begin in self._next.items())
        batch: list[LogRecord] = []
        for partition, end in ends.items():
            if self._next[partition] >= end:
                continue
            async for record in self._log.read(topic, partition, self._next[partition], end):
                if batch and self._reader.looks_up(record):  # what it looks for is what those before it left
                    await self._apply(batch)
                    batch = []
                batch.append(record)
                if len(batch) >= APPLIED_AT_ONCE:
                    await self._apply(batch)
                    self._progress(self._records, total)
                    batch = []
        swapped = await self._apply(batch, swap)
        self._progress(self._records, total)
        return swapped

    async def _apply(self, records: list[LogRecord], swap: str = "") -> bool:
        if not records and not swap:
            return False
        looked_up = await self._reader.look_up(records[0]) if records else []
        async with self._redis.pipeline(transaction=bool(swap)) as pipeline:
            for place, record in enumerate(records):
                since_ms = self._answered_since_ms
                self._reader.answers = since_ms is not None and record.appended_at_ms >= since_ms
                arguments, _ = self._reader.arguments(record, () if place else looked_up)
                if self._unseen:
                    self._unseen.difference_update(str(key).encode() for key in outcome_keys(arguments))
                APPLY.queue(pipeline, *arguments)
            if swap:
                partitions = str(self._projection.topic.partitions)
                discard = "discard" if swap == "discard" else ""
                SWAP.queue(pipeline, self._projection.name, self._generation, partitions, discard)
            replies = await pipeline.execute()
        for record, (status, next_offset, detail) in zip(records, replies, strict=False):
            if status not in {b"applied", b"dropped"}:
                at = f"{record.topic}[{record.partition}]@{record.offset}"
                raise RebuildFailed(f"{at}: {status.decode()} {next_offset.decode()} {detail.decode()}")
            self._next[record.partition] = record.offset + 1
        self._records += len(records)
        return bool(swap) and replies[-1][0] == b"swapped"

    async def compare(self, live: str) -> tuple[int, list[str]]:
        """How many keys were compared at common positions, and which differ."""
        noun, news = self._projection.name, self._projection.news
        found = {key async for key in _keys(self._redis, f"{noun}:{self._generation}:")}
        found |= {key async for key in _keys(self._redis, f"{noun}:{live}:")}
        seconds, _ = await self._redis.time()
        keys = sorted(
            key
            for key in found
            if not (news and key.startswith(news)) and not self._projection.is_gone(key, seconds * 1000)
        )
        different: list[str] = []
        for first in range(0, len(keys), COMPARED_AT_ONCE):
            some = keys[first : first + COMPARED_AT_ONCE]
            different += await self._compare_some(live, some)
        return len(keys), different

    async def _compare_some(self, live: str, keys: list[str]) -> list[str]:
        for _ in range(ROUNDS_MAX):
            reply: list[Any] | None = await COMPARE.run(
                self._redis,
                self._projection.name,
                live,
                self._generation,
                str(self._projection.topic.partitions),
                *keys,
            )
            if reply is not None:
                return [key.decode() for key in reply]
            await self.catch_up()
        raise RebuildFailed("the live projection and the new one were never at the same position")


async def stored_outcomes(redis: Redis) -> set[bytes]:
    """The keys of all outcomes of all nouns that are stored now: about 100 bytes of memory for each."""
    return {key async for key in redis.scan_iter(match="outcome:*", count=1000)}


async def forget(redis: Redis, keys: Iterable[bytes]) -> None:
    """Delete keys a few at a time, so that nothing else waits."""
    left = iter(keys)
    while some := list(islice(left, 500)):
        await redis.unlink(*some)


async def _keys(redis: Redis, prefix: str) -> AsyncIterator[str]:
    """Relative keys under a prefix, the positions left out."""
    async for key in redis.scan_iter(match=prefix + "*", count=1000):
        relative = key.decode().removeprefix(prefix)
        if relative != "positions":
            yield relative


async def _delete(redis: Redis, prefix: str) -> None:
    """Delete a generation a few keys at a time, so that nothing else waits."""
    some: list[bytes] = []
    async for key in redis.scan_iter(match=prefix + "*", count=1000):
        some.append(key)
        if len(some) == 500:
            await redis.unlink(*some)
            some = []
    if some:
        await redis.unlink(*some)
