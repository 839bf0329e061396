"""What is found of a player in boards and lobbies, whose keys name no game, is of their studio's games."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from projections.redis.person_keys import HeldKey, PersonKeys
from projections.redis.stores import Store
from schemas.liveops import commands as ask
from schemas.liveops.persons import PERSONAL
from schemas.persons import Person
from tests.projections.liveops.support import STUDIO_ID
from tests.streams.deciders.liveops.given import GAME_ID, event

if TYPE_CHECKING:
    from tests.projections.liveops.support import Projected

pytestmark = pytest.mark.stack
MATCH = {"size": 3, "minPlayers": 2, "fillSeconds": 20}


async def held(projected: Projected, person: Person) -> list[HeldKey]:
    keys = PersonKeys(Store(projected.redis, projected.noun.name))
    return [one for key in PERSONAL.keys async for one in keys.held(key, person)]


async def test_another_studio_s_player_of_the_same_id_is_another_person(projected: Projected) -> None:
    await projected.open()
    projected.liveops.define(event(), event("duel", matchmaking=MATCH))
    window = projected.liveops.window()
    for player in ("ann", "bob"):
        events = await projected.given(ask.StartAttempt(event_key="frags", window_id=window), player)
        attempt = events[-1].attempt
        score = ask.ReportProgress(
            event_key="frags", attempt_id=attempt.id, mode="increment", metric_value=3.0
        )
        await projected.given(score, player)
        join = ask.JoinEvent(event_key="duel", window_id=window, external_id=player)
        joined = (await projected.given(join, player))[-1]
    person = Person(studio_id=STUDIO_ID, games=(GAME_ID,), id="ann")
    found = await held(projected, person)
    assert {(one.key, one.field) for one in found if one.field is not None} == {
        (f"members:{attempt.board_id}", ":ann"),
        (f"lobby:{joined.lobby_id}", "p:ann"),
    }
    for games in ((), ("game_of_another_studio",)):
        assert await held(projected, Person(studio_id="another", games=games, id="ann")) == []


async def test_a_player_whose_id_begins_with_the_same_and_a_slash_is_another_person(
    projected: Projected,
) -> None:
    await projected.open()
    start = ask.StartAttempt(event_key="frags", window_id=projected.liveops.window())
    for player in ("ann", "ann/b"):
        await projected.given(start, player)
    for player in ("ann", "ann/b"):
        person = Person(studio_id=STUDIO_ID, games=(GAME_ID,), id=player)
        runs = [one.key for one in await held(projected, person) if one.key.startswith("run:")]
        assert runs == [f"run:{GAME_ID}/{player}/frags/{start.window_id}"]
