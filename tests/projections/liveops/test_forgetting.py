"""A forgotten player in the tables: rows stay exact under a pseudonym, whatever dies on the way."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

import pytest
from msgspec.structs import replace

from projections.clickhouse.noun_tables import NounTables
from projections.liveops.forgetting import forget, without_person
from projections.liveops.table_rows import PlayerGone
from schemas.liveops.event_windows import BoardChunkFinalized, GroupAssigned
from schemas.liveops.events import AttemptStarted, PlayerForgotten
from schemas.liveops.names import pseudonym
from tests.projections.dying import Died, Dying
from tests.projections.liveops.test_rebuild import run
from tests.projections.liveops.test_tables import World, chunk, decided, movement, opened, progressed

if TYPE_CHECKING:
    from schemas.codec import Message

pytestmark = pytest.mark.stack
GONE = "a/b é"
ANN = pseudonym("a" * 32)
TABLES = ("liveops_ledger", "liveops_final_entries", "liveops_scores", "liveops_events")


def forgotten(*, was_known: bool = True, player: str = GONE) -> PlayerForgotten:
    return PlayerForgotten(
        game_id="game_a", external_id=player, pseudonym=ANN, was_known=was_known, was_in_windows=False
    )


def ranked() -> Message:
    """Three ranks: a bot, the player, another."""
    made = cast("BoardChunkFinalized", chunk(0, range(1, 4)))
    entries = [replace(one, external_id=GONE) if one.rank == 2 else one for one in made.entries]
    return replace(made, entries=entries)


def started() -> Message:
    attempt = cast("Any", progressed(1.0)).attempt
    return AttemptStarted(
        game_id="game_a",
        external_id=GONE,
        attempt=attempt,
        order="desc",
        group=None,
        segment="",
        attempts_used=1,
        attempt_cap=None,
        definition="1:ab",
        player_context={"mail": "ann@example.org"},
    )


def grouped() -> Message:
    return GroupAssigned(
        game_id="game_a", event_key="weekly", window_id="w_1_2", external_id=GONE, group=1, board_id="lb_a"
    )


async def filled(world: World) -> NounTables:
    reader, _ = await world.reader()
    world.log.append(decided(movement(1), movement(2, item=True), progressed(2.5), started()))
    world.log.append(decided(ranked(), grouped()))
    other = replace(cast("Any", progressed(3.5)), external_id="a/b")
    world.log.append(decided(other))
    for record in world.log.records[0]:
        await reader.handle(record)
    return reader


async def named(world: World, word: str) -> dict[str, int]:
    """In how many rows of each table a word is, merged or not."""
    found = {}
    for table in TABLES:
        rows = await world.client.raw(f"SELECT * FROM {table} FORMAT JSONEachRow")
        told = [json.dumps(json.loads(line), ensure_ascii=False) for line in rows.splitlines()]
        found[table] = sum(word in one for one in told)
    return found


async def everything(world: World) -> list[bytes]:
    return [
        await world.client.raw(f"SELECT * FROM {table} FINAL ORDER BY ALL FORMAT JSONEachRow")
        for table in TABLES
    ]


async def test_rows_stay_exact_under_the_pseudonym(clickhouse_url: str) -> None:
    async with opened(clickhouse_url) as world:
        reader = await filled(world)
        await world.batch(reader)
        economy = await world.sums()
        before = await world.client.rows(
            "SELECT number, key, amount, balance, seed FROM liveops_ledger FINAL ORDER BY number"
        )
        await reader.handle(world.log.append(decided(forgotten())))
        await world.batch(reader)
        nowhere = dict.fromkeys(TABLES, 0)
        assert await named(world, GONE) == nowhere
        assert await named(world, "two lines") == nowhere
        assert await named(world, "ann@example.org") == nowhere
        assert await named(world, "a/b") == {**nowhere, "liveops_scores": 1, "liveops_events": 1}
        after = await world.client.rows(
            "SELECT number, key, amount, balance, seed FROM liveops_ledger FINAL"
            f" WHERE external_id = '{ANN}' AND reason = '' ORDER BY number"
        )
        assert after == before
        assert await world.sums() == economy
        ranks = await world.finals.final_entries("lb_a", 10)
        assert [(one.rank, one.external_id) for one in ranks] == [(1, "twin"), (2, ANN), (3, "p3")]
        told = await world.client.rows(
            f"SELECT event FROM liveops_events FINAL WHERE position(data, '{ANN}') > 0"
            " ORDER BY _offset, _index"
        )
        assert [event.removeprefix("liveops.") for (event,) in told] == [
            *("wallet-changed.v1", "inventory-changed.v1", "attempt-progressed.v1", "attempt-started.v1"),
            *("board-chunk-finalized.v1", "group-assigned.v1", "player-forgotten.v1"),
        ]
        assert (await run(world, clickhouse_url, verify=True)).different == []


async def test_in_the_batch_of_what_it_is_about_and_in_a_rebuild_it_is_the_same(clickhouse_url: str) -> None:
    async with opened(clickhouse_url) as world:
        reader = await filled(world)
        await reader.handle(world.log.append(decided(forgotten())))
        await world.batch(reader)
        assert await named(world, GONE) == dict.fromkeys(TABLES, 0)
        assert await world.count("liveops_ledger") == 2
        rebuilt = await run(world, clickhouse_url)
        assert rebuilt.swapped
        assert await named(world, GONE) == dict.fromkeys(TABLES, 0)


async def test_another_partition_leaves_the_ledger_to_the_players_own(clickhouse_url: str) -> None:
    async with opened(clickhouse_url) as world:
        reader = await filled(world)
        await world.batch(reader)
        gone = PlayerGone("game_a", GONE, ANN, 1, was_known=False)
        before = await everything(world)
        await forget(world.client, [gone])
        assert await everything(world) == before


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_a_death_at_any_write_is_made_good(clickhouse_url: str, *, after: bool) -> None:
    async with opened(clickhouse_url) as world:
        reader = await filled(world)
        await world.batch(reader)
        gone = PlayerGone("game_a", GONE, ANN, 0, was_known=True)
        client = Dying(clickhouse_url, world.client.database)
        at, died = 0, True
        try:
            while died:
                at += 1
                try:
                    await forget(client.arm(at, after=after), [gone])
                    died = False
                except Died:
                    died = True
        finally:
            await client.close()
        assert at > 1
        await forget(world.client, [gone])
        assert await named(world, GONE) == dict.fromkeys(TABLES, 0)
        assert await world.client.rows(
            f"SELECT count(), sum(amount) FROM liveops_ledger FINAL WHERE external_id = '{ANN}'"
        ) == [[2, 0]]


def test_an_events_words_are_kept_but_for_the_person() -> None:
    told = '{"game_id":"g","external_id":"ann","movement":{"amount":5,"reason":"for ann"},"score":5.0}'
    assert json.loads(without_person(told, ANN)) == {
        "game_id": "g",
        "external_id": ANN,
        "movement": {"amount": 5, "reason": ""},
        "score": 5.0,
    }
    assert json.loads(without_person('{"external_id":"ann","player_context":{"a":1}}', ANN)) == {
        "external_id": ANN,
        "player_context": {},
    }
