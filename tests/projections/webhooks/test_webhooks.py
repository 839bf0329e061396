"""Webhooks from an events record to a real receiver, over the real Redis."""

from __future__ import annotations

import asyncio
from typing import cast

import msgspec
import pytest
from redis.asyncio import Redis

from projections.webhooks.notifications import Dropped
from schemas.liveops import events as ev
from schemas.liveops.event_windows import BoardFinalized
from schemas.liveops.names import pseudonym
from schemas.liveops.views import Attempt
from schemas.log_positions import StoreRegressed
from schemas.webhooks import (
    KEPT_MS,
    Delivery,
    target_of,
)
from streams.webhooks.delivery_worker import LEASE_MS
from tests.projections.webhooks.world import Receiver, created, grant, world_of

pytestmark = pytest.mark.stack


async def test_every_kind_is_told_signed_and_in_the_sdks_shapes(redis: Redis, receiver: Receiver) -> None:
    attempt = Attempt(
        id="a1",
        event_key="frags",
        window_id="w",
        board_id="lb_1",
        status="completed",
        metrics={"frags": 3.0},
        score=3.0,
        started_at_ms=1_800_000_000_000,
        completed_at_ms=1_800_000_001_000,
    )
    done = grant(1, status="claimed", acked_by="sdk", claimed_at_ms=1_800_000_002_000)
    async with world_of(redis, receiver, "main") as world:
        world.happen(
            ev.AttemptCompleted(game_id="game_1", external_id="ann", attempt=attempt),
            created(1),
            ev.GrantClaimed(game_id="game_1", external_id="ann", grant=done),
            ev.CrateOpened(game_id="game_1", external_id="ann", crate=done, contents=grant(2)),
        )
        world.happen(
            BoardFinalized(
                game_id="game_1",
                event_key="frags",
                window_id="w",
                board_id="lb_1",
                chunks=1,
                total_players=7,
                finalized_at_ms=1_800_000_000_000,
            )
        )
        await world.read()
        await world.deliver()
        told = {name: data for _, message in receiver.got for name, data in [(message["type"], message)]}
        players = [message["type"] for _, message in receiver.got if "externalId" in message["data"]]
    assert players == [
        *("attempt.completed", "grant.created", "grant.claimed", "grant.claimed", "grant.created")
    ]
    assert receiver.bad == []
    completed = told["attempt.completed"]
    assert set(completed) == {"id", "type", "createdAt", "gameId", "data"}
    assert completed["data"]["externalId"] == "ann"
    assert completed["data"]["attempt"]["completedAt"] == "2027-01-15T08:00:01.000Z"
    assert told["grant.created"]["data"]["grant"]["entries"] == [
        {"type": "currency", "key": "gold", "quantity": 2}
    ]
    assert told["leaderboard.finalized"]["data"]["totalPlayers"] == 7
    assert len({message["id"] for _, message in receiver.got}) == len(receiver.got) == 6


async def test_a_player_gets_all_in_order_through_failures_and_others_do_not_wait(
    redis: Redis, receiver: Receiver
) -> None:
    async with world_of(redis, receiver, "main", "dead") as world:
        receiver.answers["dead"] = 500
        for number in range(1, 11):
            world.happen(created(number), sequence=number)
            world.happen(created(100 + number, "bob"), sequence=number)
        await world.read()
        await world.deliver()
        by_player = [
            (message["data"]["externalId"], message["data"]["grant"]["id"])
            for target, message in receiver.got
            if target == "main"
        ]
        assert [name for player, name in by_player if player == "ann"] == [f"grant-{n}" for n in range(1, 11)]
        assert [name for player, name in by_player if player == "bob"] == [
            f"grant-{100 + n}" for n in range(1, 11)
        ]
        assert receiver.types("dead") == []
        assert await world.queue.waiting() == {"game_1/dead": 20}
        receiver.answers.clear()
        world.ahead_ms = 3_000
        await world.deliver()
        revived = [message["data"]["grant"]["id"] for target, message in receiver.got if target == "dead"]
        assert [name for name in revived if len(name) < 9] == [f"grant-{n}" for n in range(1, 11)]
        assert await world.queue.waiting() == {}
        assert world.dead == []


