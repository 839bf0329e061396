from __future__ import annotations

from pathlib import Path

import pytest

from deploy.objects import FolderObjects
from schemas.fleet import commands as ask
from schemas.fleet import events as ev
from schemas.fleet.commands import COMMANDS, ProcessBuild
from schemas.fleet.objects import UPLOAD_AWAITED_MS, upload_key
from schemas.fleet.ports import DueRow
from schemas.objects import new_object
from streams.asking import Asker
from streams.fleet.uploads import FRESH_MS, SELDOM_MS, UploadManager
from tests.streams.deciders.fleet.given import GAME, LIMITS, STUDIO, only
from tests.streams.fleet.test_dues import World as Dues


class Objects(FolderObjects):
    asked = 0

    async def size(self, key: str) -> int | None:
        self.asked += 1
        return await super().size(key)


class World(Dues):
    """Builds of the real decider; what waits for its upload is read from its state."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.objects = Objects(folder, base_url="", secret=b"s")
        asker = Asker(self, COMMANDS, clock_ms=lambda: self.at_ms, randomness=self._random)
        self.uploading = UploadManager(asker, self, self.objects)

    def create(self, *, old_client: bool = True) -> str:
        command = ask.CreateBuild(
            name="new", build_type="zip", limits=LIMITS, executable_path="run", processes_itself=old_client
        )
        return only(ev.BuildCreated, self.given(command)).build.id

    async def uploads(self, now_ms: int, limit: int) -> list[DueRow]:
        assert limit > 0
        builds = [known.build for known in self.project.builds.values()]
        return [
            DueRow("build", STUDIO, GAME, build.id, build.created_at_ms)
            for build in builds
            if build.processes_itself and build.status == "uploading" and build.created_at_ms <= now_ms
        ]

    async def put(self, build_id: str) -> None:
        async with new_object(self.objects, upload_key(GAME, build_id)) as writer:
            await writer.write(b"archive")


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


async def test_an_upload_of_an_old_client_is_processed_once_it_is_there(world: World) -> None:
    mine, other = world.create(), world.create(old_client=False)
    assert await world.uploading.tick(world.at_ms) == 0
    await world.put(mine)
    await world.put(other)
    assert await world.uploading.tick(world.at_ms) == 1
    assert await world.uploading.tick(world.at_ms) == 0
    assert [command for command, _ in world.asked] == [ProcessBuild(build_id=mine, upload_bytes=7)]
    builds = world.project.builds
    assert (builds[mine].build.status, builds[other].build.status) == ("processing", "uploading")


async def test_the_store_is_asked_less_often_later_and_not_for_ever(world: World) -> None:
    world.create()
    created_ms = world.at_ms
    for seconds in range(3):
        await world.uploading.tick(created_ms + 1000 * seconds)
    assert world.objects.asked == 3
    for seconds in range(10):
        await world.uploading.tick(created_ms + FRESH_MS + 1000 * seconds)
    assert world.objects.asked == 3 + 10 * 1000 // SELDOM_MS
    world.objects.asked = 0
    await world.uploading.tick(created_ms + UPLOAD_AWAITED_MS)
    assert world.objects.asked == 0
