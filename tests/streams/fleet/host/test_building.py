"""The agent at builds, against the real decider and the real processing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from deploy.objects import FolderObjects
from schemas.fleet import commands as ask
from schemas.fleet import events as ev
from schemas.fleet.host_commands import BuildReport
from schemas.fleet.names import build_aggregate
from schemas.fleet.objects import artefact_key, upload_key
from schemas.fleet.plans import PLANS
from schemas.fleet.telemetry import BuildLine
from schemas.fleet.views import Build
from schemas.objects import new_object
from schemas.seal import Sealer
from streams.fleet.builds.processor import AttemptFailed, BuildProcessor, Tell
from streams.fleet.host.building import NO_ROOM, Building
from tests.streams.fleet.builds.test_processor import BUILD
from tests.streams.fleet.builds.zips import Item, archive, script
from tests.streams.fleet.host.fleet_log import GAME, STUDIO, Fleet
from tests.streams.fleet.host.world import World

UPLOAD = archive(script(), Item(b"a/b", b"content"))


class Held:
    """Processes when it is let."""

    def __init__(self, processor: BuildProcessor) -> None:
        self.processor = processor
        self.begun = asyncio.Event()
        self.go = asyncio.Event()
        self.given_up = 0

    async def start(self) -> None:
        await self.processor.start()

    async def process(self, build: Build, tell: Tell) -> BuildReport:
        self.begun.set()
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.given_up += 1
            raise
        return await self.processor.process(build, tell)


class Builder:
    """A project whose uploads a host processes."""

    def __init__(self, fleet: Fleet, folder: Path) -> None:
        self.fleet = fleet
        self.objects = FolderObjects(folder / "uploads", base_url="", secret=b"s")
        self._work = folder / "work"

    def processor(self) -> BuildProcessor:
        return BuildProcessor(self.objects, self._work, Sealer(b"fleet"))

    async def create(self, upload: bytes | None = UPLOAD) -> Build:
        limits = PLANS["studio"]
        created = await self.fleet.log.ask(
            ask.CreateBuild(name="new", build_type="zip", limits=limits, executable_path="run"),
            build_aggregate(STUDIO, GAME, "new"),
        )
        build = next(event.build for event in created if isinstance(event, ev.BuildCreated))
        if upload is not None:
            async with new_object(self.objects, upload_key(GAME, build.id)) as writer:
                await writer.write(upload)
        return build

    async def process(self, build: Build) -> None:
        command = ask.ProcessBuild(build_id=build.id, upload_bytes=1)
        await self.fleet.log.ask(command, build_aggregate(STUDIO, GAME, build.id))

    def lines(self, build: Build) -> list[BuildLine]:
        records = self.fleet.log.told()
        return [line for record in records for line in record.build_lines if line.build_id == build.id]


@pytest.fixture
async def builder(best: World, tmp_path: Path) -> Builder:
    fleet = Fleet(best, tmp_path)
    await fleet.log.open()
    return Builder(fleet, tmp_path)


async def until(met: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not met():  # noqa: ASYNC110 - many things may bring it about
            await asyncio.sleep(0.01)


async def test_uploads_become_ready_in_their_order_and_their_owners_read_how(builder: Builder) -> None:
    first, broken = await builder.create(), await builder.create(b"no archive")
    async with builder.fleet.agent(processor=builder.processor()):
        for build in (first, broken):
            await builder.process(build)
        failed = await builder.fleet.log.until_build(broken.id, "failed")
        ready = builder.fleet.log.build(first.id)
        assert ready.status == "ready"
        assert ready.artefact is not None
        assert await builder.objects.size(artefact_key(GAME, ready.artefact.sha256)) is not None
        error = failed.error
        assert error
        await until(lambda: any(error in line.message for line in builder.lines(broken)))
    lines = builder.lines(first)
    assert [line.number for line in lines] == list(range(1, len(lines) + 1))
    assert (lines[0].step, lines[-1].step, lines[-1].level) == ("fetch", "done", "info")
    assert {(line.studio_id, line.game_id, line.attempt) for line in lines} == {(STUDIO, GAME, 1)}


async def test_the_next_agent_does_what_one_that_ended_was_at(builder: Builder) -> None:
    build, held = await builder.create(), Held(builder.processor())
    async with builder.fleet.agent(processor=held):
        await builder.process(build)
        await held.begun.wait()
    assert (held.given_up, builder.fleet.log.build(build.id).status) == (1, "processing")
    async with builder.fleet.agent(processor=builder.processor()):
        ready = await builder.fleet.log.until_build(build.id, "ready")
        assert ready.attempt == 1


async def test_a_build_that_is_deleted_is_given_up(builder: Builder) -> None:
    build, other, held = await builder.create(), await builder.create(), Held(builder.processor())
    async with builder.fleet.agent(processor=held):
        await builder.process(build)
        await builder.process(other)
        await held.begun.wait()
        held.begun.clear()
        await builder.fleet.log.ask(
            ask.DeleteBuild(build_id=build.id), build_aggregate(STUDIO, GAME, build.id)
        )
        await held.begun.wait()
        assert held.given_up == 1
        held.go.set()
        await builder.fleet.log.until_build(other.id, "ready")


class Failing:
    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)

    async def start(self) -> None:
        pass

    async def process(self, build: Build, tell: Tell) -> BuildReport:
        tell(build, "info", "fetch", "begun")
        if self.errors:
            raise self.errors.pop(0)
        return BuildReport(build_id=build.id, attempt=build.attempt, error="no build")


@pytest.fixture
async def reports() -> list[BuildReport]:
    return []


async def test_an_attempt_that_failed_is_named_no_more_and_others_go_on(reports: list[BuildReport]) -> None:
    failing = Failing(AttemptFailed("its disk broke"), RuntimeError("unforeseen"))
    building = Building(failing, report=reports.append, clock_ms=lambda: 7)
    builds = [replace(BUILD, id=f"build_{number}") for number in range(3)]
    building.want({build.id: build for build in builds})
    assert [attempt.build_id for attempt in building.attempts()] == [build.id for build in builds]
    running = asyncio.create_task(building.run())
    await until(lambda: bool(reports))
    assert [(one.build_id, one.error) for one in reports] == [("build_2", "no build")]
    assert [attempt.build_id for attempt in building.attempts()] == ["build_2"]
    again = replace(builds[0], attempt=2)
    building.want({again.id: again, "build_2": builds[2]})
    await until(lambda: len(reports) == 2)
    assert [attempt.attempt for attempt in building.attempts()] == [2, 1]
    assert [(line.build_id, line.attempt, line.number, line.at_ms) for line in building.lines] == [
        ("build_0", 1, 1, 7),
        ("build_1", 1, 1, 7),
        ("build_2", 1, 1, 7),
        ("build_0", 2, 1, 7),
    ]
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_full_disk_ends_the_attempt_that_fills_it(reports: list[BuildReport], tmp_path: Path) -> None:
    held = Held(BuildProcessor(FolderObjects(tmp_path, base_url="", secret=b"s"), tmp_path, Sealer(b"f")))
    building = Building(
        held,
        report=reports.append,
        clock_ms=lambda: 7,
        has_room=lambda: not held.begun.is_set(),
        look_s=0.01,
    )
    building.want({BUILD.id: BUILD})
    running = asyncio.create_task(building.run())
    await until(lambda: not building.attempts())
    assert (held.given_up, reports) == (1, [])
    assert NO_ROOM in building.lines[-1].message
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
