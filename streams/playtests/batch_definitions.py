"""Carries the key batches that games' definitions declare to playtests' decider.

A reader of the studio's events.
"""

from __future__ import annotations

import logging
from typing import Final, Protocol

from schemas.codec import Message
from schemas.edge.ports import Game
from schemas.identifiers import key_hash
from schemas.playtests.batch_commands import CloseBatch, DefineBatch
from schemas.playtests.batch_views import BatchDefinition
from schemas.playtests.definitions import batch_definitions
from schemas.playtests.names import batch_aggregate
from schemas.playtests.ports import BatchRow
from schemas.playtests.tokens import share_token
from schemas.seal import Sealer
from streams.asking import Asker, CommandRefused
from streams.definition_reader import DefinitionReader, Games
from streams.effect_reader import RETRY, Reading, Retry
from streams.gateway.pending_commands import CommandTooLarge

_log: Final = logging.getLogger(__name__)


class Batches(Protocol):
    """The part of `BatchReads` that is asked. Raises StoreUnavailable."""

    async def batches(self, studio_id: str, game_id: str) -> list[BatchRow]:
        """A game's batches."""
        ...


class BatchDefinitions(DefinitionReader):
    """Defines and closes key batches as games' definitions say."""

    def __init__(
        self,
        asker: Asker,
        reading: Reading,
        *,
        games: Games,
        batches: Batches,
        sealer: Sealer,
        retry: Retry = RETRY,
    ) -> None:
        super().__init__("definitions of key batches", reading, games=games, retry=retry)
        self._asker = asker
        self._batches = batches
        self._sealer = sealer

    async def carry(self, game: Game) -> None:
        """Define and close what differs."""
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
