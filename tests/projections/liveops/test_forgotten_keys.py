"""A forgotten player in Redis: own keys go, a place on a board or in a lobby stays under the pseudonym."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from projections.redis.person_keys import HeldKey, PersonKeys
from projections.redis.reader import RedisReader
from projections.redis.rebuild import rebuild
from projections.redis.stores import Store
from schemas.liveops import commands as ask
from schemas.liveops.names import pseudonym
from schemas.liveops.persons import PERSONAL
from schemas.persons import Person
from tests.projections.liveops.support import PARTITIONS, STUDIO_ID
from tests.streams.deciders.liveops.given import GAME_ID, event

if TYPE_CHECKING:
    from tests.projections.liveops.support import Projected

pytestmark = pytest.mark.stack
MATCH = {"size": 3, "minPlayers": 2, "fillSeconds": 20}
GONE = "an*n"
ANN = pseudonym("a" * 32)
FORGET = ask.ForgetPlayer(pseudonym=ANN)


async def held(projected: Projected, player: str) -> list[HeldKey]:
    keys = PersonKeys(Store(projected.redis, projected.noun.name))
    person = Person(studio_id=STUDIO_ID, games=(GAME_ID,), id=player)
    return [one for key in PERSONAL.keys async for one in keys.held(key, person)]


async def play(projected: Projected, player: str, score: float) -> tuple[str, str]:
    """A wallet, a score on a board, a place in a lobby; the ids of the two."""
    window = projected.liveops.window()
    await projected.given(ask.RegisterPlayer(secret_hash="h"), player)  # noqa: S106 - a hash of none
    await projected.given(ask.CreditWallet(economy_key="gold", amount=3), player)
    start = ask.StartAttempt(event_key="frags", window_id=window)
    attempt = (await projected.given(start, player))[-1].attempt
    report = ask.ReportProgress(event_key="frags", attempt_id=attempt.id, mode="set", metric_value=score)
    await projected.given(report, player)
    join = ask.JoinEvent(event_key="duel", window_id=window, external_id=player)
    joined = (await projected.given(join, player))[-1]
    return attempt.board_id, joined.lobby_id


async def opened(projected: Projected) -> tuple[str, str]:
    await projected.open()
    projected.liveops.define(event(), event("duel", matchmaking=MATCH))
    for player, score in ((GONE, 3.0), (f"{GONE}/b", 2.0), ("bob", 1.0)):
        found = await play(projected, player, score)
    return found


async def everything(projected: Projected) -> dict[bytes, Any]:
    """Every key of the generation but news and positions, as Redis dumps it."""
    return {
        key: await projected.redis.dump(key)
        async for key in projected.redis.scan_iter(match=f"{projected.noun.name}:*")
        if b":stream:" not in key and not key.endswith(b":positions")
    }


async def test_what_is_theirs_goes_and_ranks_and_places_stay(projected: Projected) -> None:
    board, lobby = await opened(projected)
    others = await held(projected, f"{GONE}/b"), await held(projected, "bob")
    await projected.given(FORGET, GONE)
    assert await held(projected, GONE) == []
    assert (await held(projected, f"{GONE}/b"), await held(projected, "bob")) == others
    for key in await everything(projected):
        assert f"{GAME_ID}/{GONE}/frags".encode() not in key
    view = await projected.queries.view(GAME_ID, board, 10, ANN)
    assert view is not None
    assert [(one.rank, one.external_id, one.score) for one in view.entries] == [
        (1, ANN, 3.0),
        (2, f"{GONE}/b", 2.0),
        (3, "bob", 1.0),
    ]
    assert view.self_entry == view.entries[0]
    row = await projected.queries.lobby(GAME_ID, lobby)
    assert row is not None
    assert {ANN, f"{GONE}/b", "bob"} == {name for name, _ in row.players}
    assert await projected.queries.player(GAME_ID, GONE) is None
    assert await projected.queries.forgotten(GAME_ID, 2) == [frozenset({ANN}), frozenset()]


async def test_it_is_applied_once_and_built_again_the_same(projected: Projected) -> None:
    await opened(projected)
    await projected.given(FORGET, GONE)
    await projected.given(ask.CreditWallet(economy_key="gold", amount=1), "bob")
    before = await everything(projected)
    again = RedisReader(projected.redis, projected.noun, log=projected.log)
    for partition in range(PARTITIONS):
        await again.assigned(partition)
    for record in projected.records:
        await again.handle(record)
    assert await everything(projected) == before
    for name, verify in (("v", True), ("r", False)):
        result = await rebuild(
            projected.redis,
            projected.noun,
            log=projected.log,
            generation=name,
            progress=lambda _done, _total: None,
            verify=verify,
        )
        assert (result.different, result.swapped) == ([], not verify)
    assert await held(projected, GONE) == []
    assert len(await everything(projected)) == len(before)
