"""A host without space: what can't be started is said, and the agent and the servers that run go on."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn, cast

import pytest

from schemas.fleet import commands as ask
from schemas.fleet.host_commands import Report
from schemas.fleet.limits import STOP_GRACE_MAX_S
from schemas.fleet.names import project_aggregate
from streams.fleet.host.agones.known import Known, noted_end
from streams.fleet.host.agones.printed import Printed
from streams.fleet.host.attempts import Attempt, Attempts
from streams.fleet.host.conversation import Conversation
from streams.fleet.host.driver import Exit
from streams.fleet.host.launch import Launch
from streams.fleet.host.oci import RUNTIMES
from streams.fleet.host.output import Output
from streams.fleet.host.servings import Servings
from tests.streams.fleet.host.agones.test_states import ended, server
from tests.streams.fleet.host.fleet_log import GAME, STUDIO, Fleet
from tests.streams.fleet.host.small_disk import Lack, SmallDisk, small_disk
from tests.streams.fleet.host.test_agent import SERVE, tell
from tests.streams.fleet.host.world import Kind, World, kinds, nothing_left, until


def full(*_: object, **__: object) -> NoReturn:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


async def test_a_server_whose_folder_has_no_space_is_told_as_never_started() -> None:
    reports: list[Report] = []
    servings = Servings(
        cast("Any", SimpleNamespace(make=full)),
        driver=cast("Any", SimpleNamespace(name="fake", isolation="oci")),
        builds=cast("Any", None),
        launch_of=cast("Any", lambda spec: spec),
        executor=ThreadPoolExecutor(1),
        clock_ms=lambda: 1,
        report=lambda report, _: reports.append(report),
        run=cast("Any", None),
        changed=lambda: None,
    )
    servings.wanted = cast(
        "Any",
        SimpleNamespace(wants=lambda: {"one-1": "running"}, entries={"one-1": SimpleNamespace(spec=None)}),
    )
    servings.act()
    servings.act()  # until the log knows it, it is told once
    assert [(report.instance_id, report.attempt, report.kind, report.reason) for report in reports] == [
        ("one", 1, "exited", "STARTUP_FAILURE_DOWNLOAD")
    ]


async def test_a_state_that_can_not_be_written_is_shown_by_the_sdk_alone() -> None:
    conversation = Conversation(
        cast("Any", SimpleNamespace(id="one-1")),
        driver=cast("Any", SimpleNamespace(show=full)),
        in_thread=cast("Any", None),
        document={},
        said=lambda _: None,
        custom_data=lambda _: None,
    )
    conversation.show({"status": "running"})
    assert conversation._sdk._shown() == {"status": "running"}


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    (tmp_path / "small").mkdir()
    with small_disk(tmp_path / "small") as found:
        yield found


@pytest.fixture
async def host(disk: SmallDisk, tmp_path: Path) -> AsyncIterator[Fleet]:
    """A host of the driver that this machine runs best, with all of its files on the small disk."""
    async with on_small_disk(disk, kinds()[0], tmp_path) as fleet:
        yield fleet


@asynccontextmanager
async def on_small_disk(disk: SmallDisk, kind: Kind, folder: Path) -> AsyncIterator[Fleet]:
    with nothing_left(disk.root / "host", kind):
        world = World(disk.root / "host", kind)
        fleet = Fleet(world, folder)
        await fleet.open({"serve": SERVE})
        await fleet.log.ask(
            ask.ChangeSettings(stop_grace_s=STOP_GRACE_MAX_S), project_aggregate(STUDIO, GAME)
        )
        yield fleet
        world.close()


def fill_before_start(host: Fleet, disk: SmallDisk, monkeypatch: pytest.MonkeyPatch) -> None:
    """An attempt's folder is there, and then no file more can be made. What is printed has room."""
    start = host.world.driver.start

    def start_on_a_full_disk(attempt: Attempt) -> bool:
        disk.fill("inodes")
        return start(attempt)

    monkeypatch.setattr(host.world.driver, "start", start_on_a_full_disk)


@pytest.mark.parametrize("lack", ["space", "inodes"])
async def test_a_host_goes_on_while_its_disk_is_full(host: Fleet, disk: SmallDisk, lack: Lack) -> None:
    async with host.agent():
        first = await host.start(name="first")
        await host.log.until(first.instance_id, "running")
        await host.output(first, "bound")
        disk.fill(lack)
        second = await host.start(name="second")
        refused = await host.log.until(second.instance_id, "stopped")
        assert refused.stop_reason == "STARTUP_FAILURE_DOWNLOAD"
        await tell(host.log.server(first.instance_id), b"shutdown")
        ended = await host.log.until(first.instance_id, "stopped")
        assert (ended.stop_reason, ended.exit_code) == ("SHUTDOWN_SIGNAL", 5)
        disk.free()
        third = await host.start(name="third")
        await host.log.until(third.instance_id, "running")


