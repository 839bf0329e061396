"""Lobbies whose time has come: started or closed when they fill too slowly, their bots scored now and then.

After an outage the overdue ones are asked for together, the longest due first. A command that comes too
early, too late or twice changes nothing, so two timers are harmless.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from schemas.liveops.commands import LobbyDue
from schemas.liveops.names import event_aggregate
from schemas.liveops.ports import DueReads, LobbyDueRow
from streams.asking import Asker, CommandRefused
from streams.gateway.pending_commands import CommandUnavailable

LOBBIES_PER_TICK: Final = 1000

_log: Final = logging.getLogger(__name__)


class LobbyManager:
    """Asks `LobbyDue` for each lobby that is due."""

    def __init__(self, asker: Asker, dues: DueReads) -> None:
        self._asker = asker
        self._dues = dues

    async def tick(self, now_ms: int) -> int:
        """One round; return how many lobbies were answered. Raises StoreUnavailable."""
        rows = await self._dues.lobbies_due(now_ms, LOBBIES_PER_TICK)
        return sum(await asyncio.gather(*(self._due(row) for row in rows)))

    async def _due(self, row: LobbyDueRow) -> bool:
        command = LobbyDue(event_key=row.event_key, window_id=row.window_id, lobby_id=row.lobby_id)
        try:
            await self._asker.ask(
                command,
                aggregate_id=event_aggregate(row.game_id, row.event_key, row.window_id),
                studio_id=row.studio_id,
                game_id=row.game_id,
            )
        except (CommandRefused, CommandUnavailable) as error:
            # One lobby holds no other; it is due again next time.
            _log.warning("lobby %s waits: %s", row.lobby_id, error)
            return False
        return True
