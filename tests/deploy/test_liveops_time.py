"""A short window closes on the real stack: two timers, two processes killed in the middle, rewards once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from schemas.liveops.names import board_id
from schemas.liveops.noun import LIVEOPS_COMMANDS
from schemas.timestamps import iso_ms
from streams.liveops.windows import WindowManager
from tests.deploy.liveops_world import GAME_ID, World, define, now_ms, opened
from tests.stack import QuestlogStack

pytestmark = pytest.mark.stack

PLAYERS = 40
WINDOW_S = 10
"""A second is enough for all of them to play; a busy machine takes longer."""


@pytest.fixture
async def world(questlog_stack: QuestlogStack, tmp_path: Path) -> AsyncIterator[World]:
    await define(questlog_stack, tmp_path, "http://10.0.0.1/")
    begins = {"seconds": WINDOW_S, "from": iso_ms(now_ms() // 1000 * 1000)}
    async with opened(questlog_stack, window=begins) as made:
        yield made


async def test_a_short_window_ends_once_and_each_rank_gets_its_reward_once(world: World) -> None:
    window = world.event.window_at(now_ms())
    assert window is not None
    await asyncio.gather(*(world.play(f"p{n:02}", window.id, float(n)) for n in range(PLAYERS)))
    board = board_id(GAME_ID, "short", window.id)
    assert (await world.reads.rank(GAME_ID, board, "p39")) == 1
    other = WindowManager(world.asker, world.reads, partitions=LIVEOPS_COMMANDS.partitions)
    await asyncio.sleep(max(0.0, (window.ends_at_ms - now_ms()) / 1000))
    world.kill("worker-timer", "worker-effects")
    await other.tick(now_ms())
    wanted = {(f"p{n:02}", "rank <= 10"): 1 for n in range(30, 40)} | {("p39", "rank <= 1"): 1}
    deadline = time.monotonic() + 120
    while True:
        await other.tick(now_ms())
        grants, finalized = await world.counted(board)
        if (
            finalized
            and len(grants) >= len(wanted)
            and world.stack.parts()["worker-timer"]["state"] == "ready"
        ):
            break
        assert time.monotonic() < deadline, (grants, finalized)
        await asyncio.sleep(0.2)
    for _ in range(3):  # rounds of both timers after the end change nothing
        await other.tick(now_ms())
        await asyncio.sleep(1.0)
    grants, finalized = await world.counted(board)
    assert (dict(grants), finalized) == (wanted, 1)
    row = await world.reads.board(GAME_ID, board)
    assert row is not None
    assert (row.finalized_at_ms is not None, row.total_players) == (True, PLAYERS)
    assert len(await world.reads.pending_grants(GAME_ID, "p39")) == 2
    # A target in a private network is refused and tried again: each event waits once, whatever was killed.
    while (waits := (await world.queue.waiting()).get(f"{GAME_ID}/main", 0)) < len(wanted) + 1:
        assert time.monotonic() < deadline, waits
        await asyncio.sleep(0.2)
    assert waits == len(wanted) + 1
    over = await world.reads.windows_over(now_ms(), 100)
    assert window.id not in {one.window_id for one in over}
