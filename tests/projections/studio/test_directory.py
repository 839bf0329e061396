"""The directory answers from memory for a second at most, and says nothing where it can't know."""

from __future__ import annotations

import asyncio
import uuid
from typing import TYPE_CHECKING

import msgspec
import pytest

from projections.redis.client import connect
from projections.redis.reader import RedisReader
from projections.studio.directory import RedisDirectory
from projections.studio.projection import STUDIO, outcome_of, project
from projections.studio.queries import StudioQueries
from schemas.edge.ports import UNKNOWN, Limits, StoreUnavailable
from schemas.envelope import (
    COMMAND_REJECTED,
    COMMAND_REPEATED,
    CommandRejected,
    CommandRepeated,
    Decided,
    Event,
    Outcome,
)
from schemas.identifiers import key_hash
from schemas.outcomes import messages_of
from schemas.studio import events as e
from schemas.studio.answers import StudioAnswer
from schemas.studio.games import GameSettings
from tests.projections.redis.support import ListLog, redis_server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from redis.asyncio import Redis

    from schemas.codec import Message

pytestmark = pytest.mark.stack
_encode = msgspec.msgpack.Encoder().encode


def decided(*messages: Message) -> Decided:
    return Decided(
        command_id=str(uuid.uuid4()),
        studio_id="user_1",
        game_id="",
        keyed=True,
        fingerprint=b"f",
        events=[
            Event(type=m.WIRE, aggregate_id="user_1", sequence=i, at_ms=5, data=e.EVENTS.encode(m))
            for i, m in enumerate(messages)
        ],
    )


def studio(slug: str = "demo") -> e.StudioDefined:
    return e.StudioDefined(studio_id="user_1", slug=slug, name="Demo", plan="studio", created_at_ms=5)


def game(game_id: str, slug: str, created_at_ms: int = 6) -> e.GameDefined:
    return e.GameDefined(
        studio_id="user_1",
        game_id=game_id,
        settings=GameSettings(slug=slug, name=slug.title(), limits=Limits(ingest_per_second=None)),
        definition_version=1,
        definition_hash="h",
        created_at_ms=created_at_ms,
    )


def renamed(game_id: str, slug: str, previous: str) -> e.GameChanged:
    return e.GameChanged(
        studio_id="user_1",
        game_id=game_id,
        settings=GameSettings(slug=slug, name=slug.title()),
        definition_version=2,
        definition_hash="h2",
        created_at_ms=6,
        changed=["slug"],
        previous_slug=previous,
    )


def key(value: str, key_id: str = "key_1") -> e.KeyCreated:
    return e.KeyCreated(
        studio_id="user_1",
        key_id=key_id,
        kind="pl_mgmt",
        name="",
        game_id="",
        tester_id="",
        hash=key_hash(value),
        created_at_ms=7,
    )


def rotated(value: str, previous: str) -> e.KeyRotated:
    return e.KeyRotated(
        studio_id="user_1",
        key_id="key_1",
        kind="pl_mgmt",
        name="",
        game_id="",
        tester_id="",
        hash=key_hash(value),
        previous_hash=key_hash(previous),
        created_at_ms=7,
        rotated_at_ms=9,
    )


def revoked(value: str) -> e.KeyRevoked:
    return e.KeyRevoked(
        studio_id="user_1", key_id="key_1", kind="pl_mgmt", game_id="", hash=key_hash(value), revoked_at_ms=9
    )


class World:
    """A Redis with the studio projection behind a reader, and a clock that the test sets."""

    def __init__(self, redis: Redis) -> None:
        self.now = 100.0
        self.redis = redis
        self.log = ListLog(STUDIO.topic)
        self.reader = RedisReader(redis, STUDIO, log=self.log)
        self.directory = RedisDirectory(redis, monotonic=lambda: self.now)
        self.queries = StudioQueries(redis)

    async def happen(self, *messages: Message) -> None:
        await self.reader.handle(self.log.append(decided(*messages)))


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    with redis_server(tmp_path / "redis") as server:
        redis = connect(server.url, timeout_s=0.5)
        world = World(redis)
        await world.reader.assigned(0)
        yield world
        await redis.aclose()


async def test_what_was_declared_is_found_every_way(world: World) -> None:
    await world.happen(studio(), game("g2", "relay", 7), game("g1", "doom", 6), key("pl_mgmt_a"))
    directory = world.directory
    found = await directory.credential("pl_mgmt_a")
    assert found is not None
    assert (found.key_id, found.kind, found.studio_id, found.game_id) == ("key_1", "pl_mgmt", "user_1", "")
    assert await directory.credential_by_hash(key_hash("pl_mgmt_a")) == found
    assert await directory.credential("pl_mgmt_b") is None
    assert (await directory.studio("user_1")) == await world.queries.studio_by_slug("demo")
    doom = await directory.game("g1")
    assert doom is not None
    assert doom.limits.ingest_per_second is None
    assert await directory.game_by_slug("user_1", "doom") == doom
    assert await directory.game_by_slug("user_2", "doom") is None
    assert [game.id for game in await directory.games("user_1")] == ["g1", "g2"]
    assert await directory.games("user_2") == []
    assert [row.key_id for row in await world.queries.keys("user_1")] == ["key_1"]


async def test_games_may_exchange_their_slugs(world: World) -> None:
    await world.happen(studio(), game("g1", "one"), game("g2", "two"))
    await world.happen(renamed("g1", "two", "one"), renamed("g2", "one", "two"))
    first, second = await world.queries.game_by_slug("user_1", "one"), await world.queries.game("g1")
    assert first is not None
    assert second is not None
    assert (first.id, second.slug) == ("g2", "two")
    await world.happen(renamed("g2", "three", "one"))
    assert await world.queries.game_by_slug("user_1", "one") is None


