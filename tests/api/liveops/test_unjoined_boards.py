"""The board of a window without players, and its stream, over real connections and Redis Streams."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from schemas.liveops.definitions import resolve_events
from schemas.liveops.names import board_id
from tests.api.liveops.test_streams import Client, served, update
from tests.api.liveops.world import World, entries, open_world

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.stack
HOUR_S = 3_600.0
DEFINITION: dict[str, Any] = {
    "events": [
        {
            "eventKey": "hourly",
            "name": "Hourly",
            "mode": "global",
            "window": {"every": "hour"},
            "metrics": {"frags": {}},
            "scoreFormula": "frags",
        }
    ]
}


@pytest.fixture
async def reads(redis_url: str) -> AsyncIterator[World]:
    async with open_world(redis_url, DEFINITION) as world:
        directory = world.directory
        directory.doom = msgspec.structs.replace(directory.doom, created_at_ms=0)
        directory.all_games = [directory.doom, directory.relay, directory.theirs]
        world.now = 1_800_000_000 // HOUR_S * HOUR_S + 60
        yield world


def id_at(world: World, now: float) -> str:
    (event,) = resolve_events(world.game)
    window = event.window_at(int(now * 1000))
    assert window is not None
    return board_id(world.game.id, "hourly", window.id)


async def test_it_is_empty_until_somebody_starts(reads: World) -> None:
    wanted = id_at(reads, reads.now)
    for query in ("", "?includeSelf=true&externalId=p1"):
        answer = await reads.get(f"/sdk/v1/leaderboards/{wanted}{query}")
        assert answer.status_code == 200
        body = answer.json()
        assert (body["entries"], body["totalPlayers"], body["finalized"], body["self"]) == (
            [],
            0,
            False,
            None,
        )
        assert (body["leaderboardId"], body["eventKey"]) == (wanted, "hourly")
    reads.board(wanted.removeprefix("lb_"), [7.0])
    joined = await reads.get(f"/sdk/v1/leaderboards/{wanted}?includeSelf=true&externalId=p1")
    assert joined.json()["self"]["score"] == 7.0, "one's own place is never a second old"
    reads.now += 1.0
    assert len((await reads.get(f"/sdk/v1/leaderboards/{wanted}")).json()["entries"]) == 1


async def test_the_dashboard_shows_it_too(reads: World) -> None:
    wanted, dashboard_source = id_at(reads, reads.now), reads.reads.dashboard_source
    top = await dashboard_source.top(reads.game, wanted, 50)
    assert top is not None
    assert msgspec.json.decode(top)["entries"] == []
    found = await dashboard_source.board(reads.game, wanted)
    assert found is not None
    assert found.board.id == wanted
    for game, identifier in (
        (reads.directory.theirs, wanted),
        (reads.game, id_at(reads, reads.now + HOUR_S)),
    ):
        assert await dashboard_source.top(game, identifier, 50) is None
        assert await dashboard_source.board(game, identifier) is None


async def test_ids_of_no_window_and_of_other_games_stay_404(reads: World) -> None:
    future = id_at(reads, reads.now + HOUR_S)
    foreign = reads.directory.foreign
    for wanted, key in ((future, None), ("lb_nothing", None), (id_at(reads, reads.now), foreign)):
        for path in (f"/sdk/v1/leaderboards/{wanted}", f"/sdk/v1/leaderboards/{wanted}/stream"):
            assert (await reads.get(path, key)).status_code == 404
    assert (await reads.get(f"/sdk/v1/leaderboards/{id_at(reads, reads.now)}", foreign)).status_code == 404


async def test_a_window_that_ended_without_anybody_is_final(reads: World) -> None:
    wanted = id_at(reads, reads.now - HOUR_S)
    body = (await reads.get(f"/sdk/v1/leaderboards/{wanted}?includeSelf=true&externalId=p1")).json()
    assert (body["entries"], body["finalized"], body["self"]) == ([], True, None)
    async with served(reads.serve) as (port, _):
        client = await Client.open(reads, port, wanted)
        assert (await client.event())[2] == {"leaderboardId": wanted, "finalized": True}
        assert (await client.event())[0] == "closed"
        client.close()


async def test_its_stream_is_ready_hears_the_first_and_ends_with_the_window(
    reads: World,
) -> None:
    reads.reads = reads.create(sweep_s=0.05)
    wanted = id_at(reads, reads.now)
    async with served(reads.serve) as (port, _):
        client = await Client.open(reads, port, wanted)
        name, _, data = await client.event()
        assert (name, data) == ("ready", {"leaderboardId": wanted, "finalized": False})
        await reads.tell(wanted, update(3.0))
        assert await client.scores(1) == [3.0]
        reads.now += HOUR_S  # and it is in no store: nobody but the sweep ends it
        assert (await client.event())[0] == "closed"
        with pytest.raises(EOFError):
            await client.event()
        client.close()


async def test_the_end_of_a_board_that_somebody_joined_is_left_to_its_finalization(
    reads: World,
) -> None:
    reads.reads = reads.create(sweep_s=0.05)
    wanted = id_at(reads, reads.now)
    async with served(reads.serve) as (port, _):
        client = await Client.open(reads, port, wanted)
        await client.event()
        reads.board(wanted.removeprefix("lb_"), [1.0])
        reads.rows.entries[wanted] = entries([1.0])
        reads.now += HOUR_S
        (board,) = reads.reads._listeners.of(reads.game.id)._boards.values()
        async with asyncio.timeout(60):
            while board.ends_at_ms is not None:  # noqa: ASYNC110 - the sweep has no event for it
                await asyncio.sleep(0.01)
        await reads.tell(wanted, update(9.0))
        assert await client.scores(1) == [9.0]
        await reads.tell(wanted, None)
        assert (await client.event())[0] == "closed"
        client.close()
