"""A game's definition changes in mid-window: whichever gateway asks, one board is played by one version."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from schemas.codec import Message
from schemas.edge.ports import Credential, KeyKind
from schemas.envelope import Outcome
from schemas.liveops.access import Caller
from schemas.liveops.answers import StartAnswer
from schemas.liveops.commands import OpenWindow, ReportProgress, StartAttempt
from schemas.liveops.definitions import resolve_event
from schemas.liveops.event_windows import BoardFinalized, WindowOpened
from schemas.liveops.events import AttemptProgressed, AttemptStarted
from schemas.liveops.names import player_aggregate
from streams.gateway.liveops.asking import Asked, Asking
from streams.gateway.liveops.attempt_start import Starting
from streams.gateway.liveops.bodies import StartBody
from streams.gateway.liveops.window_pins import WindowPins
from streams.gateway.pending_commands import CommandUnavailable
from streams.liveops.windows import WindowManager
from tests.streams.deciders.liveops.given import GAME_ID, event
from tests.streams.liveops.world import World, game_of

OLD = event()
NEW = event(order="asc", scoreFormula="frags * 1000.0")
CREDENTIAL = Credential(key_id="k", kind=KeyKind.SDK_LIVE, studio_id="user_1", game_id=GAME_ID)


class Gateway:
    """What one gateway does with a start, knowing one version of the game. `define` tells it another."""

    def __init__(self, world: World, definition: dict[str, Any], version: int = 1) -> None:
        client: Any = world
        self.world = world
        self.asking = Asking(client, clock_ms=lambda: world.at_ms, randomness=world._random)
        self.pins = WindowPins(world, world.partitions)
        self.starting = Starting(self.asking, client, self.pins)
        self.define(definition, version)

    def define(self, definition: dict[str, Any], version: int) -> None:
        self.game = game_of(definition, version)
        self.event = resolve_event(self.game, "frags")

    async def start(self, player: str) -> Outcome:
        asked = Asked(
            caller=Caller(CREDENTIAL, self.game),
            player=player,
            operation="start",
            key=self.asking.new_key(),
            given=False,
            meaning=StartBody(),
        )
        return await self.starting.start(asked, StartBody(), "frags", self.event, self.world.at_ms)

    async def play(self, player: str, frags: float) -> None:
        started = await self.start(player)
        attempt = msgspec.msgpack.decode(started.body, type=StartAnswer).attempt
        report = ReportProgress(
            event_key="frags", attempt_id=attempt.id, mode="increment", metric_value=frags
        )
        await self.world.ask(report, player_aggregate(GAME_ID, player))


def versions(world: World) -> set[str]:
    return {started.definition.partition(":")[0] for started in world.found(AttemptStarted)}


async def test_a_definition_that_changes_in_mid_window_holds_from_the_next_window_on() -> None:
    world = World(OLD)
    gateway = Gateway(world, OLD)
    await gateway.play("p0", 1.0)
    gateway.define(NEW, 2)
    other = Gateway(world, NEW, 2)  # it has seen nothing of the window yet
    for number in range(1, 20):
        await (gateway, other)[number % 2].play(f"p{number}", float(number))
    assert versions(world) == {"1"}
    entries = [progressed.entry for progressed in world.found(AttemptProgressed)]
    assert {entry.order for entry in entries} == {"desc"}
    assert sorted(entry.score for entry in entries) == sorted([1.0, *map(float, range(1, 20))])
    world.at_ms = world.window.ends_at_ms
    await WindowManager(world.asker(), world, partitions=world.partitions).tick(world.at_ms)
    assert [done.total_players for done in world.found(BoardFinalized)] == [20]
    world.happened.clear()
    await other.start("p0")
    assert versions(world) == {"2"}


async def test_two_gateways_that_open_a_window_at_once_with_two_versions_play_by_the_first_in_the_log() -> (
    None
):
    world = World(OLD)
    old, new = Gateway(world, OLD), Gateway(world, NEW, 2)
    await asyncio.gather(*((old, new)[number % 2].start(f"p{number}") for number in range(20)))
    assert len(world.found(AttemptStarted)) == 20
    assert len(versions(world)) == 1
    assert {opened.reference for opened in world.found(WindowOpened)} == {
        started.definition for started in world.found(AttemptStarted)
    }


async def test_a_window_is_opened_once_by_a_gateway_and_a_later_start_asks_nothing_more() -> None:
    world = World(OLD)
    gateway = Gateway(world, OLD)
    await asyncio.gather(*(gateway.start(f"p{number}") for number in range(5)))
    assert sum(isinstance(body, OpenWindow) for _, body in world.asked) == 1
    world.asked.clear()
    reads: Any = None
    gateway.pins._reads = reads  # who looks again fails
    await gateway.start("p9")
    assert [type(body) for _, body in world.asked] == [StartAttempt]


async def test_a_gateway_that_dies_after_opening_leaves_a_window_that_others_use_and_that_ends() -> None:
    world = World(OLD)
    gateway = Gateway(world, OLD)

    def dies(_partition: int, body: Message) -> bool:
        return isinstance(body, StartAttempt)

    world.away = dies
    with pytest.raises(CommandUnavailable):
        await gateway.start("p0")
    world.away = lambda _partition, _body: False
    await Gateway(world, NEW, 2).start("p1")
    assert versions(world) == {"1"}


async def test_a_window_that_was_pinned_before_in_other_partitions_keeps_its_first_version() -> None:
    world = World(OLD)
    home = world.partition_of(world.event_aggregate)
    players = [player_aggregate(GAME_ID, f"q{number}") for number in range(50)]
    elsewhere = [aggregate for aggregate in players if world.partition_of(aggregate) != home]
    aggregate = (elsewhere or players)[0]
    await world.ask(StartAttempt(event_key="frags", window_id=world.window.id), aggregate)
    await Gateway(world, NEW, 2).start("p1")
    assert versions(world) == {"1"}


async def test_a_window_that_cannot_be_opened_now_is_asked_again() -> None:
    world = World(OLD)
    gateway = Gateway(world, OLD)
    world.folds[world.partition_of(world.event_aggregate)].state = msgspec.structs.replace(
        world.folds[0].state, time_ms=world.window.ends_at_ms
    )
    with pytest.raises(CommandUnavailable):
        await gateway.start("p0")
    world.folds[world.partition_of(world.event_aggregate)].state = msgspec.structs.replace(
        world.folds[0].state, time_ms=world.at_ms
    )
    assert (await gateway.start("p0")).status == 201


async def test_the_pinned_version_says_what_is_asked_of_a_player() -> None:
    world = World(OLD)
    await Gateway(world, OLD).start("p0")
    segmented = event(mode="segmented", segmentBy="region")
    started = await Gateway(world, segmented, 2).start("p1")
    assert started.status == 201
    world.at_ms = world.window.ends_at_ms
    assert (await Gateway(world, segmented, 2).start("p1")).status == 400
