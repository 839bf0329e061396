"""How an agent speaks to the log: commands to the partition that it serves, and what was decided there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Final

import msgspec

from schemas.envelope import ENVELOPE_VERSION, Command, CommandRecord, Decided, EventsRecord
from schemas.log import Appender, LogRecord, LogUnavailable
from schemas.outcomes import EXPIRED, rejection

Follow = Callable[[str, int, int], AsyncIterator[LogRecord]]
"""The records of a partition of a topic from an offset on, without end."""
_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(EventsRecord).decode


class HostLog:
    """One partition's commands and events. Raises LogUnavailable where the log does not answer."""

    def __init__(
        self,
        *,
        appender: Appender,
        follow: Follow,
        commands: str,
        events: str,
        partition: int,
        name: str,
        new_record_id: Callable[[], str],
    ) -> None:
        """`commands` and `events` are topics; `name` stands for the gateway in this agent's records."""
        self._appender = appender
        self._follow = follow
        self._commands = commands
        self._events = events
        self.partition = partition
        self._name = name
        self._new_record_id = new_record_id
        self.position: int | None = None
        """The next offset of the events to be read; None before `decided` was asked."""
        self._waiting: dict[str, asyncio.Future[Decided]] = {}

    async def decided(self, begin: int) -> AsyncIterator[Decided]:
        """What came of every command from this offset of the events on: of all hosts and projects.

        A record counts only if it is for the command record after the last one's (`EventsRecord.src`).
        """
        last: int | None = None
        self.position = begin
        async for record in self._follow(self._events, self.partition, begin):
            events = _decode(record.value)
            self.position = record.offset + 1
            if last is not None and events.src != last + 1:
                continue
            last = events.src
            for decided in events.decided:
                yield decided
                waiting = self._waiting.pop(decided.command_id, None)
                if waiting is not None and not waiting.done():
                    waiting.set_result(decided)

    async def ask(self, command: Command, *, within_s: float) -> Decided:
        """What came of the command, once `decided` has given it. Raises TimeoutError, LogUnavailable.

        Then it is unknown whether it was or will be decided; one that came too late is as unavailable.
        """
        record = CommandRecord(
            version=ENVELOPE_VERSION,
            gateway_id=self._name,
            record_id=self._new_record_id(),
            commands=[command],
        )
        waiting = self._waiting.setdefault(command.command_id, asyncio.get_running_loop().create_future())
        try:
            async with asyncio.timeout(within_s):
                await self._appender.append(self._commands, self.partition, _encode(record))
                decided = await asyncio.shield(waiting)
        finally:
            self._waiting.pop(command.command_id, None)
        refused = rejection(decided)
        if refused is not None and refused.code == EXPIRED:
            raise LogUnavailable(refused.message)
        return decided