async def test_new_events_do_not_shorten_a_failing_lines_pause(redis: Redis, receiver: Receiver) -> None:
    async with world_of(redis, receiver, "main") as world:
        receiver.answers["main"] = 503
        world.happen(created(1))
        reader = await world.read()
        await world.deliver()
        world.happen(created(2), sequence=2)
        await reader.handle(world.log.records[0][-1])
        receiver.answers.clear()
        await world.deliver()
        assert receiver.got == []
        world.ahead_ms = 2_500
        await world.deliver()
        assert [message["data"]["grant"]["id"] for _, message in receiver.got] == ["grant-1", "grant-2"]


async def test_what_failed_for_a_day_is_a_dead_letter_that_can_be_put_back(
    redis: Redis, receiver: Receiver
) -> None:
    async with world_of(redis, receiver, "main") as world:
        receiver.answers["main"] = 500
        world.happen(created(1))
        world.happen(created(2), sequence=2)
        await world.read()
        deliverer = await world.deliver()
        (held,) = await redis.zrange("webhooks:line:game_1/main/p/ann", 0, 0)
        for hours in (1, 12, 24, 25):
            world.ahead_ms = hours * 3_600_000 + 1_000
            await world.deliver(deliverer)
        assert [why for _, why in world.dead] == ["its target keeps failing: answered 500"] * 2
        assert await redis.keys("webhooks:line:*") == []
        receiver.answers.clear()
        given_up = msgspec.msgpack.decode(cast("bytes", held), type=Delivery)
        await world.queue.put_back(msgspec.structs.replace(given_up, queued_at_ms=world.clock_ms()))
        await world.deliver(deliverer)
        assert [message["id"] for _, message in receiver.got] == [given_up.id]


async def test_a_private_address_is_refused_by_number_and_by_name(redis: Redis, receiver: Receiver) -> None:
    async with world_of(redis, receiver, "main", allowed=False) as world:
        for host in ("127.0.0.1", "localhost", "[::1]"):
            world.host = host
            game = await world.game("game_1")
            assert game is not None
            target = target_of(game, "main")
            assert target is not None
            delivery = Delivery(
                id="evt_1",
                type="grant.created",
                game_id="game_1",
                target_id="main",
                line="l",
                sequence=1,
                queued_at_ms=0,
                body=b"{}",
            )
            assert "not a public address" in await world.send(delivery, target, 1)
    assert receiver.got == []


async def test_redirects_are_not_followed_and_slow_answers_fail(redis: Redis, receiver: Receiver) -> None:
    async with world_of(redis, receiver, "main", "slow", answer_s=0.5) as world:
        receiver.answers["main"] = 302
        world.happen(created(1))
        await world.read()
        await world.deliver()
        assert receiver.types("good") == []
        assert (await world.queue.waiting())["game_1/main"] == 1
        receiver.answers.clear()
        receiver.delay_s = 1.0
        world.ahead_ms = 3_000
        before = len(receiver.got)
        await world.deliver()
        assert (await world.queue.waiting())["game_1/main"] == 1
        await asyncio.sleep(1.0)
        assert len(receiver.got) - before <= 2  # it was received, but its answer came too late


async def test_a_deliverer_that_died_leaves_its_lease_and_the_delivery(
    redis: Redis, receiver: Receiver
) -> None:
    async with world_of(redis, receiver, "main") as world:
        world.happen(created(1))
        await world.read()
        now_ms = world.clock_ms()
        (taken,) = await world.queue.take(now_ms, lease_ms=LEASE_MS, total=9, per_target=9, fewer={})
        await world.deliver()
        assert receiver.got == []
        world.ahead_ms = LEASE_MS + 1_000
        await world.deliver()
        assert [message["id"] for _, message in receiver.got] == [taken.delivery.id]


