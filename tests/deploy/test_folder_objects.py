"""The folder that keeps objects: names, and what is left open."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from deploy.objects import BadKeyError, FolderObjects
from schemas.objects import new_object
from tests.deploy.objects_requests import put

if TYPE_CHECKING:
    from collections.abc import Callable


async def test_a_folders_object_is_no_folder(tmp_path: Path) -> None:
    store = FolderObjects(tmp_path, base_url="", secret=b"")
    await put(store, "a/one", b"content")
    assert await store.size("a") is None
    assert await store.size("a/one/deeper") is None


DESCRIPTORS = Path("/proc/self/fd")


def _count(folder: Path) -> int:
    return len([*folder.iterdir()])


def _wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


async def test_who_is_cancelled_while_a_file_is_opened_leaves_none_open(tmp_path: Path) -> None:
    store = FolderObjects(tmp_path, base_url="http://localhost:4000", secret=b"secret")
    async with new_object(store, "one") as writer:
        await writer.write(b"x")

    async def read() -> None:
        async for _ in store.stream("one", 0, 1):
            pass

    before = _count(DESCRIPTORS)
    for _ in range(20):
        waiting = [asyncio.ensure_future(read()), asyncio.ensure_future(store.create("two"))]
        await asyncio.sleep(0)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
    await asyncio.to_thread(_wait_until, lambda: _count(DESCRIPTORS) <= before and _count(tmp_path) == 1)


@pytest.mark.parametrize("key", ["../a", "/a", "a/../b", "a//b", "", "a/.", "a b", "ä", "a\n"])
def test_a_folder_is_never_left(tmp_path: Path, key: str) -> None:
    with pytest.raises(BadKeyError):
        FolderObjects(tmp_path, base_url="", secret=b"").path(key)
