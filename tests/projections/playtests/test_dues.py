"""What is due is a list in Redis, which the timer asks from."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from schemas.envelope import Command, Outcome
from schemas.playtests.commands import COMMANDS
from streams.asking import Asker
from streams.playtests.dues import DueManager
from tests.projections.playtests.agreement import CREDIT, agrees
from tests.streams.deciders.playtests.given import DAY_MS, STUDIO, block

if TYPE_CHECKING:
    from tests.projections.playtests.support import Projected


pytestmark = pytest.mark.stack


class Answering:
    """Satisfies `Commands`: decides, projects, then answers, as the stack does."""

    def __init__(self, projected: Projected) -> None:
        self.projected = projected
        self._one = asyncio.Lock()

    async def submit(
        self, command: Command, *, definition: bytes = b"", partition: int | None = None
    ) -> Outcome:
        del definition, partition
        async with self._one:
            self.projected.given(COMMANDS.decode(command.type, command.body))
            await self.projected.apply()
        return Outcome(command_id=command.command_id, fingerprint=b"", status=200, body=b"\x80")


async def test_what_is_due_leaves_the_list_once_the_timer_has_asked(projected: Projected) -> None:
    projected.given(CREDIT)
    order_id = projected.active(30)
    for number in range(30):
        projected.claimed(order_id, f"playtester {number}")
    blocked = projected.claimed(projected.active())
    projected.given(block(blocked))
    projected.active(3, selection_mode="manual")
    await agrees(projected)
    asker = Asker(Answering(projected), COMMANDS, clock_ms=lambda: projected.at_ms, randomness=bytes)
    manager = DueManager(asker, projected.queries)
    assert await manager.tick(projected.at_ms) == 0
    projected.at_ms += DAY_MS
    assert await manager.tick(projected.at_ms) == 30
    await agrees(projected)
    assert await manager.tick(projected.at_ms) == 0
    assert await projected.queries.slots_of_status(STUDIO, "expired") == 30
    projected.at_ms += 6 * DAY_MS
    assert await manager.tick(projected.at_ms) == 2
    await agrees(projected)
    assert await projected.queries.dues(2**52, 10) == []
