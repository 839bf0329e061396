"""Look-ups of outcomes by key: those of one partition that come together are one look-up in the store.

One for each request would cost more than all the rest of a request that is refused without a command.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Final

from schemas.edge.ports import StoreUnavailable
from schemas.envelope import Outcome
from schemas.outcomes import Sought
from streams.gateway.answers import Answers

FOUND_AT_ONCE_MAX: Final = 256
"""Commands of one look-up; more make another."""

Waiting = tuple[Sought, "asyncio.Future[Outcome | None]"]


class StoredOutcomes:
    """Of one command client. What is asked in one turn of the event loop is asked together."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._waiting: dict[int, list[Waiting]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def find(self, partition: int, sought: Sought) -> Outcome | None:
        """The outcome of a command, as the store has it after this call. Raises StoreUnavailable."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Outcome | None] = loop.create_future()
        waiting = self._waiting.get(partition)
        if waiting is None:
            waiting = self._waiting[partition] = []
            loop.call_soon(self._send, partition)
        waiting.append((sought, answer))
        return await answer

    async def close(self) -> None:
        """Who waits gets StoreUnavailable."""
        tasks = [*self._tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _send(self, partition: int) -> None:
        waiting = self._waiting.pop(partition)
        for first in range(0, len(waiting), FOUND_AT_ONCE_MAX):
            some = waiting[first : first + FOUND_AT_ONCE_MAX]
            task = asyncio.get_running_loop().create_task(self._run(partition, some))
            self._tasks.add(task)
            task.add_done_callback(partial(self._ended, some))

    def _ended(self, some: list[Waiting], task: asyncio.Task[None]) -> None:
        """End all waits, also where the task was cancelled before it began."""
        self._tasks.discard(task)
        for _, answer in some:
            if not answer.done():
                answer.set_exception(StoreUnavailable("stopping"))

    async def _run(self, partition: int, some: list[Waiting]) -> None:
        try:
            found = await self._answers.find(partition, [sought for sought, _ in some])
        except Exception as error:  # noqa: BLE001 - raised in every task that waits
            for _, answer in some:
                if not answer.done():  # else the caller was cancelled
                    answer.set_exception(error)
            return
        for (_, answer), outcome in zip(some, found, strict=True):
            if not answer.done():
                answer.set_result(outcome)
