"""The timer asks for what is due, once for each; whatever it asks twice or early changes nothing."""

from __future__ import annotations

import hashlib
import itertools

import msgspec

from schemas.codec import Message
from schemas.envelope import Command, Outcome
from schemas.fleet import commands as ask
from schemas.fleet.answers import DoneAnswer
from schemas.fleet.commands import COMMANDS
from schemas.fleet.host_commands import HostDue
from schemas.fleet.ports import DueRow
from schemas.fleet.sizes import ComputeSize, Region
from schemas.fleet.views import PoolConfig
from streams.asking import Asker
from streams.fleet.dues import DueManager
from streams.gateway.pending_commands import CommandUnavailable
from tests.streams.deciders.fleet.given import GAME, HOST, LIMITS, STUDIO, Fleet, aggregate, kinds


class World(Fleet):
    """Satisfies `Commands` and `Dues`: the real decider answers, the dues are read from its state."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[Message, int | None]] = []
        self.happened: list[Message] = []
        self.away = False
        self._names = itertools.count(1)

    def manager(self, partitions: int = 1) -> DueManager:
        asker = Asker(self, COMMANDS, clock_ms=lambda: self.at_ms, randomness=self._random)
        return DueManager(asker, self, partitions=partitions)

    def _random(self, size: int) -> bytes:
        return hashlib.sha256(str(next(self._names)).encode()).digest()[:size]

    async def submit(
        self, command: Command, *, definition: bytes = b"", partition: int | None = None
    ) -> Outcome:
        assert definition == b""
        body = COMMANDS.decode(command.type, command.body)
        self.asked.append((body, partition))
        if self.away:
            raise CommandUnavailable("away")
        if isinstance(body, HostDue):
            assert (command.studio_id, command.game_id) == ("", "")
        else:
            assert (command.studio_id, command.game_id, partition) == (STUDIO, GAME, None)
        assert command.aggregate_id == aggregate(body, STUDIO, GAME, "")
        self.happened += self.given(body)
        return Outcome(
            command_id=command.command_id,
            fingerprint=command.fingerprint,
            status=200,
            body=msgspec.msgpack.encode(DoneAnswer()),
        )

    async def dues(self, now_ms: int, limit: int) -> list[DueRow]:
        assert limit
        rows = [
            DueRow("server", STUDIO, GAME, each, known.server.due_at_ms)
            for each, known in self.state.servers.items()
            if known.server.due_at_ms is not None
        ]
        rows += [
            DueRow("build", STUDIO, GAME, each, known.build.due_at_ms)
            for each, known in self.project.builds.items()
            if known.build.due_at_ms is not None
        ]
        rows += [
            DueRow("host", "", "", each, known.host.due_at_ms)
            for each, known in self.state.hosts.items()
            if known.host.due_at_ms is not None
        ]
        rows += [DueRow("pool", STUDIO, GAME, name, until) for name, until in self.project.paused.items()]
        return sorted((row for row in rows if row.due_at_ms <= now_ms), key=lambda row: row.due_at_ms)


async def test_a_ttl_a_pause_a_silent_build_and_a_silent_host_end() -> None:
    world = World()
    manager = world.manager()
    ending, restarting = world.running(ttl_s=60), world.running(auto_restart=True)
    world.exits(restarting)
    created = world.given(ask.CreateBuild(name="i", build_type="docker_image", image_url="a", limits=LIMITS))
    assert kinds(created) == ["BuildCreated", "BuildProcessing"]
    assert await manager.tick(world.at_ms) == 0
    world.later(1)
    assert await manager.tick(world.at_ms) == 1
    assert world.server(restarting).phase == "starting"
    world.later(59)
    assert await manager.tick(world.at_ms) == 2
    assert world.server(ending).stop_reason == "TTL_EXPIRED"
    assert kinds(world.happened[-2:]) == ["ServerStopping", "BuildProcessing"]
    world.at_ms += 20_000
    await manager.tick(world.at_ms)
    world.at_ms += 10_000
    await manager.tick(world.at_ms)
    assert world.host().host.status == "lost"
    assert await manager.tick(world.at_ms) == 0


async def test_a_pools_pause_ends_and_its_project_is_asked_once() -> None:
    world = World()
    entries: dict[Region, dict[ComputeSize, int]] = {"us-east": {"small": 1, "micro": 1}}
    pool = PoolConfig(enabled=True, regions=entries)
    world.given(ask.ChangeSettings(pool=pool, limits=LIMITS))
    for instance_id in list(world.state.servers):
        for _ in range(4):
            world.exits(instance_id)
            world.later(60)
            world.given(ask.ServerDue(instance_id=instance_id))
        world.exits(instance_id)
    assert len(world.project.paused) == 2
    world.later(300)
    assert await world.manager().tick(world.at_ms) == 1
    assert sorted(kinds(world.happened)) == ["PoolPaused", "PoolPaused", "ServerPlaced", "ServerPlaced"]
    assert await world.manager().tick(world.at_ms) == 0


async def test_every_partition_is_asked_for_a_host() -> None:
    world = World()
    world.at_ms += 20_000
    assert await world.manager(partitions=3).tick(world.at_ms) == 3
    assert [partition for _, partition in world.asked] == [0, 1, 2]
    assert kinds(world.happened) == ["HostSuspected"]


async def test_what_has_no_answer_is_asked_again() -> None:
    world = World()
    world.at_ms += 20_000
    world.away = True
    assert await world.manager().tick(world.at_ms) == 0
    world.away = False
    assert await world.manager().tick(world.at_ms) == 1
    assert world.host(HOST).host.status == "suspected"
