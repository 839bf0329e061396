"""Asks what time has brought, for the process managers that wait for deadlines.

The log decides: a command that comes too early, too late or twice changes nothing, so two timers are
harmless. What was asked leaves the list once its event is projected, and is asked again otherwise.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import Final

import msgspec

from schemas.codec import Message
from streams.asking import Asker, CommandRefused
from streams.gateway.pending_commands import CommandUnavailable

DUES_PER_TICK: Final = 10_000
AT_ONCE: Final = 1_000
"""Commands that wait for their answers: a few records' worth of one partition's."""

_log: Final = logging.getLogger(__name__)


class Due(msgspec.Struct, frozen=True, kw_only=True):
    """A command that is due, and where it goes."""

    studio_id: str
    game_id: str
    aggregate_id: str
    command: Message
    partition: int | None = None
    """None: the one that follows from the command."""


async def ask_all(asker: Asker, dues: Iterable[Due]) -> int:
    """Ask everything, many at once; return how many were answered. What is refused is logged and waits."""
    room = asyncio.Semaphore(AT_ONCE)

    async def ask(due: Due) -> bool:
        async with room:
            try:
                await asker.ask(
                    due.command,
                    aggregate_id=due.aggregate_id,
                    studio_id=due.studio_id,
                    game_id=due.game_id,
                    partition=due.partition,
                )
            except (CommandRefused, CommandUnavailable) as error:
                # One holds no other; it is due again next time.
                _log.warning("%s of %s waits: %s", due.command.WIRE, due.aggregate_id, error)
                return False
            return True

    return sum(await asyncio.gather(*map(ask, dues)))
