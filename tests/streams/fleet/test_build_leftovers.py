from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from deploy.objects import FolderObjects
from schemas.envelope import Decided, Event, EventsRecord
from schemas.fleet.events import (
    EVENTS,
    BuildDeleted,
    BuildEvent,
    BuildFailed,
    BuildProcessing,
    BuildReady,
    BuildRemoved,
)
from schemas.fleet.noun import FLEET_EVENTS
from schemas.fleet.objects import artefact_key, credentials_key, resolved_key, upload_key
from schemas.fleet.views import Artefact
from schemas.log_positions import Position
from schemas.objects import ObjectStoreError, new_object
from streams.effect_reader import Reading, Retry
from streams.fleet.build_leftovers import BuildLeftovers
from tests.streams.deciders.memory_log import MemoryLog
from tests.streams.fleet.builds.test_processor import BUILD

GAME = BUILD.game_id
KEYS = {
    name: make(GAME, BUILD.id)
    for name, make in {
        "credentials": credentials_key,
        "resolved": resolved_key,
        "upload": upload_key,
    }.items()
}


class Objects(FolderObjects):
    """Fails as often as is asked."""

    failures = 0

    async def delete(self, key: str) -> None:
        if self.failures:
            self.failures -= 1
            raise ObjectStoreError("away")
        await super().delete(key)


class World(MemoryLog):
    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.objects = Objects(folder, base_url="", secret=b"s")
        self.positions: dict[int, Position] = {}

    async def load(self, _log_id: str, partition: int) -> Position:
        return self.positions.get(partition, Position())

    async def save(self, _log_id: str, partition: int, position: Position) -> None:
        self.positions[partition] = position

    async def happens(self, event: BuildEvent) -> None:
        stored = Event(type=event.WIRE, aggregate_id="", sequence=0, at_ms=0, data=EVENTS.encode(event))
        decided = Decided(
            command_id="c", studio_id="s", game_id=GAME, keyed=False, fingerprint=b"", events=[stored]
        )
        source = len(self.records(FLEET_EVENTS.name))
        record = EventsRecord(version=1, src=source, gateway_id="g", record_id="r", decided=[decided])
        await self.append(FLEET_EVENTS.name, 0, msgspec.msgpack.encode(record))

    async def read_on(self, *, patience_s: float = 5) -> None:
        """From the position that is kept to the end."""
        reader = BuildLeftovers(
            self.objects, Reading(FLEET_EVENTS, self, self), retry=Retry(patience_s, again_s=0.001)
        )
        begin = await reader.assigned(0)
        for record in self.records(FLEET_EVENTS.name)[begin:]:
            await reader.handle(record)

    async def left(self) -> set[str]:
        return {name for name, key in KEYS.items() if await self.objects.size(key) is not None}


@pytest.fixture
async def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    for key in KEYS.values():
        async with new_object(world.objects, key) as writer:
            await writer.write(b"x")
    return world


async def test_nothing_goes_while_it_is_processed(world: World) -> None:
    await world.happens(BuildProcessing(build=BUILD))
    await world.read_on()
    assert await world.left() == set(KEYS)


async def test_a_failed_build_keeps_its_upload_alone(world: World) -> None:
    await world.happens(BuildFailed(build=replace(BUILD, status="failed")))
    await world.read_on()
    assert await world.left() == {"upload"}
    await world.happens(BuildDeleted(build=replace(BUILD, status="deleted")))
    await world.read_on()
    assert await world.left() == set()


async def test_what_a_ready_build_leaves_goes_when_the_store_is_back_and_once(world: World) -> None:
    ready = replace(BUILD, status="ready", credentials_key=KEYS["credentials"])
    await world.happens(BuildReady(build=ready))
    world.objects.failures = 1_000_000
    with pytest.raises(ObjectStoreError, match="away"):
        await world.read_on(patience_s=0)
    assert world.positions == {}
    world.objects.failures = 2
    await world.read_on()
    assert await world.left() == set()
    world.positions.clear()
    await world.read_on()


async def test_a_removed_builds_artefact_goes_and_what_was_stored_since_stays(world: World) -> None:
    made = Artefact(sha256="5" * 64, size_bytes=1, unpacked_bytes=1, files=1)
    old, new = (artefact_key(BUILD.game_id, made.sha256, generation) for generation in (0, 1))
    gone = replace(BUILD, status="deleted", artefact=made)
    for key in (old, new):
        async with new_object(world.objects, key) as writer:
            await writer.write(b"x")
    await world.happens(BuildDeleted(build=gone))
    await world.read_on()
    assert await world.objects.size(old) == 1
    await world.happens(BuildRemoved(build=replace(gone, removed=True)))
    await world.read_on()
    world.positions.clear()
    await world.read_on()  # late and twice
    assert [await world.objects.size(key) for key in (old, new)] == [None, 1]
