"""The session timer over the real Redis that the projector publishes to, and a log in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from projections.redis.client import connect
from projections.telemetry.live_counters import LiveState, RedisDeadlines, RedisLive
from projections.telemetry.session_key import SessionKey
from schemas.log import Appended, LogUnavailable
from schemas.telemetry.deadlines import SESSION_ENDS_AFTER_MS, SessionDue, decode_session_due
from schemas.telemetry.record import decode_record
from streams.timer import AGAIN_AFTER_MS, DUES_PER_RECORD, SessionTimer
from tests.projections.telemetry.support import GAME, START_MS, STUDIO, TOPIC, MemoryLog, gameplay, s4

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from redis.asyncio import Redis

pytestmark = pytest.mark.stack

MINUTE = 60_000


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    client = connect(redis_url.rsplit("/", 1)[0] + "/9")
    await client.flushdb()
    yield client
    await client.aclose()


def key(session: str, game: str = GAME) -> SessionKey:
    return SessionKey(STUDIO, game, session)


class World:
    """A log, what the projector of each partition knows, and the timer."""

    def __init__(self, redis: Redis, partitions: int = 1) -> None:
        self.log = MemoryLog(partitions)
        self.live = RedisLive(redis)
        self.states = [LiveState() for _ in range(partitions)]
        self.timer = SessionTimer(
            topic=TOPIC,
            source=RedisDeadlines(redis, partitions=partitions),
            tail=self.log,
            appender=self.log,
        )

    async def publish(self) -> None:
        for partition, state in enumerate(self.states):
            assert await self.live.publish(partition, state)

    def said(self, partition: int = 0) -> list[SessionDue]:
        return [
            decode_session_due(entry.body)
            for record in self.log.records[partition]
            for entry in decode_record(record.value).entries
            if entry.kind == "session.due.v1"
        ]


async def test_a_session_is_due_when_its_games_watermark_has_passed_it(redis: Redis) -> None:
    world = World(redis)
    state = world.states[0]
    state.put(key("old"), START_MS)
    state.put(key("young"), START_MS + MINUTE)
    state.put(key("elsewhere", "quiet"), START_MS)
    watermark = START_MS + SESSION_ENDS_AFTER_MS
    state.advance({(STUDIO, GAME): (watermark, watermark), (STUDIO, "quiet"): (START_MS, watermark)})
    await world.publish()
    assert await world.timer.tick(watermark) == 1
    assert [(due.session_id, due.watermark_ms) for due in world.said()] == [("old", watermark)]


async def test_it_is_said_once_until_it_had_time_to_act_and_then_again(redis: Redis) -> None:
    world = World(redis)
    world.states[0].put(key("old"), START_MS)
    now_ms = START_MS + 2 * SESSION_ENDS_AFTER_MS
    world.states[0].advance({(STUDIO, GAME): (now_ms, now_ms)})
    await world.publish()
    assert [await world.timer.tick(now_ms + later) for later in (0, 1_000, AGAIN_AFTER_MS)] == [1, 0, 1]
    world.states[0].put(key("old"), None)
    await world.publish()
    assert await world.timer.tick(now_ms + 2 * AGAIN_AFTER_MS) == 0


async def test_where_nothing_arrives_the_clock_moves_the_watermark_but_only_when_all_is_applied(
    redis: Redis,
) -> None:
    world = World(redis)
    world.log.put(s4(gameplay(START_MS)))
    state = world.states[0]
    state.put(key("s1"), START_MS)
    state.advance({(STUDIO, GAME): (START_MS, START_MS)})
    await world.publish()
    assert await world.timer.tick(START_MS + 5 * SESSION_ENDS_AFTER_MS) == 0  # one record is not applied yet
    state.applied = 1
    await world.publish()
    assert await world.timer.tick(START_MS + SESSION_ENDS_AFTER_MS - 1) == 0
    assert await world.timer.tick(START_MS + SESSION_ENDS_AFTER_MS) == 1


async def test_after_an_outage_it_catches_up_in_bounded_records(redis: Redis) -> None:
    world = World(redis)
    state = world.states[0]
    sessions = DUES_PER_RECORD + 3
    for number in range(sessions):
        state.put(key(f"s{number}"), START_MS + number)
    state.advance({(STUDIO, GAME): (START_MS, START_MS)})
    await world.publish()
    assert await world.timer.tick(START_MS + 100 * SESSION_ENDS_AFTER_MS) == sessions
    assert len(world.log.records[0]) == 2
    assert len({due.session_id for due in world.said()}) == sessions


async def test_a_session_of_two_partitions_waits_for_its_latest_event(redis: Redis) -> None:
    world = World(redis, partitions=2)
    watermark = START_MS + SESSION_ENDS_AFTER_MS
    world.states[0].put(key("s1"), START_MS)
    world.states[1].put(key("s1"), START_MS + MINUTE)
    for state in world.states:
        state.advance({(STUDIO, GAME): (watermark, watermark)})
    await world.publish()
    assert await world.timer.tick(watermark) == 0
    assert await world.timer.tick(watermark + MINUTE) == 2
    assert len(world.said(0)) == len(world.said(1)) == 1


async def test_an_unavailable_log_ends_the_round_and_the_next_one_says_it(redis: Redis) -> None:
    class Away(MemoryLog):
        away = True

        async def append(
            self, topic: str, partition: int, value: bytes, key: bytes | None = None
        ) -> Appended:
            if self.away:
                raise LogUnavailable("no broker")
            return await super().append(topic, partition, value, key)

    world = World(redis)
    log = Away()
    timer = SessionTimer(topic=TOPIC, source=RedisDeadlines(redis, partitions=1), tail=log, appender=log)
    world.states[0].put(key("old"), START_MS)
    now_ms = START_MS + 2 * SESSION_ENDS_AFTER_MS
    world.states[0].advance({(STUDIO, GAME): (now_ms, now_ms)})
    await world.publish()
    assert await timer.tick(now_ms) == 0
    log.away = False
    assert await timer.tick(now_ms + 1) == 1


async def test_what_redis_lost_is_published_whole_again(redis: Redis) -> None:
    world = World(redis)
    state = world.states[0]
    state.put(key("a"), START_MS)
    state.count({(STUDIO, GAME): {START_MS // MINUTE: 5}})
    state.advance({(STUDIO, GAME): (START_MS, START_MS)})
    await world.publish()
    await redis.flushdb()
    state.put(key("b"), START_MS + 1)
    await world.publish()
    source = RedisDeadlines(redis, partitions=1)
    found = await source.open_until(0, GAME, START_MS + 1, 10)
    assert [session.session_id for session in found] == ["a", "b"]
    assert await world.live.events_per_minute(GAME) == {START_MS // MINUTE: 5}
    state.count({(STUDIO, GAME): {START_MS // MINUTE: 2}})
    await world.publish()
    assert await world.live.events_per_minute(GAME) == {START_MS // MINUTE: 7}


async def test_a_redis_that_is_away_keeps_nobody_waiting_for_long(redis: Redis) -> None:
    del redis  # this one is not asked
    state = LiveState()
    away = connect("redis://127.0.0.1:9/0")
    assert not await RedisLive(away).publish(0, state)
    await away.aclose()


async def test_a_brokers_clock_that_jumped_ahead_neither_stops_the_watermark_nor_ends_sessions(
    redis: Redis,
) -> None:
    world = World(redis)
    state = world.states[0]
    now_ms = START_MS + SESSION_ENDS_AFTER_MS
    jumped_ms = now_ms + 6 * 60 * MINUTE
    state.put(key("old"), START_MS)
    state.put(key("open"), now_ms - MINUTE)
    state.advance({(STUDIO, GAME): (jumped_ms, jumped_ms)})  # an event of the future came with it
    await world.publish()
    assert await world.timer.tick(now_ms - 1) == 0
    assert await world.timer.tick(now_ms) == 1
    assert [(due.session_id, due.watermark_ms) for due in world.said()] == [("old", now_ms)]
    assert (
        await world.timer.tick(now_ms + SESSION_ENDS_AFTER_MS) == 2
    )  # the clock moves it where nothing arrives
