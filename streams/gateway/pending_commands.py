"""What a command client holds: commands that wait for outcomes, records that were sent, and how waits end."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from functools import cached_property
from typing import Final

import msgspec

from schemas.envelope import Command, Outcome
from schemas.outcomes import Sought, is_expired
from schemas.topics import COMMANDS_PER_RECORD_MAX as COMMANDS_MAX

SWEEP_S: Final = 0.5
"""How long commands that have their answers are held at most, where none before them still waits."""
COMMIT_DELAY_S: Final = 0.02
"""How long a record waits at most for those whom the last one answered, where others are in line already."""
COMMIT_DELAY_SHARE: Final = 0.75
"""The same as a share of the time that the last record took. Who comes back in time shares this record's
fixed costs; otherwise two halves of the callers take turns, and all wait for two records (group commit, as
in PostgreSQL's commit_delay and commit_siblings)."""
OTHER_BODY: Final = "this idempotency key was used with another body"


class CommandUnavailable(Exception):
    """No outcome in time, or none could be asked for: 503 with `Retry-After: retry_after_s`.

    It may or may not have happened; the same idempotency key finds out.
    """

    def __init__(self, reason: str, retry_after_s: int = 1) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s


class CommandConflict(Exception):
    """The idempotency key was used before with another body: 409."""


class CommandTooLarge(Exception):
    """The command doesn't fit a record: 413."""


class PendingCommand(msgspec.Struct, eq=False):
    """A command that is queued or in flight, and the requests that wait for its outcome."""

    command: Command
    definition: bytes
    size: int
    fresh: bool
    answer: asyncio.Future[Outcome]
    deadline: float

    @property
    def sought(self) -> Sought:
        """How its outcome is looked for."""
        return Sought(self.command.game_id, self.command.command_id)

    def resolve(self, outcome: Outcome | None) -> None:
        """Give the outcome to the waiting requests; nothing happens where there are none."""
        if outcome is None or self.answer.done():
            return
        if outcome.fingerprint != self.command.fingerprint:
            self.answer.set_exception(CommandConflict(OTHER_BODY))
        elif is_expired(outcome):
            self.answer.set_exception(CommandUnavailable("expired"))  # it surely did not happen
        else:
            self.answer.set_result(outcome)


class Deadlines:
    """Ends waits that take too long. One timer for all of them: a timer for each costs more than the wait."""

    def __init__(self, expire: Callable[[PendingCommand], None]) -> None:
        self._expire = expire
        self._waiting: deque[PendingCommand] = deque()
        """In the order of their deadlines, because all wait equally long."""
        self._timer: asyncio.TimerHandle | None = None

    @cached_property
    def loop(self) -> asyncio.AbstractEventLoop:
        """Asked once: CPython 3.11 makes a system call of it."""
        return asyncio.get_running_loop()

    def add(self, waiting: PendingCommand) -> None:
        """Put one more under its deadline."""
        self._waiting.append(waiting)
        if self._timer is None:
            self._arm()

    def _arm(self) -> None:
        at = min(self._waiting[0].deadline, self.loop.time() + SWEEP_S)
        self._timer = self.loop.call_at(at, self._sweep)

    def _sweep(self) -> None:
        now, waiting = self.loop.time(), self._waiting
        while waiting and (waiting[0].answer.done() or waiting[0].deadline <= now):
            late = waiting.popleft()
            if not late.answer.done():
                self._expire(late)
        self._timer = None
        if waiting:
            self._arm()


class CommandQueue:
    """Commands that wait for a partition's next record."""

    def __init__(self) -> None:
        self.commands: deque[PendingCommand] = deque()
        self._wanted = 0
        self._enough = asyncio.Event()

    def __len__(self) -> int:
        return len(self.commands)

    def add(self, waiting: PendingCommand) -> None:
        """Put one more in line."""
        self.commands.append(waiting)
        if 0 < self._wanted <= len(self.commands):
            self._enough.set()

    def take(self, bytes_max: int) -> list[PendingCommand]:
        """The next record's commands, without those whose callers have gone: these do not happen."""
        taken: list[PendingCommand] = []
        size, line = 0, self.commands
        while line and len(taken) < COMMANDS_MAX and size + line[0].size <= bytes_max:
            waiting = line.popleft()
            if waiting.answer.done():
                continue
            taken.append(waiting)
            size += waiting.size
        return taken

    async def wait_for_answered(self, answered: int, record_s: float) -> None:
        """Wait a little for as many as the last record answered: it took `record_s`."""
        wanted = min(len(self.commands) + answered, COMMANDS_MAX)
        await self.wait_for(wanted, min(COMMIT_DELAY_S, record_s * COMMIT_DELAY_SHARE))

    async def wait_for(self, wanted: int, seconds: float) -> None:
        """Return once so many commands are in line, or after `seconds`. One caller at a time."""
        if len(self.commands) >= wanted:
            return
        self._wanted = wanted
        self._enough.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._enough.wait()
        except TimeoutError:
            return
        finally:
            self._wanted = 0


class SentRecord:
    """A record between its append and its last outcome."""

    def __init__(self, *, record_id: str, partition: int, commands: list[PendingCommand]) -> None:
        self.record_id = record_id
        self.partition = partition
        self.commands = commands
        self.notified = asyncio.Event()
        self.released = asyncio.Event()
