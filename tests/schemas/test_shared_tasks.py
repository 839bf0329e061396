from __future__ import annotations

import asyncio

import pytest

from schemas.shared_tasks import SharedTasks


class Work:
    """Counts its runs, and waits until it may end."""

    def __init__(self) -> None:
        self.runs = 0
        self.may_end = asyncio.Event()
        self.error: Exception | None = None

    async def __call__(self) -> int:
        self.runs += 1
        number = self.runs
        await self.may_end.wait()
        if self.error is not None:
            raise self.error
        return number


async def test_who_asks_meanwhile_shares_and_who_asks_later_does_not() -> None:
    shared, work = SharedTasks[str, int](), Work()
    first, second = (asyncio.create_task(shared.get("a", work)) for _ in range(2))
    await asyncio.sleep(0)
    assert ("a" in shared, len(shared)) == (True, 1)
    work.may_end.set()
    assert (await first, await second, "a" in shared) == (1, 1, False)
    assert await shared.get("a", work) == 2
    assert len(shared) == 0


async def test_a_caller_that_leaves_takes_nothing_from_the_others() -> None:
    shared, work = SharedTasks[str, int](), Work()
    leaves, stays = (asyncio.create_task(shared.get("a", work)) for _ in range(2))
    await asyncio.sleep(0)
    leaves.cancel()
    work.may_end.set()
    assert await stays == 1
    assert leaves.cancelled()


async def test_a_failure_reaches_all_and_is_not_kept() -> None:
    shared, work = SharedTasks[str, int](), Work()
    work.error = ValueError("no")
    work.may_end.set()
    found = await asyncio.gather(*(shared.get("a", work) for _ in range(2)), return_exceptions=True)
    assert [type(one) for one in found] == [ValueError, ValueError]
    _ = shared.start("alone", work)  # its failure is read by the class: an unread one would be logged
    work.error = None
    assert await shared.get("a", work) == 3
    assert len(shared) == 0


async def test_what_is_forgotten_is_begun_anew_and_leaves_the_new_one_alone() -> None:
    shared, old, new = SharedTasks[str, int](), Work(), Work()
    before = asyncio.create_task(shared.get("a", old))
    await asyncio.sleep(0)
    shared.forget("a")
    after = asyncio.create_task(shared.get("a", new))
    await asyncio.sleep(0)
    old.may_end.set()
    assert await before == 1
    await asyncio.sleep(0)
    assert "a" in shared
    new.may_end.set()
    assert (await after, old.runs, new.runs) == (1, 1, 1)


async def test_cancelling_ends_all() -> None:
    shared, work = SharedTasks[str, int](), Work()
    waiting = asyncio.create_task(shared.get("a", work))
    await asyncio.sleep(0)
    await shared.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert len(shared) == 0
