"""Carries the key batches that games' definitions declare to playtests' decider.

A reader of the studio's events. What it asks follows from a definition as it is now, not from what woke it:
asked again, nothing changes.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final, Protocol

import msgspec

from schemas.codec import Message
from schemas.edge.ports import Game, StoreUnavailable
from schemas.envelope import EventsRecord
from schemas.identifiers import key_hash
from schemas.log import LogRecord, LogTail
from schemas.playtests.batch_commands import CloseBatch, DefineBatch
from schemas.playtests.batch_views import BatchDefinition
from schemas.playtests.definitions import batch_definitions
from schemas.playtests.names import batch_aggregate
from schemas.playtests.ports import BatchRow
from schemas.playtests.tokens import share_token
from schemas.seal import Sealer
from schemas.studio.events import EVENTS, GameChanged, GameDefined
from schemas.topics import Topic
from streams.asking import Asker, CommandRefused
from streams.effect_reader import EffectReader, Positions
from streams.gateway.pending_commands import CommandTooLarge, CommandUnavailable

PATIENCE_S: Final = 20.0
"""How long something that is away is asked again before the process ends; below what counts as stuck."""
AGAIN_S: Final = 0.1

_log: Final = logging.getLogger(__name__)
_decoder: Final = msgspec.msgpack.Decoder(EventsRecord)
_DEFINED: Final = frozenset({GameDefined.WIRE, GameChanged.WIRE})


class Games(Protocol):
    """Raises StoreUnavailable."""

    async def game(self, game_id: str) -> Game | None:
        """A game as it is now, not from a cache."""
        ...


class Batches(Protocol):
    """The part of `BatchReads` that is asked. Raises StoreUnavailable."""

    async def batches(self, studio_id: str, game_id: str) -> list[BatchRow]:
        """A game's batches."""
        ...


class BatchDefinitions(EffectReader):
    """Defines and closes key batches as games' definitions say."""

    def __init__(
        self,
        asker: Asker,
        *,
        topic: Topic,
        tail: LogTail,
        positions: Positions,
        games: Games,
        batches: Batches,
        sealer: Sealer,
        patience_s: float = PATIENCE_S,
        again_s: float = AGAIN_S,
    ) -> None:
        super().__init__("definitions of key batches", topic=topic, tail=tail, positions=positions)
        self._asker = asker
        self._games = games
        self._batches = batches
        self._sealer = sealer
        self._patience_s = patience_s
        self._again_s = again_s

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
                    await self._carry(game)
                    return
                away: Exception = StoreUnavailable(f"version {version} of {game_id} is not applied yet")
            except (CommandUnavailable, StoreUnavailable) as error:
                away = error
            if asyncio.get_running_loop().time() > deadline:
                raise away
            await asyncio.sleep(self._again_s)

    async def _carry(self, game: Game) -> None:
        rows = await self._batches.batches(game.studio_id, game.id)
        for command, batch_id in commands_for(game, rows, self._sealer):
            try:
                await self._asker.ask(
                    command,
                    aggregate_id=batch_aggregate(game.studio_id, game.id, batch_id),
                    studio_id=game.studio_id,
                    game_id=game.id,
                )
            except (CommandRefused, CommandTooLarge) as error:
                _log.error("a key batch is not as its game declares it: %s", error)


def commands_for(game: Game, rows: list[BatchRow], sealer: Sealer) -> list[tuple[Message, str]]:
    """What has to be asked, with the batch that it is about, so that batches are as a game declares. Pure."""
    known = {row.batch.definition.id: row.batch for row in rows}
    declared = {one.id: one for one in batch_definitions(game)}
    commands: list[tuple[Message, str]] = []
    for name, definition in declared.items():
        held = known.get(name)
        if held is None or held.definition != definition or held.status == "closed":
            commands.append((_define(game, definition, sealer), name))
    closed = [name for name, held in known.items() if name not in declared and held.status != "closed"]
    return commands + [(CloseBatch(batch_id=name), name) for name in closed]


def fixed_changes(game: Game, rows: list[BatchRow]) -> list[str]:
    """What a game declares and no batch can become, as messages. Pure."""
    known = {row.batch.definition.id: row.batch.definition for row in rows}
    return [
        f"the batch {declared.id} has another {what}: that never changes"
        for declared in batch_definitions(game)
        for what in ("fulfillment_source", "redemption_mode", "identity_mode")
        if declared.id in known and getattr(known[declared.id], what) != getattr(declared, what)
    ]


def _define(game: Game, definition: BatchDefinition, sealer: Sealer) -> DefineBatch:
    if definition.redemption_mode != "public":
        return DefineBatch(definition=definition)
    token = share_token(sealer, batch_aggregate(game.studio_id, game.id, definition.id), 1)
    return DefineBatch(definition=definition, share_token_hash=key_hash(token))
