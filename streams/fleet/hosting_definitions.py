"""Carries what hosting follows from to the fleet's decider: games' definitions, and their studios' plans.

A reader of the studio's events. The decider takes each declaration once, and limits each time.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import Final, Protocol

import msgspec

from schemas.edge.ports import Game, StoreUnavailable, Studio
from schemas.envelope import EventsRecord
from schemas.fleet.commands import ChangeSettings
from schemas.fleet.definitions import declared_settings, limits_of
from schemas.fleet.names import project_aggregate
from schemas.log import LogRecord
from schemas.studio.events import EVENTS, StudioChanged
from streams.asking import Asker, CommandRefused
from streams.definition_reader import DefinitionReader
from streams.effect_reader import RETRY, Reading, Retry
from streams.fleet.directory import Directory
from streams.gateway.pending_commands import CommandTooLarge

_log: Final = logging.getLogger(__name__)
_decoder: Final = msgspec.msgpack.Decoder(EventsRecord)


class Studios(Directory, Protocol):
    """Raises StoreUnavailable."""

    async def games(self, studio_id: str) -> list[Game]:
        """All games of a studio as they are now."""
        ...

    async def applied(self, partition: int, offset: int) -> bool:
        """Whether all that is read follows from this record of the studio's events too."""
        ...


class HostingDefinitions(DefinitionReader):
    """Changes settings as games' definitions say, and limits as plans do."""

    def __init__(self, asker: Asker, reading: Reading, *, directory: Studios, retry: Retry = RETRY) -> None:
        super().__init__("definitions of hosting", reading, games=directory, retry=retry)
        self._asker = asker
        self._directory = directory

    async def take(self, record: LogRecord) -> bool:
        """Carry what the record's games declare, and what its studios' plans allow their pools."""
        carried = await super().take(record)
        for studio_id in _with_other_plans(record):
            await self.until_done(partial(self._carry_plan, studio_id, record))
            carried = True
        return carried

    async def carry(self, game: Game) -> None:
        """Change what the definition declares and was not taken before, and what its pool may use."""
        await self._ask(game, declared_settings((await self._studio(game.studio_id)).plan, game))

    async def _carry_plan(self, studio_id: str, record: LogRecord) -> None:
        if not await self._directory.applied(record.partition, record.offset):
            raise StoreUnavailable(f"the plan of {studio_id} is not applied yet")
        plan = (await self._studio(studio_id)).plan
        for game in await self._directory.games(studio_id):
            await self._ask(game, ChangeSettings(limits=limits_of(plan, game)))

    async def _studio(self, studio_id: str) -> Studio:
        studio = await self._directory.studio(studio_id)
        if studio is None:
            raise StoreUnavailable(f"the studio {studio_id} is not known yet")
        return studio

    async def _ask(self, game: Game, command: ChangeSettings) -> None:
        try:
            await self._asker.ask(
                command,
                aggregate_id=project_aggregate(game.studio_id, game.id),
                studio_id=game.studio_id,
                game_id=game.id,
            )
        except (CommandRefused, CommandTooLarge) as error:
            _log.error("hosting is not as its game declares it: %s", error)


def _with_other_plans(record: LogRecord) -> list[str]:
    found: dict[str, None] = {}
    for decided in _decoder.decode(record.value).decided:
        for one in decided.events:
            if one.type == StudioChanged.WIRE:
                event = EVENTS.decode(one.type, one.data)
                if isinstance(event, StudioChanged) and "plan" in event.changed:
                    found[event.studio_id] = None
    return list(found)
