"""A drill's load lasts until its steps are over, however long they take."""

from __future__ import annotations

import asyncio

import pytest

from deploy.lab.drill.load_shares import Shares


async def settled() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


@pytest.mark.parametrize("lanes", [1, 3])
async def test_a_share_goes_with_each_step_and_the_rest_at_the_end(lanes: int) -> None:
    shares = Shares(100, 4)
    taken = 0

    async def lane() -> None:
        nonlocal taken
        while True:
            await shares.take(2)
            taken += 2

    running = [asyncio.create_task(lane()) for _ in range(lanes)]
    for wanted in (20, 40, 60, 80, 80):  # the last share stays, whatever steps there are
        await settled()
        assert taken == wanted
        assert not shares.finished
        shares.step()
    shares.finish()
    assert shares.finished
    async with asyncio.timeout(1):
        await shares.take(1_000)
    for task in running:
        task.cancel()


async def test_without_steps_all_may_go_at_once() -> None:
    shares = Shares(100, 0)
    async with asyncio.timeout(1):
        for _ in range(10):
            await shares.take(10)
