import asyncio
import os
import signal
from pathlib import Path

import pytest
from msgspec.structs import replace

from deploy.objects import FolderObjects
from schemas.fleet.objects import artefact_key, upload_key
from schemas.fleet.views import Build
from schemas.objects import new_object
from schemas.seal import Sealer
from streams.fleet.builds.images import RegistryAccess
from streams.fleet.builds.messages import Level, Step
from streams.fleet.builds.processor import AttemptFailed, BuildProcessor
from streams.fleet.builds.sandbox import Sandbox
from tests.streams.fleet.builds.processes import PYTHON, descendants, files
from tests.streams.fleet.builds.zips import SCRIPT, Item, archive, script, unpacked

NO_REGISTRIES = RegistryAccess()
BUILD = Build(
    id="build_1",
    studio_id="s",
    game_id="g",
    name="default",
    version=1,
    status="processing",
    build_type="zip",
    created_at_ms=0,
    updated_at_ms=0,
    executable_path="run",
    attempt=1,
)


class Told:
    def __init__(self) -> None:
        self.lines: list[tuple[str, Level, Step, str]] = []

    def __call__(self, build: Build, level: Level, step: Step, message: str) -> None:
        self.lines.append((build.id, level, step, message))

    def steps(self) -> list[Step]:
        return [step for _, _, step, _ in self.lines]


async def upload(objects: FolderObjects, data: bytes, build: Build = BUILD) -> None:
    async with new_object(objects, upload_key(build.game_id, build.id)) as writer:
        await writer.write(data)


async def started(
    objects: FolderObjects,
    work: Path,
    sandbox: Sandbox | None = None,
    registries: RegistryAccess = NO_REGISTRIES,
) -> BuildProcessor:
    processor = BuildProcessor(objects, work, Sealer(b"fleet"), registries=registries, sandbox=sandbox)
    await processor.start()
    return processor


async def test_an_upload_becomes_an_artefact_in_the_store(objects: FolderObjects, work: Path) -> None:
    await upload(objects, archive(script(), Item(b"a/b", b"content")))
    told = Told()
    report = await (await started(objects, work)).process(BUILD, told)
    assert (report.build_id, report.attempt, report.error) == ("build_1", 1, None)
    artefact = report.artefact
    assert artefact is not None
    stored = await objects.read(artefact_key("g", artefact.sha256))
    assert stored is not None
    assert (len(stored), artefact.files, artefact.unpacked_bytes) == (artefact.size_bytes, 2, len(SCRIPT) + 7)
    assert unpacked(stored)["a/b"][2] == b"content"
    assert (artefact.executable_path, artefact.image, artefact.image_digest) == ("run", None, None)
    assert told.steps() == ["fetch", "validate", "validate", "archive", "store", "done"]


async def test_an_attempt_stores_under_the_generation_it_was_given_in(
    objects: FolderObjects, work: Path
) -> None:
    await upload(objects, archive(script()))
    processor = await started(objects, work)
    first = (await processor.process(BUILD, Told())).artefact
    assert first is not None
    second = (await processor.process(replace(BUILD, generation=2), Told())).artefact
    assert second == replace(first, generation=2)
    assert await objects.size(artefact_key("g", first.sha256)) == first.size_bytes
    assert await objects.size(artefact_key("g", first.sha256, 2)) == first.size_bytes


async def test_an_attempt_that_is_repeated_reports_the_same(objects: FolderObjects, work: Path) -> None:
    await upload(objects, archive(script()))
    processor = await started(objects, work)
    first = await processor.process(BUILD, Told())
    told = Told()
    assert await processor.process(BUILD, told) == first
    assert any("stored already" in message for _, _, _, message in told.lines)


async def test_a_refused_build_is_reported_with_its_reason(objects: FolderObjects, work: Path) -> None:
    processor = await started(objects, work)
    told = Told()
    report = await processor.process(BUILD, told)
    assert "nothing was uploaded" in (report.error or "")
    await upload(objects, archive(script(), Item(b"../" + b"x" * 5000)))
    report = await processor.process(BUILD, told)
    assert "holds '..'" in (report.error or "")
    assert report.artefact is None
    _, level, step, message = told.lines[-1]
    assert (level, step, message) == ("error", "done", f"The build failed: {report.error}")
    assert await objects.names("games/g/builds/artefacts") == []


async def test_a_store_that_fails_is_no_fault_of_the_build(objects: FolderObjects, work: Path) -> None:
    await upload(objects, archive(script()))
    (objects.path("games/g/builds/artefacts")).write_bytes(b"in the way")
    told = Told()
    with pytest.raises(AttemptFailed):
        await (await started(objects, work)).process(BUILD, told)
    assert told.lines[-1][1:] == ("warn", "done", "attempt 1 failed: the host or its store has a fault")


async def test_an_artefact_that_is_not_what_was_said_is_not_stored(
    objects: FolderObjects, work: Path
) -> None:
    await upload(objects, archive(script()))
    made = '{"type":"made","sha256":"%s","size_bytes":1,"unpacked_bytes":1,"files":1,"executable_path":"run"}'
    lying = Sandbox(work / "empty", command=(*PYTHON, "-c", f"print({made % ('0' * 64)!r})"))
    with pytest.raises(AttemptFailed, match="not what processing said"):
        await (await started(objects, work, lying)).process(BUILD, Told())
    assert await objects.names("games/g/builds/artefacts") == []


async def test_killed_in_the_middle_and_repeated_it_gives_the_same(
    objects: FolderObjects, work: Path
) -> None:
    """The agent is killed while it processes, and while it stores; then another begins."""
    before = descendants()
    await upload(objects, archive(script(), Item(b"a", os.urandom(300_000), method=0)))
    expected = await (await started(objects, work)).process(BUILD, Told())
    for line in (1, 4):
        await objects.delete(artefact_key("g", expected.artefact.sha256 if expected.artefact else ""))
        program = f"""
import asyncio, os, signal
from pathlib import Path
from deploy.objects import FolderObjects
from tests.streams.fleet.builds.test_processor import BUILD, started
lines = []
def tell(*line):
    lines.append(line)
    if len(lines) > {line}:
        os.kill(os.getpid(), signal.SIGKILL)
async def main():
    objects = FolderObjects(Path({str(objects.path("x").parent)!r}), base_url="", secret=b"s")
    await (await started(objects, Path({str(work)!r}))).process(BUILD, tell)
asyncio.run(main())
"""
        process = await asyncio.create_subprocess_exec(*PYTHON[:1], "-c", program)
        assert await process.wait() == -signal.SIGKILL
        assert files(work) != ["empty"]
        processor = await started(objects, work)
        assert files(work) == ["empty"]
        assert await processor.process(BUILD, Told()) == expected
    async with asyncio.timeout(60):
        while not descendants() <= before:  # noqa: ASYNC110 - a process has no event
            await asyncio.sleep(0.01)


async def test_cancelled_it_leaves_nothing(objects: FolderObjects, work: Path) -> None:
    await upload(objects, archive(script(), Item(b"a", os.urandom(3_000_000), method=0)))
    processor = await started(objects, work)
    begun = asyncio.Event()

    def tell(_: Build, __: Level, step: Step, ___: str) -> None:
        if step == "validate":
            begun.set()

    task = asyncio.create_task(processor.process(BUILD, tell))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