async def test_a_rotated_or_revoked_value_is_refused_after_a_second(world: World) -> None:
    await world.happen(studio(), key("pl_mgmt_a"))
    assert await world.directory.credential("pl_mgmt_a")
    await world.happen(rotated("pl_mgmt_b", "pl_mgmt_a"))
    world.now += 0.4
    assert await world.directory.credential("pl_mgmt_a")
    world.now += 0.6
    assert world.directory.cached_credential("pl_mgmt_a") is UNKNOWN
    assert await world.directory.credential("pl_mgmt_a") is None
    assert await world.directory.credential("pl_mgmt_b")
    assert (await world.queries.keys("user_1"))[0].rotated_at_ms == 9
    await world.happen(revoked("pl_mgmt_b"))
    world.now += 1.0
    assert await world.directory.credential("pl_mgmt_b") is None
    assert await world.queries.keys("user_1") == []


async def test_an_entry_in_use_is_refreshed_before_anyone_waits(world: World) -> None:
    await world.happen(studio(), key("pl_mgmt_a"))
    assert await world.directory.credential("pl_mgmt_a")
    world.now += 0.7
    assert world.directory.cached_credential("pl_mgmt_a")
    await asyncio.gather(*world.directory._credentials._loads._running.values())
    world.now += 0.7
    assert world.directory.cached_credential("pl_mgmt_a") is not UNKNOWN


async def test_memory_is_never_used_beyond_a_second_whatever_the_store_does(world: World) -> None:
    await world.happen(studio(), key("pl_mgmt_a"))
    assert await world.directory.credential("pl_mgmt_a")
    await world.redis.set("ready:studio", "another run")
    world.now += 0.9
    assert await world.directory.credential("pl_mgmt_a")
    world.now += 0.2
    with pytest.raises(StoreUnavailable):
        await world.directory.credential("pl_mgmt_a")
    with pytest.raises(StoreUnavailable):
        await world.directory.games("user_1")


async def test_a_slow_answer_is_no_answer(world: World) -> None:
    await world.happen(studio(), key("pl_mgmt_a"))
    ticks = iter([100.0, 101.5])
    directory = RedisDirectory(world.redis, monotonic=lambda: next(ticks))
    with pytest.raises(StoreUnavailable):
        await directory.credential("pl_mgmt_a")


async def test_after_a_restart_of_redis_nothing_is_read_until_the_projector_says_so(
    tmp_path: Path,
) -> None:
    with redis_server(tmp_path / "redis") as server:
        redis = connect(server.url, timeout_s=0.5)
        world = World(redis)
        await world.reader.assigned(0)
        await world.happen(studio(), key("pl_mgmt_a"))
        server.kill()
        with pytest.raises(StoreUnavailable):
            await world.directory.credential("pl_mgmt_a")
        server.start()
        with pytest.raises(StoreUnavailable):
            await world.directory.credential("pl_mgmt_a")
        await world.reader.idle(10_000)
        assert await world.directory.credential("pl_mgmt_a")
        await redis.aclose()


async def test_many_at_once_are_one_look_up_and_memory_is_bounded(world: World) -> None:
    await world.happen(studio())
    before = int((await world.redis.info("commandstats"))["cmdstat_evalsha"]["calls"])
    found = await asyncio.gather(*(world.directory.credential("nobody") for _ in range(200)))
    assert found == [None] * 200
    assert int((await world.redis.info("commandstats"))["cmdstat_evalsha"]["calls"]) - before == 1
    assert await world.directory.credential("x" * 10_000) is None
    assert await world.directory.credential("pl_mgmt_\ud800") is None
    assert await world.directory.game_by_slug("user_1", "d\u00f6\ud800m") is None
    assert "x" * 10_000 not in world.directory._credentials._held


def outcome(one: Decided) -> Outcome | None:
    return outcome_of(one, messages_of(one, e.EVENTS))


def test_outcomes_are_functions_of_their_own_events() -> None:
    done = outcome(decided(studio(), game("g1", "doom")))
    assert done is not None
    answer = msgspec.msgpack.decode(done.body, type=StudioAnswer)
    assert (done.status, answer.studio_id) == (200, "user_1")
    assert answer.changes == ["studio demo: new", "game doom: new"]
    nothing = outcome(decided())
    assert nothing is not None
    assert msgspec.msgpack.decode(nothing.body, type=StudioAnswer).changes == []
    made = outcome(decided(key("pl_mgmt_a")))
    assert made is not None
    assert msgspec.msgpack.decode(made.body, type=StudioAnswer).key_id == "key_1"


def test_refusals_answer_with_their_status_and_repeats_not_at_all() -> None:
    refusal = CommandRejected(status=409, code="conflict", message="taken")
    base = decided()
    rejected = msgspec.structs.replace(base, events=[envelope_event(COMMAND_REJECTED, refusal)])
    refused = outcome(rejected)
    assert refused is not None
    assert refused.status == 409
    assert msgspec.msgpack.decode(refused.body, type=CommandRejected) == refusal
    assert project(rejected, messages_of(rejected, e.EVENTS), 0, 0) == []
    repeated = msgspec.structs.replace(
        base, events=[envelope_event(COMMAND_REPEATED, CommandRepeated(first_src=3))]
    )
    assert outcome(repeated) is None


def envelope_event(name: str, data: msgspec.Struct) -> Event:
    return Event(type=name, aggregate_id="user_1", sequence=1, at_ms=5, data=_encode(data))
