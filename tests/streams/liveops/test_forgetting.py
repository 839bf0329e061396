"""Every partition is asked to forget a player, and asked again where it was away."""

from __future__ import annotations

import hashlib

import pytest

from schemas.liveops.events import PlayerForgotten
from schemas.liveops.names import is_pseudonym, player_aggregate
from streams.gateway.pending_commands import CommandUnavailable
from streams.liveops.forgetting import PlayerForgetting
from tests.streams.deciders.liveops.given import GAME_ID
from tests.streams.liveops.world import STUDIO_ID, World


class Forgetful(World):
    """Also says whom it has forgotten. Satisfies `ForgottenReads`."""

    async def forgotten(self, game_id: str, partitions: int) -> list[frozenset[str]]:
        assert (game_id, partitions) == (GAME_ID, self.partitions)
        return [frozenset(one.pseudonym for one in fold.state.forgotten.values()) for fold in self.folds]


def forgetting(world: Forgetful, *secrets: str) -> PlayerForgetting:
    def fingerprints(*of: str) -> tuple[str, ...]:
        return tuple(hashlib.sha256(repr((one, *of)).encode()).hexdigest()[:32] for one in secrets)

    return PlayerForgetting(world.asker(), world, partitions=world.partitions, fingerprints=fingerprints)


def gone(world: World) -> set[tuple[int, str, str]]:
    return {
        (where, event.external_id, event.pseudonym)
        for where, event in world.happened
        if isinstance(event, PlayerForgotten)
    }


async def test_each_partition_forgets_once_under_one_pseudonym() -> None:
    world = Forgetful()
    await world.play("ann", 3.0)
    people = forgetting(world, "secret")
    left = await people.left(STUDIO_ID, [GAME_ID], ["ann", "device", "ann"])
    assert len(left) == 2 * world.partitions
    await people.ask(left)
    assert {where for where, _, _ in gone(world)} == set(range(world.partitions))
    (pseudonym,) = {name for _, who, name in gone(world) if who == "ann"}
    assert is_pseudonym(pseudonym)
    assert pseudonym not in {name for _, who, name in gone(world) if who == "device"}
    own = world.folds[world.partition_of(player_aggregate(GAME_ID, "ann"))]
    assert player_aggregate(GAME_ID, "ann") not in own.state.players
    assert await people.left(STUDIO_ID, [GAME_ID], ["ann", "device", pseudonym]) == []


async def test_it_goes_on_where_a_partition_was_away_under_the_pseudonym_of_then() -> None:
    world = Forgetful()
    people = forgetting(world, "old secret")
    world.away = lambda where, _body: where == world.partitions - 1
    with pytest.raises(CommandUnavailable):
        await people.ask(await people.left(STUDIO_ID, [GAME_ID], ["ann"]))
    assert len(gone(world)) == world.partitions - 1
    world.away = lambda _where, _body: False
    later = forgetting(world, "new secret", "old secret")
    if world.partitions > 1:
        left = await later.left(STUDIO_ID, [GAME_ID], ["ann"])
        assert [one.partition for one in left] == [world.partitions - 1]
        await later.ask(left)
        assert len({name for _, _, name in gone(world)}) == 1
        assert await later.left(STUDIO_ID, [GAME_ID], ["ann"]) == []
