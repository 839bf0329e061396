"""What time has brought in the fleet: ttls and pauses of servers, silent hosts and builds, pools to look at.

The log decides: a command that comes too early, too late or twice changes nothing, so two timers are
harmless. What was asked leaves the list once its event is projected, and is asked again otherwise.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Final, Protocol

import msgspec

from schemas.codec import Message
from schemas.fleet import names
from schemas.fleet.commands import BuildDue, PoolDue, ServerDue
from schemas.fleet.host_commands import HostDue
from schemas.fleet.ports import DueRow
from streams.asking import Asker, CommandRefused
from streams.gateway.pending_commands import CommandUnavailable

DUES_PER_TICK: Final = 10_000
AT_ONCE: Final = 1_000
"""Commands that wait for their answers."""

_log: Final = logging.getLogger(__name__)


class Dues(Protocol):
    """What waits for time."""

    async def dues(self, now_ms: int, limit: int) -> Sequence[DueRow]:
        """What is due, the longest due first. Raises StoreUnavailable."""
        ...


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A command, and where it goes."""

    command: Message
    aggregate_id: str
    partition: int | None = None
    """None: that of its game."""


class DueManager:
    """Asks `ServerDue`, `BuildDue`, `PoolDue` and `HostDue`. `partitions` is how many the noun has."""

    def __init__(self, asker: Asker, dues: Dues, *, partitions: int) -> None:
        self._asker = asker
        self._dues = dues
        self._partitions = partitions

    async def tick(self, now_ms: int) -> int:
        """One round; return how many were answered. Raises StoreUnavailable."""
        rows = await self._dues.dues(now_ms, DUES_PER_TICK)
        wanted = {(row.studio_id, row.game_id, one): None for row in rows for one in self.asked(row)}
        room = asyncio.Semaphore(AT_ONCE)

        async def ask(studio_id: str, game_id: str, asked: Asked) -> bool:
            async with room:
                return await self._ask(studio_id, game_id, asked)

        return sum(await asyncio.gather(*(ask(*one) for one in wanted)))

    def asked(self, row: DueRow) -> list[Asked]:
        """What is asked then. Which partition a host serves only that one knows: all are asked."""
        studio_id, game_id = row.studio_id, row.game_id
        match row.kind:
            case "server":
                server = names.server_aggregate(studio_id, game_id, row.id)
                return [Asked(command=ServerDue(instance_id=row.id), aggregate_id=server)]
            case "build":
                build = names.build_aggregate(studio_id, game_id, row.id)
                return [Asked(command=BuildDue(build_id=row.id), aggregate_id=build)]
            case "pool":  # by entry: its project is asked once
                project = names.project_aggregate(studio_id, game_id)
                return [Asked(command=PoolDue(), aggregate_id=project)]
            case _:
                due = HostDue(host_id=row.id)
                host = names.host_aggregate(row.id)
                return [
                    Asked(command=due, aggregate_id=host, partition=number)
                    for number in range(self._partitions)
                ]

    async def _ask(self, studio_id: str, game_id: str, asked: Asked) -> bool:
        try:
            await self._asker.ask(
                asked.command,
                aggregate_id=asked.aggregate_id,
                studio_id=studio_id,
                game_id=game_id,
                partition=asked.partition,
            )
        except (CommandRefused, CommandUnavailable) as error:
            # One holds no other; it is due again next time.
            _log.warning("%s of %s waits: %s", asked.command.WIRE, asked.aggregate_id, error)
            return False
        return True
