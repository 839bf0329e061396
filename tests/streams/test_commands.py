"""A command's outcome comes back whatever happens to notifications, and 503 only when none came in time."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
from redis.asyncio import Redis

from projections.redis.client import connect
from projections.redis.outcomes import RedisOutcomes
from projections.redis.reader import RedisReader
from projections.redis.stores import NounStores
from schemas.envelope import Command, CommandRecord, CommandRejected, Decided, Outcome
from schemas.log import Appended, LogUnavailable
from schemas.outcomes import EXPIRED, Sought
from schemas.topics import COMMAND_RECORD_BYTES_MAX, Topic
from streams.gateway.commands import CommandClient
from streams.gateway.pending_commands import CommandConflict, CommandTooLarge, CommandUnavailable
from tests.projections.redis.support import NOW_MS, ListLog, projection, put

pytestmark = pytest.mark.stack


class Backend:
    """Decider and projector in one: what is appended is decided, and projected into the real Redis.

    `wakes` says how many notifications each record gets; `held` keeps records back; `away` is a log that is
    away.
    """

    def __init__(self, redis: Redis, noun: str) -> None:
        made = projection(noun)
        self.log = ListLog(made.topic)
        self.reader = RedisReader(redis, made, log=self.log)
        self.records: list[CommandRecord] = []
        self.arrived: asyncio.Queue[CommandRecord] = asyncio.Queue()
        self.seen: dict[str, Decided] = {}
        self.wakes = 1
        self.held = False
        self.away = False
        self.status = 200
        self.value = "1"
        self.silent = asyncio.Event()
        self.silent.set()

    async def append(self, topic: str, partition: int, value: bytes, key: bytes | None = None) -> Appended:
        assert (topic.endswith(".commands"), partition, key) == (True, 0, None)
        record = msgspec.msgpack.decode(value, type=CommandRecord)
        if self.away:
            raise LogUnavailable("away")
        await self.silent.wait()
        self.records.append(record)
        self.arrived.put_nowait(record)
        if not self.held:
            await self.project(record)
        return Appended(0, len(self.records) - 1, NOW_MS)

    async def project(self, record: CommandRecord) -> None:
        decided = []
        for command in record.commands:
            if command.command_id in self.seen:
                continue
            value = put(
                *("h", command.command_id, self.value),
                command_id=command.command_id,
                keyed=command.keyed,
                status=self.status,
            )
            answer = msgspec.structs.replace(value, fingerprint=command.fingerprint)
            self.seen[command.command_id] = answer
            decided.append(answer)
        gateway_id = record.gateway_id if self.wakes else ""
        events = self.log.append(*decided, gateway_id=gateway_id, record_id=record.record_id)
        for _ in range(max(1, self.wakes)):
            await self.reader.handle(events)


def command(command_id: str = "", *, body: bytes = b"", fingerprint: bytes = b"f") -> Command:
    return Command(
        command_id=command_id or uuid.uuid4().hex,
        type="put.v1",
        aggregate_id="a",
        studio_id="s",
        game_id="g",
        body=body,
        at_ms=NOW_MS,
        seed=bytes(16),
        fingerprint=fingerprint,
        keyed=bool(command_id),
    )


@asynccontextmanager
async def gateway(redis_url: str, **options: Any) -> AsyncIterator[tuple[CommandClient, Backend, Redis]]:
    redis = connect(redis_url)
    noun = f"noun{uuid.uuid4().hex[:8]}"
    backend = Backend(redis, noun)
    await backend.reader.assigned(0)
    client = CommandClient(
        topic=Topic(name=f"{noun}.commands", partitions=1, description="a test's"),
        appender=options.pop("appender", backend),
        answers=RedisOutcomes(NounStores(noun, [redis])),
        gateway_id=noun,
        new_record_id=lambda: uuid.uuid4().hex,
        **options,
    )
    await client.start()
    try:
        yield client, backend, redis
    finally:
        await client.stop()
        await redis.aclose()


async def test_one_command_gets_its_outcome(redis_url: str) -> None:
    async with gateway(redis_url) as (client, backend, _):
        outcome = await client.submit(command("k1-" + uuid.uuid4().hex))
        assert (outcome.status, len(backend.records)) == (200, 1)


async def test_a_partition_can_be_named_and_must_exist(redis_url: str) -> None:
    async with gateway(redis_url) as (commands, backend, _):
        outcome = await commands.submit(command("named"), partition=0)
        assert (outcome.status, len(backend.records)) == (200, 1)
        with pytest.raises(ValueError, match="no partition 1"):
            await commands.submit(command("nowhere"), partition=1)


async def test_what_arrives_while_a_record_is_in_flight_shares_the_next(redis_url: str) -> None:
    async with gateway(redis_url) as (client, backend, _):
        outcomes = await asyncio.gather(*(client.submit(command()) for _ in range(600)))
        assert all(outcome.status == 200 for outcome in outcomes)
        sizes = [len(record.commands) for record in backend.records]
        assert sum(sizes) == 600
        assert max(sizes) <= 256
        assert len(sizes) <= 4


async def test_a_record_holds_at_most_its_bytes(redis_url: str) -> None:
    async with gateway(redis_url) as (client, backend, _):
        await asyncio.gather(*(client.submit(command(body=bytes(100_000))) for _ in range(6)))
        assert max(len(record.commands) for record in backend.records) == 2
        with pytest.raises(CommandTooLarge):
            await client.submit(command(body=bytes(COMMAND_RECORD_BYTES_MAX)))


async def test_doubled_wake_ups_are_harmless(redis_url: str) -> None:
    async with gateway(redis_url) as (client, backend, _):
        backend.wakes = 3
        outcomes = await asyncio.gather(*(client.submit(command()) for _ in range(50)))
        assert len(outcomes) == 50


async def test_a_lost_wake_up_costs_a_window_and_nothing_else(redis_url: str) -> None:
    async with gateway(redis_url, window_s=0.2) as (client, backend, _):
        backend.wakes = 0
        started = asyncio.get_running_loop().time()
        assert (await client.submit(command())).status == 200
        assert asyncio.get_running_loop().time() - started >= 0.2


async def test_an_earlier_outcome_answers_without_a_second_append(redis_url: str) -> None:
    async with gateway(redis_url) as (client, backend, _):
        command_id = uuid.uuid4().hex
        first = await client.submit(command(command_id))
        again = await client.submit(command(command_id))
        assert again == first
        assert len(backend.records) == 1
        with pytest.raises(CommandConflict):
            await client.submit(command(command_id, fingerprint=b"other"))
        assert len(backend.records) == 1


async def test_one_id_twice_at_once_with_two_bodies_is_one_effect_and_one_conflict(redis_url: str) -> None:
    async with gateway(redis_url) as (client, backend, _):
        command_id = uuid.uuid4().hex
        results = await asyncio.gather(
            client.submit(command(command_id)),
            client.submit(command(command_id, fingerprint=b"other")),
            return_exceptions=True,
        )
        assert sorted(type(result).__name__ for result in results) == ["CommandConflict", "Outcome"]
        assert len(backend.seen) == 1


async def test_no_outcome_in_time_is_unavailable_and_the_same_key_finds_it_later(redis_url: str) -> None:
    async with gateway(redis_url, window_s=0.1, answer_s=0.3) as (client, backend, _):
        backend.held = True
        command_id = uuid.uuid4().hex
        with pytest.raises(CommandUnavailable) as refused:
            await client.submit(command(command_id))
        assert refused.value.retry_after_s >= 1
        await backend.project(backend.records[0])
        assert (await client.submit(command(command_id))).status == 200
        assert len(backend.records) == 1


async def test_a_late_outcome_answers_those_who_still_wait(redis_url: str) -> None:
    async with gateway(redis_url, window_s=0.05, answer_s=5) as (client, backend, _):
        backend.held = True
        waiting = asyncio.create_task(client.submit(command()))
        await backend.arrived.get()
        await asyncio.sleep(0.2)
        assert not waiting.done()
        await backend.project(backend.records[0])
        assert (await waiting).status == 200


async def test_a_log_that_is_away_is_unavailable_and_recovers_by_itself(redis_url: str) -> None:
    async with gateway(redis_url) as (client, backend, _):
        backend.away = True
        with pytest.raises(CommandUnavailable):
            await client.submit(command())
        backend.away = False
        assert (await client.submit(command())).status == 200


async def test_a_log_that_says_nothing_holds_nobody_longer_than_an_answer_may_take(redis_url: str) -> None:
    async with gateway(redis_url, answer_s=0.3) as (client, backend, _):
        backend.silent = asyncio.Event()
        started = asyncio.get_running_loop().time()
        results = await asyncio.gather(
            *(client.submit(command()) for _ in range(300)), return_exceptions=True
        )
        assert {type(result) for result in results} == {CommandUnavailable}
        assert asyncio.get_running_loop().time() - started < 20
        backend.silent.set()
        assert (await client.submit(command())).status == 200
        assert len(backend.records) == 2, "who waited in line too long was not appended"


async def test_nothing_keyed_is_appended_while_outcomes_can_not_be_looked_up(redis_url: str) -> None:
    async with gateway(redis_url) as (client, backend, redis):
        noun = client._gateway_id
        await client.submit(command())
        ready = await redis.get(f"ready:{noun}")
        await redis.set(f"ready:{noun}", "another")
        with pytest.raises(CommandUnavailable):
            await client.submit(command(uuid.uuid4().hex))
        await redis.set(f"ready:{noun}", ready or b"")
        await redis.hset(f"fresh:{noun}", "0", "1")
        await redis.hset(f"{noun}:1:positions", "0:at", "1")
        with pytest.raises(CommandUnavailable):
            await client.submit(command(uuid.uuid4().hex))
        assert len(backend.records) == 1


async def test_who_hangs_up_in_line_is_not_appended(redis_url: str) -> None:
    async with gateway(redis_url, window_s=0.2, answer_s=0.4) as (client, backend, _):
        backend.held = True
        first = asyncio.create_task(client.submit(command()))
        await backend.arrived.get()
        second = asyncio.create_task(client.submit(command()))
        await asyncio.sleep(0)
        second.cancel()
        with pytest.raises(CommandUnavailable):
            await first
        await asyncio.gather(second, return_exceptions=True)
        assert len(backend.records) == 1


async def test_a_broken_subscription_is_made_again_and_nobody_waits_a_window(redis_url: str) -> None:
    async with gateway(redis_url, window_s=90, answer_s=120) as (client, backend, redis):
        await client.submit(command())
        await backend.arrived.get()
        backend.held = True
        waiting = asyncio.create_task(client.submit(command()))
        await backend.arrived.get()
        backend.wakes = 0
        await redis.execute_command("CLIENT", "KILL", "TYPE", "pubsub")  # type: ignore[no-untyped-call]  # redis-py
        await backend.project(backend.records[1])
        started = asyncio.get_running_loop().time()
        assert (await waiting).status == 200
        assert asyncio.get_running_loop().time() - started < 20


async def test_stopping_answers_everyone(redis_url: str) -> None:
    async with gateway(redis_url, window_s=90, answer_s=120) as (client, backend, _):
        backend.held = True
        waiting = [asyncio.create_task(client.submit(command())) for _ in range(3)]
        await backend.arrived.get()
        await client.stop()
        results = await asyncio.gather(*waiting, return_exceptions=True)
        assert all(isinstance(result, CommandUnavailable) for result in results)


async def test_a_refusal_that_is_not_remembered_answers_its_own_record_alone(redis_url: str) -> None:
    async with gateway(redis_url) as (client, backend, _):
        backend.status = 400
        command_id = uuid.uuid4().hex
        assert (await client.submit(command(command_id))).status == 400
        backend.seen.clear()
        backend.status = 200
        assert (await client.submit(command(command_id))).status == 200


async def test_a_command_that_came_too_late_is_unavailable(redis_url: str) -> None:
    async with gateway(redis_url) as (client, backend, _):
        backend.status, backend.value = 503, EXPIRED
        with pytest.raises(CommandUnavailable, match="expired"):
            await client.submit(command(uuid.uuid4().hex))


async def test_a_noun_s_own_503_is_an_outcome(redis_url: str) -> None:
    async with gateway(redis_url) as (client, backend, _):
        backend.status, backend.value = 503, "no_capacity"
        outcome = await client.submit(command(uuid.uuid4().hex))
        refusal = msgspec.msgpack.decode(outcome.body, type=CommandRejected)
        assert (outcome.status, refusal.code) == (503, "no_capacity")


class Counting(RedisOutcomes):
    """Outcomes of the real store; `asked` has how many commands each look-up was of."""

    def __init__(self, stores: NounStores) -> None:
        super().__init__(stores)
        self.asked: list[int] = []

    async def find(
        self, partition: int, commands: Sequence[Sought], record_id: str = ""
    ) -> list[Outcome | None]:
        self.asked.append(len(commands))
        return await super().find(partition, commands, record_id)


async def test_stored_outcomes_that_are_asked_for_together_are_one_look_up(redis_url: str) -> None:
    async with gateway(redis_url) as (client, backend, redis):
        counting = Counting(NounStores(client._gateway_id, [redis]))
        asking = CommandClient(
            topic=client._topic,
            appender=backend,
            answers=counting,
            gateway_id="asks",
            new_record_id=lambda: uuid.uuid4().hex,
        )
        known = [uuid.uuid4().hex for _ in range(300)]
        await asyncio.gather(*(client.submit(command(one)) for one in known))
        gone = asyncio.ensure_future(asking.stored("s", known[0], b"f"))
        others = [asyncio.ensure_future(asking.stored("s", one, b"f")) for one in known]
        unknown = asyncio.ensure_future(asking.stored("s", "unknown", b"f"))
        conflict = asyncio.ensure_future(asking.stored("s", known[1], b"another body"))
        await asyncio.sleep(0)
        gone.cancel()
        outcomes = await asyncio.gather(*others)
        assert [outcome.command_id for outcome in outcomes if outcome is not None] == known
        assert await unknown is None
        with pytest.raises(CommandConflict):
            await conflict
        assert counting.asked == [256, 47]
        await redis.delete(f"ready:{client._gateway_id}")
        two = [asyncio.ensure_future(asking.stored("s", one, b"f")) for one in known[:2]]
        for one in two:
            with pytest.raises(CommandUnavailable):
                await one
        waiting = asyncio.ensure_future(asking.stored("s", known[0], b"f"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await asking.stop()
        with pytest.raises(CommandUnavailable):
            await waiting
