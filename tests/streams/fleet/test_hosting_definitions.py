from __future__ import annotations

import msgspec
import pytest

from schemas.codec import Message
from schemas.edge.ports import Game, StoreUnavailable, Studio
from schemas.envelope import Command, Outcome
from schemas.fleet.commands import COMMANDS, ChangeSettings
from schemas.fleet.names import project_aggregate
from schemas.fleet.plans import PLANS
from schemas.studio.events import EVENTS, StudioChanged
from schemas.studio.noun import STUDIO_EVENTS
from streams.asking import Asker
from streams.effect_reader import Reading, Retry
from streams.fleet.hosting_definitions import HostingDefinitions
from streams.gateway.pending_commands import CommandUnavailable
from tests.streams.deciders.fleet.given import AT_MS, Fleet
from tests.streams.deciders.playtests.given import GAME, STUDIO
from tests.streams.playtests.test_batch_definitions import World as Definitions

HOSTING = "    hosting: {limits: {activeServers: 3}, settings: {readiness: sdk, stopGrace: 2}}\n"
OTHER = HOSTING.replace("stopGrace: 2", "stopGrace: 4")
NO_BATCHES = "      []\n"


class World(Definitions):
    """A game whose definition says something of hosting, and the fleet's real decider."""

    def __init__(self) -> None:
        super().__init__()
        self.fleet = Fleet()
        self.hosting: list[ChangeSettings] = []
        self.plan = "free"
        self.applied_to = 1_000_000

    async def submit(
        self, command: Command, *, definition: bytes = b"", partition: int | None = None
    ) -> Outcome:
        del definition, partition
        body: Message = COMMANDS.decode(command.type, command.body)
        assert isinstance(body, ChangeSettings)
        assert (command.studio_id, command.aggregate_id) == (STUDIO, project_aggregate(STUDIO, GAME))
        if self.away:
            self.away -= 1
            raise CommandUnavailable("away")
        self.hosting.append(body)
        self.fleet.given(body)
        return Outcome(command_id="", fingerprint=b"", status=200, body=b"")

    async def studio(self, studio_id: str) -> Studio | None:
        assert studio_id == STUDIO
        return Studio(id=STUDIO, slug="demo", name="Demo", plan=self.plan, created_at_ms=0)

    async def games(self, studio_id: str) -> list[Game]:
        assert studio_id == STUDIO
        return [self.held] if self.held is not None else []

    async def applied(self, partition: int, offset: int) -> bool:
        self.applied_to += 1  # the projection goes on while this is asked for again
        return partition == 0 and offset < self.applied_to

    def gets_plan(self, plan: str, *changed: str) -> None:
        """Another plan of the studio, and its event."""
        self.plan = plan
        event = StudioChanged(
            studio_id=STUDIO, slug="demo", name="Demo", plan=plan, created_at_ms=0, changed=list(changed)
        )
        self.decided(STUDIO_EVENTS, EVENTS, [event], studio_id=STUDIO, at_ms=AT_MS)

    async def read_on(self, *, patience_s: float = 5) -> None:
        reader = HostingDefinitions(
            Asker(self, COMMANDS, clock_ms=lambda: AT_MS, randomness=lambda size: b"x" * size),
            Reading(STUDIO_EVENTS, self, self),
            directory=self,
            retry=Retry(patience_s, again_s=0.001),
        )
        begin = await reader.assigned(0)
        for record in self.records[begin:]:
            await reader.handle(record)


async def test_what_a_game_declares_holds_until_a_request_changes_it() -> None:
    world = World()
    world.declares(NO_BATCHES)
    await world.read_on()
    assert world.fleet.project.limits is None  # of a game that says nothing, and has no pool, nothing is kept
    world.declares(NO_BATCHES, HOSTING)
    world.away, world.behind = 2, 3
    await world.read_on()
    settings = world.fleet.project.settings
    assert (settings.readiness, settings.stop_grace_s) == ("sdk", 2)
    assert world.fleet.project.limits is not None
    assert world.fleet.project.limits.active_servers == 3
    world.fleet.given(ChangeSettings(readiness="ports"))
    world.positions.clear()  # all is asked again
    await world.read_on()
    assert world.fleet.project.settings.readiness == "ports"
    world.declares(NO_BATCHES, OTHER)
    await world.read_on()
    settings = world.fleet.project.settings
    assert (settings.readiness, settings.stop_grace_s) == ("sdk", 4)


async def test_a_definition_that_changes_limits_alone_changes_what_its_pool_may_use() -> None:
    world = World()
    more = HOSTING.replace("activeServers: 3", "activeServers: 4")
    for declared, allowed in ((HOSTING, 3), (more, 4)):
        world.declares(NO_BATCHES, declared)
        await world.read_on()
        limits = world.fleet.project.limits
        assert limits is not None
        assert limits.active_servers == allowed
    world.fleet.given(ChangeSettings(readiness="ports"))
    world.declares(NO_BATCHES)
    await world.read_on()
    assert world.fleet.project.limits == PLANS["free"]
    assert world.fleet.project.settings.readiness == "ports"


async def test_another_plan_changes_what_a_pool_may_use_by_itself() -> None:
    world = World()
    world.declares(NO_BATCHES, HOSTING)
    await world.read_on()
    world.fleet.given(ChangeSettings(readiness="ports"))
    world.gets_plan("studio", "name", "plan")
    world.applied_to = -3  # the projection is behind
    await world.read_on()
    project = world.fleet.project
    assert project.limits == msgspec.structs.replace(PLANS["studio"], active_servers=3)  # as declared
    assert project.settings.readiness == "ports"
    asked = len(world.hosting)
    world.gets_plan("studio", "name")
    await world.read_on()
    assert len(world.hosting) == asked


async def test_what_is_away_too_long_ends_the_process() -> None:
    world = World()
    world.declares(NO_BATCHES, HOSTING)
    world.away = 1_000_000
    with pytest.raises((CommandUnavailable, StoreUnavailable), match="away"):
        await world.read_on(patience_s=0)
    assert world.positions == {}
    assert msgspec.json.encode(world.hosting) == b"[]"
