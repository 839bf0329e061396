"""A reader of the studio's events that carries what games' definitions declare to another noun's decider.

What is asked follows from a definition as it is now, not from what woke it: asked again, nothing changes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final, Protocol

import msgspec

from schemas.edge.ports import Game, StoreUnavailable
from schemas.envelope import EventsRecord
from schemas.log import LogRecord
from schemas.studio.events import EVENTS, GameChanged, GameDefined
from streams.effect_reader import RETRY, EffectReader, Reading, Retry
from streams.gateway.pending_commands import CommandUnavailable

_decoder: Final = msgspec.msgpack.Decoder(EventsRecord)
_DEFINED: Final = frozenset({GameDefined.WIRE, GameChanged.WIRE})


class Games(Protocol):
    """Raises StoreUnavailable."""

    async def game(self, game_id: str) -> Game | None:
        """A game as it is now, not from a cache."""
        ...


class DefinitionReader(EffectReader):
    """Base: `carry` asks what one game's definition leads to. `what` names it in messages."""

    def __init__(self, what: str, reading: Reading, *, games: Games, retry: Retry = RETRY) -> None:
        super().__init__(what, reading)
        self._games = games
        self._patience_s, self._again_s = retry

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
            await self.until_done(partial(self._carry, game_id, version))
        return bool(defined)

    async def until_done(self, work: Callable[[], Awaitable[None]]) -> None:
        """Does it, again while something that it needs is away. Raises where that lasts too long."""
        deadline = asyncio.get_running_loop().time() + self._patience_s
        while True:
            try:
                return await work()
            except (CommandUnavailable, StoreUnavailable):
                if asyncio.get_running_loop().time() > deadline:
                    raise
            await asyncio.sleep(self._again_s)

    async def _carry(self, game_id: str, version: int) -> None:
        game = await self._games.game(game_id)
        if game is None or game.definition_version < version:
            raise StoreUnavailable(f"version {version} of {game_id} is not applied yet")
        await self.carry(game)
