"""A volume without space: what is written there is whole or gone, its space comes back, and it is said."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from deploy.objects import PART_PREFIX, FolderObjects
from deploy.private_files import write_private
from deploy.stack.clickhouse_space import ENDS_BELOW_BYTES, KEPT_FREE_BYTES, SpaceWatch
from deploy.stack.output import patient
from deploy.stack.volume import trouble_of
from schemas.objects import ObjectStoreError, ObjectStoreFull, new_object
from tests.deploy.small_volume import run_on_small_volume

OBJECTS = """
import asyncio, os, sys
from pathlib import Path
from deploy.objects import FolderObjects
from schemas.objects import ObjectStoreFull, new_object

async def main():
    home = Path(sys.argv[1])
    store = FolderObjects(home / "objects", base_url="", secret=b"s")
    free = await store.free_bytes()
    try:
        async with new_object(store, "a/large") as writer:
            while True:
                await writer.write(bytes(300_000))
    except ObjectStoreFull as error:
        print(error)
    print("given back", await store.free_bytes() >= free - 65536, list((home / "objects" / "a").iterdir()))
    async with new_object(store, "a/small") as writer:
        await writer.write(b"fits")
    print(await store.read("a/small"), await store.read("a/large"))

asyncio.run(main())
"""
STATUS = """
import asyncio, sys
from pathlib import Path
from deploy.stack.supervisor import Supervisor
from deploy.stack.program import ProgramSpec
from deploy.stack.volume import trouble_of

async def ready():
    return True

async def main():
    home = Path(sys.argv[1])
    said = []
    spec = ProgramSpec(name="store", argv=[sys.executable, "-c", "import time; time.sleep(60)"], ready=ready)
    supervisor = Supervisor([spec], home, said.append, lambda home: trouble_of(home, 1 << 20))
    await supervisor.start({})
    first = supervisor.programs["store"].pid
    with open(home / "filler", "wb", buffering=0) as file:
        try:
            while file.write(bytes(1 << 16)):
                pass
        except OSError:
            pass
    stop = asyncio.Event()
    watching = asyncio.create_task(supervisor.watch(stop))
    supervisor._running["store"].kill()
    while supervisor.programs["store"].state != "no space":
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)
    print("waits", supervisor.programs["store"].state, supervisor.programs["store"].pid)
    (home / "filler").unlink()
    while not (supervisor.steady and supervisor.programs["store"].pid not in (0, first)):
        await asyncio.sleep(0.01)
    while '"state": "ready"' not in (home / "status.json").read_text():
        await asyncio.sleep(0.01)
    while "the home can be written again" not in said:
        await asyncio.sleep(0.01)
    stop.set()
    await watching
    print("told again")
    await supervisor.stop()
    for line in said:
        print(line)

asyncio.run(main())
"""


def test_an_object_that_does_not_fit_gives_its_space_back(tmp_path: Path) -> None:
    volume = tmp_path / "volume"
    volume.mkdir()
    said = run_on_small_volume(volume, 4, OBJECTS, tmp_path / "said").splitlines()
    assert said == ["no space left for the object large", "given back True []", "b'fits' None"]


def test_a_supervisor_outlives_a_full_volume_and_starts_parts_when_there_is_space(tmp_path: Path) -> None:
    volume = tmp_path / "volume"
    volume.mkdir()
    said = run_on_small_volume(volume, 4, STATUS, tmp_path / "said")
    assert "waits no space 0" in said
    assert "\ntold again\n" in said
    assert said.count(f"no space left on {volume}: 1 MiB needed, 0 MiB free") == 1
    assert said.count("the home can be written again") == 1
    assert "Traceback" not in said


async def test_the_last_space_is_left_to_the_stores(tmp_path: Path) -> None:
    store = FolderObjects(tmp_path, base_url="", secret=b"s", free_floor_bytes=1 << 60)
    assert await store.free_bytes() == 0
    with pytest.raises(ObjectStoreFull):
        async with new_object(store, "a") as writer:
            await writer.write(b"x")
    assert await store.names("a") == []
    assert await asyncio.to_thread(store.remove_leftovers) == 0


async def test_leftovers_of_the_dead_are_removed_and_those_of_the_living_are_not(tmp_path: Path) -> None:
    store = FolderObjects(tmp_path, base_url="", secret=b"s")
    (tmp_path / "games").mkdir()
    (tmp_path / "games" / f"{PART_PREFIX}dead").write_bytes(b"x")
    living = await store.create("games/living")
    await living.write(b"content")
    assert await asyncio.to_thread(store.remove_leftovers) == 1
    await living.commit()
    assert await store.read("games/living") == b"content"
    assert await asyncio.to_thread(store.remove_leftovers) == 0


async def test_a_failure_to_forget_does_not_hide_why(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Stubborn:
        async def write(self, _: bytes) -> None:
            raise ObjectStoreFull("no space")

        async def commit(self) -> None:
            raise AssertionError

        async def abort(self) -> None:
            raise ObjectStoreError("nor this")

    class Store(FolderObjects):
        async def create(  # type: ignore[override]  # a writer all the same
            self, _: str, *, new: bool = False
        ) -> Stubborn:
            assert not new
            return Stubborn()

    with pytest.raises(ObjectStoreFull, match="no space"):
        async with new_object(Store(tmp_path, base_url="", secret=b""), "a") as writer:
            await writer.write(b"x")
    assert "left behind" in caplog.text


async def test_an_aborted_writer_may_be_aborted_again(tmp_path: Path) -> None:
    writer = await FolderObjects(tmp_path, base_url="", secret=b"").create("a")
    await writer.write(b"x")
    await writer.abort()
    await writer.abort()
    assert [names for _, _, names in os.walk(tmp_path) if names] == []


def test_what_is_wrong_with_a_volume_is_said(tmp_path: Path) -> None:
    assert trouble_of(tmp_path, 1) is None
    assert "MiB needed" in str(trouble_of(tmp_path, 1 << 60))
    assert "can't be reached" in str(trouble_of(tmp_path / "none"))


def test_words_that_cannot_be_written_are_lost_and_nothing_else() -> None:
    with open("/dev/full", "w", encoding="utf-8", buffering=1) as full:
        stream = patient(full)
        print("lost", file=stream, flush=True)
        with pytest.raises(OSError, match="No space"):
            print("lost", file=full, flush=True)
        os.close(os.dup(stream.fileno()))
        with pytest.raises(OSError, match="No space"):
            full.close()


def test_what_stands_there_already_needs_no_space(tmp_path: Path) -> None:
    path = tmp_path / "password"
    write_private(path, "word")
    before = path.stat()
    write_private(path, "word")
    assert path.stat().st_ino == before.st_ino
    path.chmod(0o644)
    write_private(path, "word")
    assert path.stat().st_mode & 0o777 == 0o600
    write_private(path, "other")
    assert path.read_text() == "other"


def test_the_engine_is_opened_anew_once_each_time_the_volume_fills_up() -> None:
    watch = SpaceWatch()
    assert not watch.must_end(ENDS_BELOW_BYTES - 1)  # it began on a full one: it only reads
    assert not watch.must_end(KEPT_FREE_BYTES)
    assert not watch.must_end(ENDS_BELOW_BYTES)
    assert watch.must_end(ENDS_BELOW_BYTES - 1)
