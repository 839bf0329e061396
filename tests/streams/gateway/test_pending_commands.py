"""Lines gather whom the last record answered, as long as it is worth it; deadlines end long waits."""

from __future__ import annotations

import asyncio

from schemas.envelope import Command
from streams.gateway.pending_commands import CommandQueue, Deadlines, PendingCommand


def waiting(deadline: float = 0.0) -> PendingCommand:
    command = Command(
        command_id="c",
        type="put.v1",
        aggregate_id="a",
        studio_id="s",
        game_id="g",
        body=b"",
        at_ms=0,
        seed=bytes(16),
        fingerprint=b"f",
        keyed=False,
    )
    return PendingCommand(
        command=command,
        definition=b"",
        size=1,
        fresh=True,
        answer=asyncio.get_running_loop().create_future(),
        deadline=deadline,
    )


async def test_a_line_is_gathered_as_soon_as_enough_are_in_it() -> None:
    line = CommandQueue()
    line.add(waiting())
    gathering = asyncio.create_task(line.wait_for(3, 60))
    await asyncio.sleep(0)
    line.add(waiting())
    done, _ = await asyncio.wait([gathering], timeout=0.05)
    assert not done
    line.add(waiting())
    async with asyncio.timeout(30):
        await gathering
    assert len(line) == 3
    await line.wait_for(3, 60)


async def test_a_line_waits_no_longer_than_it_is_told_and_forgets_what_it_wanted() -> None:
    line, loop = CommandQueue(), asyncio.get_running_loop()
    line.add(waiting())
    begun = loop.time()
    await line.wait_for(2, 0.05)
    assert loop.time() - begun >= 0.05
    line.add(waiting())
    gathering = asyncio.create_task(line.wait_for(3, 0.05))
    await asyncio.sleep(0)
    assert not gathering.done()
    await gathering
    assert len(line) == 2


async def test_each_wait_ends_at_its_own_deadline_behind_those_that_are_answered() -> None:
    loop = asyncio.get_running_loop()
    expired: list[PendingCommand] = []

    def expire(late: PendingCommand) -> None:
        expired.append(late)
        late.answer.set_result(None)  # type: ignore[arg-type]  # nobody looks at it

    deadlines = Deadlines(expire)
    now = loop.time()
    answered, first, second = waiting(now + 0.02), waiting(now + 0.04), waiting(now + 0.08)
    for one in (answered, first, second):
        deadlines.add(one)
    answered.answer.set_result(None)  # type: ignore[arg-type]  # nobody looks at it
    await first.answer
    assert (expired[:1], loop.time() >= first.deadline) == ([first], True)
    await second.answer
    assert (expired, loop.time() >= second.deadline) == ([first, second], True)
