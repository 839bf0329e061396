"""Snapshots are found again by the same code alone, whole, and no decision waits for one to be written."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from deploy.object_urls import SignedUrls
from deploy.objects import FolderObjects
from deploy.objects_s3 import S3Objects
from streams.deciders import studio_state
from streams.deciders.fold import Remembered
from streams.deciders.log_time import LogTime
from streams.deciders.snapshots import REMEMBERED_A_FRAME, ObjectSnapshots, Snapshot, SnapshotName
from streams.deciders.studio import STUDIO

NAME = SnapshotName(noun="studio", log_id="log-1", partition=0, events_next=10, code="c0de", mark="a-b")


def snapshot(events_next: int) -> Snapshot:
    return Snapshot(
        src=events_next - 1,
        events_next=events_next,
        time=LogTime(now_ms=1, ripe_ms=1),
        state=[b"some", b"state"],
        remembered=[Remembered("c1", 3, 1)],
        source=("gateway", "record"),
    )


async def put(store: ObjectSnapshots, events_next: int, **name: Any) -> None:
    await store.put(msgspec.structs.replace(NAME, events_next=events_next, **name), snapshot(events_next))


async def in_log(_events_next: int, mark: str) -> bool:
    return mark == NAME.mark


async def newest(store: ObjectSnapshots, events_end: int = 100) -> int | None:
    found = await store.newest(msgspec.structs.replace(NAME, events_next=events_end), in_log)
    return None if found is None else found.events_next


@pytest.fixture
def objects(tmp_path: Path) -> FolderObjects:
    return FolderObjects(tmp_path, base_url="http://localhost", secret=b"secret")


async def at_once() -> None:
    """No rest: nothing else runs in these tests."""


@pytest.fixture
def store(objects: FolderObjects) -> ObjectSnapshots:
    return ObjectSnapshots(objects, rest=at_once)


def kept(tmp_path: Path) -> list[tuple[int, str]]:
    names = [path.name.split(".") for path in (tmp_path / NAME.folder).iterdir()]
    return sorted((int(name[0]), name[1]) for name in names)


def files_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def test_without_any_there_is_none(store: ObjectSnapshots) -> None:
    assert await newest(store) is None


async def test_the_highest_that_is_in_the_log_wins(store: ObjectSnapshots) -> None:
    await put(store, 9)
    await put(store, 10)
    assert await newest(store) == 10
    assert await newest(store, events_end=9) == 9


@pytest.mark.parametrize(
    "other", [{"log_id": "log-2"}, {"partition": 1}, {"code": "beef"}, {"noun": "fleet"}]
)
async def test_only_what_matches_is_looked_at(store: ObjectSnapshots, other: dict[str, Any]) -> None:
    await put(store, 20, **other)
    assert await newest(store) is None


@pytest.mark.parametrize("mark", ["", "a-c"])
async def test_one_whose_last_record_the_log_lost_is_passed_over(store: ObjectSnapshots, mark: str) -> None:
    await put(store, 9)
    await put(store, 10, mark=mark)
    assert await newest(store) == 9


@pytest.mark.parametrize("damage", ["cut", "changed", "empty"])
async def test_a_damaged_one_is_passed_over(store: ObjectSnapshots, tmp_path: Path, damage: str) -> None:
    await put(store, 9)
    await put(store, 10)
    path = tmp_path / NAME.key
    content = path.read_bytes()
    path.write_bytes({"cut": content[:-1], "changed": b"x" + content[1:], "empty": b""}[damage])
    assert await newest(store) == 9


async def test_what_is_no_snapshot_is_left_alone(store: ObjectSnapshots, tmp_path: Path) -> None:
    await put(store, 10)
    stray = tmp_path / NAME.folder / "notes.txt"
    stray.write_text("mine")
    for events_next in range(11, 16):
        await put(store, events_next)
    assert stray.exists()
    assert await newest(store) == 15


async def test_only_the_newest_two_are_kept(store: ObjectSnapshots, tmp_path: Path) -> None:
    for events_next in range(1, 6):
        await put(store, events_next)
    assert kept(tmp_path) == [(4, "c0de"), (5, "c0de")]


async def test_two_of_other_releases_are_kept_too(store: ObjectSnapshots, tmp_path: Path) -> None:
    for events_next, code in enumerate(("old1", "old2", "old2", "new"), 1):
        await put(store, events_next, code=code)
    await put(store, 5)
    assert kept(tmp_path) == [(3, "old2"), (4, "new"), (5, "c0de")]


async def test_what_is_kept_is_what_was_put_whenever_it_is_read(store: ObjectSnapshots) -> None:
    many = [Remembered(f"c{number}", number, number) for number in range(REMEMBERED_A_FRAME + 1)]
    pieces = [bytes([number]) * 300_000 for number in range(9)]
    whole = msgspec.structs.replace(snapshot(10), remembered=many, state=pieces)
    size_bytes = await store.put(NAME, whole)
    for _ in range(2):
        found = await store.newest(NAME, in_log)
        assert found is not None
        assert (found.src, found.events_next, found.time.now_ms) == (9, 10, 1)
        assert found.size_bytes == size_bytes
        assert found.remembered == many
        assert (found.source, found.mark) == (("gateway", "record"), NAME.mark)
        assert [bytes(piece) for piece in found.state] == pieces


async def test_everything_else_goes_on_between_two_pieces(objects: FolderObjects) -> None:
    made: list[str] = []

    def pieces() -> Iterator[bytes]:
        for number in range(3):
            made.append(f"piece {number}")
            yield b"piece"

    async def rest() -> None:
        made.append("rest")

    store = ObjectSnapshots(objects, rest)
    await store.put(NAME, msgspec.structs.replace(snapshot(10), state=pieces(), remembered=[]))
    assert made == ["rest", "piece 0", "rest", "piece 1", "rest", "piece 2", "rest"]


async def test_one_given_up_leaves_nothing(objects: FolderObjects, tmp_path: Path) -> None:
    writing = asyncio.Event()

    async def for_ever() -> None:
        writing.set()
        await asyncio.Event().wait()

    putting = asyncio.ensure_future(ObjectSnapshots(objects, for_ever).put(NAME, snapshot(10)))
    await writing.wait()
    putting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await putting
    assert files_below(tmp_path) == []


async def test_a_store_that_is_away_costs_time_alone(caplog: pytest.LogCaptureFixture) -> None:
    urls = SignedUrls(base_url="", secret=b"")
    away = S3Objects("s3://b?endpoint=http://127.0.0.1:9", key="k", secret="s", urls=urls)  # noqa: S106 - a test's
    assert await ObjectSnapshots(away).newest(NAME, in_log) is None
    assert "so all is folded" in caplog.text


def test_other_evolve_code_is_another_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    before = STUDIO.code_hash()
    original = studio_state.__spec__
    assert original is not None
    monkeypatch.setattr(
        "inspect.getsource", lambda module: f"# another text of {module.__name__}", raising=True
    )
    assert STUDIO.code_hash() != before
