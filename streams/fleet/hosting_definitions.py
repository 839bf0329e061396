"""Carries the settings of hosting that games' definitions declare to the fleet's decider.

A reader of the studio's events. The decider takes each declaration once.
"""

from __future__ import annotations

import logging
from typing import Final

from schemas.edge.ports import Game, StoreUnavailable
from schemas.fleet.definitions import declared_settings
from schemas.fleet.names import project_aggregate
from streams.asking import Asker, CommandRefused
from streams.definition_reader import DefinitionReader
from streams.effect_reader import RETRY, Reading, Retry
from streams.fleet.directory import Directory
from streams.gateway.pending_commands import CommandTooLarge

_log: Final = logging.getLogger(__name__)


class HostingDefinitions(DefinitionReader):
    """Changes settings as games' definitions say."""

    def __init__(self, asker: Asker, reading: Reading, *, directory: Directory, retry: Retry = RETRY) -> None:
        super().__init__("definitions of hosting", reading, games=directory, retry=retry)
        self._asker = asker
        self._directory = directory

    async def carry(self, game: Game) -> None:
        """Change what the definition declares and was not taken before, and what its pool may use."""
        studio = await self._directory.studio(game.studio_id)
        if studio is None:
            raise StoreUnavailable(f"the studio of {game.id} is not known yet")
        command = declared_settings(studio.plan, game)
        try:
            await self._asker.ask(
                command,
                aggregate_id=project_aggregate(game.studio_id, game.id),
                studio_id=game.studio_id,
                game_id=game.id,
            )
        except (CommandRefused, CommandTooLarge) as error:
            _log.error("hosting is not as its game declares it: %s", error)