async def test_a_server_that_starts_while_the_disk_becomes_full_runs_and_is_noted_later(
    disk: SmallDisk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with on_small_disk(disk, "plain", tmp_path) as host, host.agent():
        fill_before_start(host, disk, monkeypatch)
        server = await host.start()
        await host.log.until(server.instance_id, "running")
        (attempt,) = host.world.attempts
        assert not attempt.marked("ready")
        disk.free()
        async with asyncio.timeout(30):
            while not (attempt.marked("ready") and attempt.marked("started")):  # noqa: ASYNC110 - of files
                await asyncio.sleep(0.05)


async def test_a_server_whose_runtime_finds_the_disk_full_is_told_as_never_started(
    host: Fleet, disk: SmallDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with host.agent():
        fill_before_start(host, disk, monkeypatch)
        server = await host.start()
        if host.world.kind in RUNTIMES:  # they keep files of their own
            stopped = await host.log.until(server.instance_id, "stopped")
            assert stopped.stop_reason == "STARTUP_FAILURE_EXECUTABLE"
        else:
            await host.log.until(server.instance_id, "running")


@pytest.mark.parametrize("lack", ["space", "inodes"])
async def test_an_agent_begins_on_a_full_disk(host: Fleet, disk: SmallDisk, lack: Lack) -> None:
    async with host.agent():
        server = await host.start()
        await host.log.until(server.instance_id, "running")
    disk.fill(lack)
    async with host.agent():
        await host.stop(server)
        await host.log.until(server.instance_id, "stopped")
    assert host.happened(server) == ["placed", "started", "ready", "stopping", "stopped"]


def test_a_parent_that_can_not_note_itself_starts_no_server(tmp_path: Path) -> None:
    root = tmp_path / "host"
    with nothing_left(root, "plain"):
        world = World(root, "plain")
        attempt = world.attempts.make(world.script("touch $HOME/ran"), driver="process", now_ms=0)
        world.driver.prepare(attempt, None)
        (attempt.folder / "parent").unlink()
        (attempt.folder / "parent").symlink_to("/nonexistent/parent")  # what can't be written
        assert world.driver.start(attempt)
        until(lambda: not attempt.locked())
        assert not (attempt.folder / "game" / "ran").exists()
        assert (world.driver.adopt(attempt), world.driver.began(attempt)) == (False, False)
        world.close()


def test_what_was_told_gives_the_room_to_note_it(disk: SmallDisk) -> None:
    launch = Launch(instance_id="i", attempt=1, region="eu-west", command=("x",), cpu_cores=1, memory_mib=64)
    attempt = Attempts(disk.root).make(launch, driver="process", now_ms=0)
    attempt.output("stdout").write_bytes((b"x" * 999 + b"\n") * 4096)
    disk.fill("space")
    output = Output(attempt, 0)
    while output.read(now_s=0, now_ms=0, lines_max=10_000):
        output.appended()
    assert (attempt.folder / "told").read_bytes() == b'{"stdout":4096000,"stderr":0}'


def test_what_a_pod_prints_waits_for_room(disk: SmallDisk) -> None:
    launch = Launch(instance_id="i", attempt=1, region="eu-west", command=("x",), cpu_cores=1, memory_mib=64)
    attempt = Attempts(disk.root).make(launch, driver="agones", now_ms=0)
    printed = Printed(attempt)
    printed.take(b"2026-01-01T00:00:00Z one")
    printed.flush()
    disk.fill("space")
    line = b"x" * 9000
    printed.take(b"2026-01-01T00:00:01Z " + line)
    for _ in range(2):
        with pytest.raises(OSError, match="No space left"):
            printed.flush()
    assert attempt.output("stdout").read_bytes() == b"one\n"
    disk.free()
    printed.flush()
    assert attempt.output("stdout").read_bytes() == b"one\n" + line + b"\n"
    assert Printed(attempt).since == "2026-01-01T00:00:01Z"


def test_an_end_that_was_read_stays_known_while_it_can_not_be_noted(disk: SmallDisk) -> None:
    launch = Launch(instance_id="i", attempt=1, region="eu-west", command=("x",), cpu_cores=1, memory_mib=64)
    attempt = Attempts(disk.root).make(launch, driver="agones", now_ms=0)
    known = Known(attempt, server("Ready"))
    disk.fill("inodes")
    known.take(ended(7))
    known.take(None)
    assert (known.end, noted_end(attempt)) == (Exit(7), None)
    disk.free()
    known.take(None)
    assert noted_end(attempt) == Exit(7)