async def test_a_record_is_put_once_whoever_reads_it_again(redis: Redis, receiver: Receiver) -> None:
    async with world_of(redis, receiver, "main") as world:
        world.happen(created(1))
        world.happen(created(2), sequence=2, src=7)  # another writer's: it does not count
        reader = await world.read()
        await reader.idle(world.clock_ms())
        await world.read()
        assert await world.queue.waiting() == {"game_1/main": 1}
        assert (await world.reader().assigned(0)) == 2
        world.happen(created(3), sequence=2, src=1)
        await world.read()
        assert await world.queue.waiting() == {"game_1/main": 2}


async def test_a_lost_redis_is_noticed_and_only_the_last_day_is_sent_again(
    redis: Redis, receiver: Receiver
) -> None:
    async with world_of(redis, receiver, "main") as world:
        world.happen(created(1))
        world.happen(created(2), sequence=2)
        old = world.log.records[0][0]
        world.log.records[0][0] = msgspec.structs.replace(
            old, appended_at_ms=old.appended_at_ms - KEPT_MS - 60_000
        )
        reader = await world.read()
        await redis.flushdb()
        with pytest.raises(StoreRegressed):
            await reader.idle(world.clock_ms())
        await world.read()
        await world.deliver()
        assert [message["data"]["grant"]["id"] for _, message in receiver.got] == ["grant-2"]


async def test_too_many_waiting_are_dead_letters_at_once(redis: Redis, receiver: Receiver) -> None:
    async with world_of(redis, receiver, "main") as world:
        world.happen(created(1))
        world.happen(created(2), sequence=2)
        await world.read(world.reader(waiting_max=1))
        assert len(world.dead) == 1
        assert await world.queue.waiting() == {"game_1/main": 1}


async def test_a_target_that_was_taken_out_gets_nothing_more(redis: Redis, receiver: Receiver) -> None:
    async with world_of(redis, receiver, "main") as world:
        world.happen(created(1))
        await world.read()
        world.names = ()
        await world.deliver()
        assert (receiver.got, world.dead, await world.queue.waiting()) == ([], [], {})


async def test_what_waits_of_a_forgotten_player_goes_and_others_wait_on(
    redis: Redis, receiver: Receiver
) -> None:
    async with world_of(redis, receiver, "main", "other") as world:
        receiver.answers["main"] = receiver.answers["other"] = 503
        world.happen(created(1), created(2))
        world.happen(created(3, "ann/b"))
        reader = await world.read()
        await world.deliver()
        assert await world.queue.waiting() == {"game_1/main": 3, "game_1/other": 3}
        world.happen(
            ev.PlayerForgotten(
                game_id="game_1",
                external_id="ann",
                pseudonym=pseudonym("a" * 32),
                was_known=True,
                was_in_windows=False,
            )
        )
        for _ in range(2):  # as after a crash before the position
            await reader.handle(world.log.records[0][-1])
            await world.queue.drop(Dropped("game_1", "p/ann"))
        assert await world.queue.waiting() == {"game_1/main": 1, "game_1/other": 1}
        receiver.answers.clear()
        world.ahead_ms = 2_500
        await world.deliver()
        assert [message["data"]["grant"]["id"] for _, message in receiver.got] == ["grant-3", "grant-3"]
        assert [key async for key in redis.scan_iter(match="webhooks:line:*")] == []
        assert await world.queue.waiting() == {}


async def test_what_holds_a_text_goes_from_a_line_and_the_rest_waits_on(
    redis: Redis, receiver: Receiver
) -> None:
    async with world_of(redis, receiver, "main") as world:
        receiver.answers["main"] = 503
        world.happen(created(1), created(2), created(3))
        await world.read()
        await world.deliver()
        first = Dropped("game_1", "p/ann", '"id":"grant-1"')
        for _ in range(2):
            await world.queue.drop(first)
            assert await world.queue.waiting() == {"game_1/main": 2}
        assert await redis.hlen("webhooks:retry:game_1/main") == 0, "the next one has its own attempts"
        await world.queue.drop(Dropped("game_1", "p/ann", '"id":"grant-3"'))
        receiver.answers.clear()
        world.ahead_ms = 2_500
        await world.deliver()
        assert [message["data"]["grant"]["id"] for _, message in receiver.got] == ["grant-2"]
        assert await world.queue.waiting() == {}
