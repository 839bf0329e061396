"""A reader of the studio's events that carries what games' definitions declare to another noun's decider.

What is asked follows from a definition as it is now, not from what woke it: asked again, nothing changes.
"""

from __future__ import annotations

import asyncio
from typing import Final, Protocol

import msgspec

from schemas.edge.ports import Game, StoreUnavailable
from schemas.envelope import EventsRecord
from schemas.log import LogRecord, LogTail
from schemas.studio.events import EVENTS, GameChanged, GameDefined
from schemas.topics import Topic
from streams.effect_reader import EffectReader, Positions
from streams.gateway.pending_commands import CommandUnavailable

PATIENCE_S: Final = 20.0
"""How long something that is away is asked again before the process ends; below what counts as stuck."""
AGAIN_S: Final = 0.1

_decoder: Final = msgspec.msgpack.Decoder(EventsRecord)
_DEFINED: Final = frozenset({GameDefined.WIRE, GameChanged.WIRE})


class Games(Protocol):
    """Raises StoreUnavailable."""

    async def game(self, game_id: str) -> Game | None:
        """A game as it is now, not from a cache."""
        ...


class DefinitionReader(EffectReader):
    """Base: `carry` asks what one game's definition leads to. `what` names it in messages."""

    def __init__(
        self,
        what: str,
        *,
        topic: Topic,
        tail: LogTail,
        positions: Positions,
        games: Games,
        patience_s: float = PATIENCE_S,
        again_s: float = AGAIN_S,
    ) -> None:
        super().__init__(what, topic=topic, tail=tail, positions=positions)
        self._games = games
        self._patience_s = patience_s
        self._again_s = again_s

    async def carry(self, game: Game) -> None:
        """Ask it. Raises CommandUnavailable and StoreUnavailable: then it is asked again."""
        raise NotImplementedError

    async def take(self, record: LogRecord) -> bool:
        """Carry what the record's games declare. Raises where that can't be done in time."""
        defined: dict[str, int] = {}
        for decided in _decoder.decode(record.value).decided:
            for one in decided.events:
                if one.type in _DEFINED:
                    event = EVENTS.decode(one.type, one.data)
                    if isinstance(event, GameDefined | GameChanged):
                        defined[event.game_id] = event.definition_version
        for game_id, version in defined.items():
            await self._until_carried(game_id, version)
        return bool(defined)

    async def _until_carried(self, game_id: str, version: int) -> None:
        deadline = asyncio.get_running_loop().time() + self._patience_s
        while True:
            try:
                game = await self._games.game(game_id)
                if game is not None and game.definition_version >= version:
                    await self.carry(game)
                    return
                away: Exception = StoreUnavailable(f"version {version} of {game_id} is not applied yet")
            except (CommandUnavailable, StoreUnavailable) as error:
                away = error
            if asyncio.get_running_loop().time() > deadline:
                raise away
            await asyncio.sleep(self._again_s)
